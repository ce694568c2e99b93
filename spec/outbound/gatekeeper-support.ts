/** A gatekeeper for specs: quick hashes, a clock that does not wait, and clients as a server would describe them. */
import { parseAddress, type ReversePath } from "../../src/core/address.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import { hashPassword } from "../../src/core/password-hash.ts";
import type { Clock } from "../../src/core/ports.ts";
import { createGatekeeper, type GatekeeperOptions } from "../../src/outbound/gatekeeper.ts";
import type { Gatekeeper, MailRequest, Pass, SmtpClient, Verdict } from "../../src/outbound/port.ts";
import { relaySetUp } from "./relay-cases.ts";

/** Sleeps are over at once. */
const instantClock: Clock = { now: () => Date.UTC(2026, 10, 24, 8), sleep: async () => undefined };

const hash = await hashPassword(relaySetUp.password, { ln: 10 });

const someUsers = new Map([[relaySetUp.user, { read: async () => hash }]]);

export interface Opened {
  readonly keeper: Gatekeeper;
  readonly events: PopgateEvent[];
}

export function openGatekeeper(options: Partial<GatekeeperOptions> = {}, clock: Clock = instantClock): Opened {
  const events: PopgateEvent[] = [];
  const keeper = createGatekeeper(
    {
      allow: relaySetUp.allow,
      users: someUsers,
      tls: true,
      senderDomains: relaySetUp.senderDomains,
      foreignSenders: false,
      maxOctets: () => 50_000_000,
      maxRecipients: 1000,
      connections: 100,
      clientConnections: 50,
      clientMessagesPerMinute: 0,
      ...options,
    },
    { clock, events: { emit: (event) => void events.push(event) } },
  );
  return { keeper, events };
}

export const tls = { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" };

export function clientAt(address: string, more: Partial<SmtpClient> = {}): SmtpClient {
  return { address, listener: "0.0.0.0:25", helo: "host", esmtp: true, tls: undefined, user: undefined, ...more };
}

/** The pass of a client that must be let in. */
export function admitted(keeper: Gatekeeper, client: SmtpClient): Pass {
  const result = keeper.admit(client);
  if (result.kind === "no") throw new Error(`not admitted: ${codeOf(result)}`);
  return result.pass;
}

export function mailFrom(path: string, more: Partial<MailRequest> = {}): MailRequest {
  const reversePath = parseReversePath(path);
  if (reversePath === undefined) throw new Error(`not a path: ${path}`);
  const nothing = { size: undefined, body: undefined, smtpUtf8: false, requireTls: false, ret: undefined };
  return { ...nothing, envid: undefined, reversePath, ...more };
}

export function parseReversePath(path: string): ReversePath | undefined {
  if (path === "") return { kind: "null" };
  const result = parseAddress(path);
  return result.kind === "ok" ? { kind: "address", address: result.address } : undefined;
}

/** `250`, or `554 5.7.1`. */
export function codeOf(verdict: { readonly kind: "ok" } | Extract<Verdict, { kind: "no" }>): string {
  return verdict.kind === "ok" ? "ok" : `${verdict.answer.code} ${verdict.answer.enhanced}`;
}
