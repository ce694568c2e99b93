/** What `[[relay]]` must mean: who we are there, whose mail it takes, how much of it; and that no mail is left without one. */
import { domainOf } from "../core/address.ts";
import { checkLogin } from "./check-login.ts";
import { checkTls } from "./check-tls.ts";
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { isLoopback } from "./loopback.ts";
import type { Draft, DraftRelay } from "./schema.ts";

/** `has`: whether a key stands in the file, with whatever value. */
export function checkRelays(
  draft: Draft,
  complete: boolean,
  has: (path: KeyPath) => boolean,
  findings: Findings,
): void {
  const names = new Set<string>();
  for (const [index, relay] of (draft.relay ?? []).entries()) {
    const at = ["relay", index];
    checkAccess(relay, at, findings);
    checkRates(relay, at, findings);
    if (has([...at, "rewrite"]) && !has([...at, "envelope_from"]))
      findings.error([...at, "rewrite"], "it has no effect without envelope_from", "Add envelope_from, or remove it");
    for (const [pause, ms] of (relay.retry ?? []).entries()) {
      if (ms < 1000)
        findings.error([...at, "retry", pause], "a pause of less than a second", 'Write, for example, "1m"');
    }
    const name = relay.name?.toLowerCase();
    if (name !== undefined && names.has(name))
      findings.error(
        [...at, "name"],
        `"${relay.name ?? ""}" is the name of another relay`,
        "Every relay needs a name of its own",
      );
    if (name !== undefined) names.add(name);
  }
  if (complete && draft.listener !== undefined && draft.domains !== undefined) checkCoverage(draft, findings);
}

function checkAccess(relay: DraftRelay, at: KeyPath, findings: Findings): void {
  checkTls(relay, at, findings);
  checkLogin(relay, at, findings);
  const secret = relay.password !== undefined || relay.oauth !== undefined;
  if (secret && relay.user === undefined)
    findings.error([...at, relay.oauth === undefined ? "password" : "oauth"], "there is no user", "Add user", "key");
  if (!secret && relay.user !== undefined)
    findings.error([...at, "user"], "there is a user but no password", "Add password or oauth, or remove the user");
  if (!secret && relay.auth !== undefined && relay.auth !== "auto")
    findings.error([...at, "auth"], "there is nobody to log in as", "Add user and password, or remove it");
  if (secret && relay.tls === "opportunistic" && !isLoopback(relay.host))
    findings.error(
      [...at, "tls"],
      "the password is sent in the clear if the server offers no TLS",
      'Set tls = "required"',
    );
}

function checkRates(relay: DraftRelay, at: KeyPath, findings: Findings): void {
  const rates = relay.rate === undefined ? [] : [relay.rate].flat();
  for (const [index, rate] of rates.entries()) {
    const path = Array.isArray(relay.rate) ? [...at, "rate", index] : [...at, "rate"];
    if (rates.findIndex(({ perMs }) => perMs === rate.perMs) < index)
      findings.error(path, "there are two rates for the same time", "Remove one of the two");
    const narrower = rates.find(({ perMs, messages }) => perMs > rate.perMs && messages <= rate.messages);
    if (narrower !== undefined)
      findings.warn(path, "it never applies: another rate allows no more in a longer time", "Remove it, or lower it");
  }
}

/** Whose mail is let in must have a relay, and whose mail a relay is for must be let in. */
function checkCoverage({ domains = [], listener, relay: relays = [] }: Draft, findings: Findings): void {
  const senders = listener?.sender_domains ?? domains;
  const foreign = senders.includes("*");
  for (const [index, relay] of relays.entries()) {
    for (const [number, pattern] of (relay.senders ?? []).entries()) {
      if (pattern.kind === "all" || foreign) continue;
      const domain = pattern.kind === "domain" ? pattern.domain : domainOf(pattern.address);
      if (!senders.includes(domain))
        findings.warn(
          ["relay", index, "senders", number],
          `no mail from ${domain} is let in`,
          `Add "${domain}" to listener.sender_domains, or remove it here`,
        );
    }
  }
  const patterns = relays.flatMap((relay) => relay.senders ?? []);
  if (relays.length === 0 || patterns.some(({ kind }) => kind === "all")) return;
  const covered = new Set(patterns.flatMap((pattern) => (pattern.kind === "domain" ? [pattern.domain] : [])));
  const without = senders.filter((domain) => domain !== "*" && !covered.has(domain));
  const whose = [...without, ...(foreign ? ["foreign senders"] : [])];
  if (whose.length > 0)
    findings.warn(
      ["relay", relays.length - 1, "senders"],
      `no relay takes all mail of ${whose.join(", ")}: it would wait`,
      'Add "*" to the senders of one of them',
    );
}
