/**
 * Which senders and recipients are taken from who may send. Pure.
 *
 * A smarthost takes mail to any domain, and only from senders it answers for. A local part is never looked into: in
 * `user%other.example@firma.example`, `other!user@firma.example` and `"user@other.example"@firma.example` the domain is
 * what stands behind the last @ and nothing else (RFC 5321 §2.3.11), so that no spelling leads anywhere but there.
 */
import { domainOf, type Address, type ReversePath } from "../core/address.ts";
import type { Verdict } from "./port.ts";
import { ok, refusals, senderNotAllowed, unreachableDomain } from "./refusals.ts";

export interface SenderPolicy {
  /** Lower-case A-labels. A sub-domain is a domain of its own. */
  readonly domains: ReadonlySet<string>;
  /** Senders of any domain: mail that Exchange's rules forward keeps its own sender. */
  readonly foreign: boolean;
}

/** The null reverse path is taken: Exchange's reports, receipts and absence notes carry it (RFC 5321 §4.5.5). */
export function judgeSender(path: ReversePath, { domains, foreign }: SenderPolicy): Verdict {
  if (path.kind === "null" || foreign) return ok;
  const domain = domainOf(path.address);
  return domains.has(domain) ? ok : senderNotAllowed(domain);
}

/** `text`: the path as written. `own`: domains that are taken whatever they look like. */
export function judgeRecipient(address: Address, text: string, own: ReadonlySet<string>): Verdict {
  // RFC 5321 §4.1.1.3 lets a server refuse them.
  if (text.startsWith("@")) return refusals.sourceRoute;
  const domain = domainOf(address);
  // By RFC 5321 §5.1 the literal is the way itself: past every relay, to any host inside the network.
  if (domain.startsWith("[")) return refusals.literalRecipient;
  return own.has(domain) || canExist(domain) ? ok : unreachableDomain(domain);
}

/** Top-level names that are never delegated (RFC 6761 §6.3, §6.4). */
const neverDelegated = new Set(["invalid", "localhost"]);

/** Whether DNS could know the domain: more than one label, the last one no number (RFC 3696 §2). */
function canExist(domain: string): boolean {
  const labels = domain.split(".");
  const last = labels.at(-1) ?? "";
  return labels.length > 1 && !/^\d+$/u.test(last) && !neverDelegated.has(last);
}
