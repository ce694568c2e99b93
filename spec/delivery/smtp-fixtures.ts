/** A transport with short words, and messages for it. */
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Clock } from "../../src/core/ports.ts";
import { createSmtpTransport, type SmtpTransportOptions } from "../../src/delivery/smtp-transport.ts";
import type { Transaction, TransactionResult, Transport } from "../../src/delivery/transport.ts";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { systemClock } from "../../src/runtime/clock.ts";

export const never = new AbortController().signal;
export const at = (name: string): string => `${name}@firma.example`;
export const plain: TlsPolicy = {
  mode: "off",
  ca: [],
  fingerprints: [],
  minVersion: "TLSv1.2",
  servername: undefined,
};

export function openTransport(
  port: number,
  more: Partial<SmtpTransportOptions> = {},
  clock: Clock = systemClock,
): Transport {
  return createSmtpTransport(
    {
      name: "exchange",
      host: "localhost",
      port,
      tls: plain,
      hostname: "popgate.firma.example",
      credentials: undefined,
      maxMessagesPerConnection: 20,
      idleMs: 60_000,
      maxAgeMs: 480_000,
      eightBit: "send",
      ...more,
    },
    { clock },
  );
}

interface Mail extends Partial<Omit<Transaction, "recipients" | "body">> {
  readonly to?: readonly string[];
  readonly body?: string | Buffer | (() => AsyncIterable<Buffer>);
}

export function transaction({
  to = [at("anna")],
  body = "Subject: x\r\n\r\nhello\r\n",
  ...more
}: Mail = {}): Transaction {
  const [first = mustAddress(at("anna")), ...rest] = to.map((address) => mustAddress(address));
  const octets = typeof body === "function" ? Buffer.alloc(0) : Buffer.from(body);
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any text will do
    message: "M" as MessageId,
    reversePath: nullReversePath,
    size: octets.length,
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    ...more,
    recipients: [first, ...rest],
    body:
      typeof body === "function"
        ? body
        : async function* () {
            yield octets;
          },
  };
}

/** The recipients' outcomes, in their order. */
export function kinds(result: TransactionResult): string[] {
  return result.outcomes.map(({ outcome }) => outcome.kind);
}
