/** The real client, pointed at a server on loopback. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../src/core/ports.ts";
import { pop3Connect } from "../../src/pop3/connect.ts";
import { defaultLimits, defaultTimeouts, type Pop3Options } from "../../src/pop3/options.ts";
import { assumedCapabilities } from "../../src/pop3/capabilities.ts";
import type { Capabilities, Pop3Connect, Retrieval } from "../../src/pop3/port.ts";
import { systemClock } from "../../src/runtime/clock.ts";

export const plainTls = {
  mode: "off",
  ca: [],
  fingerprints: [],
  minVersion: "TLSv1.2",
  servername: undefined,
} as const;

/** What a good server with PIPELINING is known to have: saves CAPA. */
export const knownGood: Capabilities = { ...assumedCapabilities, announced: true, pipelining: true };

export function client(port: number, options: Partial<Pop3Options> = {}, clock: Clock = systemClock): Pop3Connect {
  const credentials = {
    user: "tester",
    secret: { kind: "password" as const, read: () => Promise.resolve("secret") },
  };
  return pop3Connect(
    {
      host: "127.0.0.1",
      port,
      tls: plainTls,
      credentials,
      auth: "user",
      limits: defaultLimits,
      timeouts: defaultTimeouts,
      pipelining: true,
      needUidl: true,
      utf8: false,
      ...options,
    },
    { clock, randomBytes },
  );
}

export const never: AbortSignal = new AbortController().signal;

/** A whole message, or what the iteration throws. */
export async function read(retrieval: Retrieval): Promise<Buffer> {
  if (retrieval.kind === "refused") throw new Error(`refused: ${retrieval.reply}`);
  const slices: Buffer[] = [];
  for await (const slice of retrieval.body) slices.push(slice);
  return Buffer.concat(slices);
}
