/**
 * The reverse path that a relay is given. Pure. Some providers take mail only from the address of the account; `rewrite`
 * says whose reverse path `envelope_from` then replaces: that of own senders, of foreign ones (mail that a rule in Exchange
 * forwards), the null one of reports. The header fields stay as they are.
 */
import { domainOf, type Address, type ReversePath } from "../core/address.ts";

export interface RewriteRules {
  readonly envelopeFrom: Address | undefined;
  readonly rewrite: ReadonlySet<"own" | "foreign" | "null">;
  /** The company's domains. */
  readonly domains: readonly string[];
}

/** The reverse path for MAIL FROM: the very same value when nothing is replaced. */
export function rewrittenPath(path: ReversePath, { envelopeFrom, rewrite, domains }: RewriteRules): ReversePath {
  if (envelopeFrom === undefined || !rewrite.has(kindOf(path, domains))) return path;
  if (path.kind === "address" && path.address === envelopeFrom) return path;
  return { kind: "address", address: envelopeFrom };
}

function kindOf(path: ReversePath, domains: readonly string[]): "own" | "foreign" | "null" {
  if (path.kind === "null") return "null";
  return domains.includes(domainOf(path.address)) ? "own" : "foreign";
}
