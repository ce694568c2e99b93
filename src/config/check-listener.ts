/** What `[listener]` must mean: no open relay, no password in the clear, nowhere that mail goes round in a circle. */
import { isIP } from "node:net";
import { domainOf } from "../core/address.ts";
import type { ListenAddress, SenderPattern } from "./config.ts";
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { isLoopback } from "./loopback.ts";
import type { Draft, DraftListener } from "./schema.ts";

const at = ["listener"];

/** `has`: whether a key stands in the file, with whatever value. */
export function checkListener(
  draft: Draft,
  complete: boolean,
  has: (path: KeyPath) => boolean,
  findings: Findings,
): void {
  const { listener } = draft;
  if (listener === undefined) return;
  checkWhereAndWho(listener, complete, findings);
  checkCircle(draft, findings);
  checkAtProvider(draft, findings);
  checkSizes(draft, findings);
  checkTimes(listener, has, findings);
}

function checkWhereAndWho(listener: DraftListener, complete: boolean, findings: Findings): void {
  const { listen = [], listen_implicit: implicit = [], allow = [], users = {}, tls } = listener;
  if (complete && listen.length + implicit.length === 0)
    findings.error(at, "it listens nowhere", 'Add listen = ["0.0.0.0:25"]');
  if (implicit.length > 0 && tls === undefined)
    findings.error([...at, "listen_implicit"], "TLS needs a certificate", "Add tls = { cert = …, key = … }");
  if (complete && allow.length === 0 && Object.keys(users).length === 0)
    findings.error(at, "nobody may send", "Name Exchange's network in allow, or add users");
  for (const [index, network] of allow.entries()) {
    const bits = Number(network.split("/")[1]);
    const least = isIP(network.split("/")[0] ?? "") === 4 ? 8 : 16;
    if (bits === 0)
      findings.error([...at, "allow", index], "anyone could send: an open relay", "Name Exchange's own network");
    else if (bits < least)
      findings.warn([...at, "allow", index], "a very large network", "Name Exchange's own network");
  }
  if (Object.keys(users).length > 0 && tls === undefined && listen.some(({ host }) => !isLoopback(host)))
    findings.error([...at, "users"], "passwords would be sent in the clear", "Add tls = { cert = …, key = … }", "key");
  checkRepeatedAddresses([...listen, ...implicit], findings);
}

function checkCircle({ listener, exchange }: Draft, findings: Findings): void {
  const port = exchange?.port ?? 25;
  for (const [index, address] of (listener?.listen ?? []).entries()) {
    if (
      exchange?.host !== undefined &&
      isLoopback(exchange.host) &&
      address.port === port &&
      exchange.tls !== "implicit"
    )
      findings.error(
        [...at, "listen", index],
        "exchange is this very address: mail would go round in a circle",
        "Use different ports",
      );
  }
}

function checkRepeatedAddresses(addresses: readonly ListenAddress[], findings: Findings): void {
  const seen = new Set<string>();
  for (const { host, port } of addresses) {
    const key = `${host} ${port}`;
    if (seen.has(key)) findings.error(at, `port ${port} is listened on twice`, "Remove one of the two");
    seen.add(key);
  }
}

function checkAtProvider({ listener, domains }: Draft, findings: Findings): void {
  for (const [index, pattern] of (listener?.at_provider ?? []).entries()) {
    const path = [...at, "at_provider", index];
    if (pattern.kind === "all")
      findings.error(path, "every address would be at the provider", 'Write own_domains = "relay" instead');
    else if (domains !== undefined && !domains.includes(domainOfPattern(pattern)))
      findings.error(
        path,
        `${domainOfPattern(pattern)} is not among the domains`,
        "Mail to other domains goes by the relay in any case: remove it",
      );
    else if (listener?.own_domains === "relay")
      findings.warn(path, 'it has no effect with own_domains = "relay"', "Remove it");
  }
}

function domainOfPattern(pattern: Exclude<SenderPattern, { readonly kind: "all" }>): string {
  return pattern.kind === "domain" ? pattern.domain : domainOf(pattern.address);
}

/** RFC 5321 §4.5.3.1.8. */
const leastRecipients = 100;

function checkSizes({ listener, spool }: Draft, findings: Findings): void {
  if (listener?.max_size !== undefined && spool !== undefined && listener.max_size > spool.max_size)
    findings.error(
      [...at, "max_size"],
      "a message of this size does not fit into the spool",
      "Lower it, or raise spool.max_size",
    );
  if (listener?.max_recipients !== undefined && listener.max_recipients < leastRecipients)
    findings.warn(
      [...at, "max_recipients"],
      `fewer than the ${leastRecipients} recipients that any server must take (RFC 5321)`,
      "Exchange sends the others in further messages",
    );
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
/** RFC 5321 §4.5.3.2.7. */
const leastIdleMs = 5 * minuteMs;

/** Each pair is told at the key that stands in the file, not at a default. */
function checkTimes(listener: DraftListener, has: (path: KeyPath) => boolean, findings: Findings): void {
  const { idle, session, delay_notice: delay, give_up: giveUp, queue_age_limit: age } = listener;
  const written = (key: string, other: string): KeyPath => [...at, has([...at, key]) ? key : other];
  if (idle === 0) findings.error([...at, "idle"], "every client would be disconnected at once", 'Write "10m"');
  else if (idle !== undefined && idle < leastIdleMs)
    findings.warn([...at, "idle"], "shorter than the five minutes that a server should wait (RFC 5321)", 'Write "10m"');
  if (session === 0) findings.error([...at, "session"], "every client would be disconnected at once", 'Write "2h"');
  else if (session !== undefined && idle !== undefined && session < idle)
    findings.warn(written("session", "idle"), "a connection ends (session) before it has been silent for idle", "");
  if (giveUp !== undefined && giveUp < hourMs)
    findings.warn([...at, "give_up"], "mail is returned after less than an hour", "A provider can be down for longer");
  if (delay !== undefined && giveUp !== undefined && delay >= giveUp)
    findings.warn(
      written("delay_notice", "give_up"),
      "mail is given up (give_up) before its sender is told that it is late (delay_notice)",
      "Make delay_notice shorter than give_up",
    );
  if (age !== undefined && giveUp !== undefined && age > 0 && age >= giveUp)
    findings.warn(
      written("queue_age_limit", "give_up"),
      "no mail gets as old as queue_age_limit: it is given up before",
      'Make queue_age_limit shorter than give_up, or write "0s"',
    );
}
