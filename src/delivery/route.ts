/**
 * The ways that a recipient's mail can go, the preferred one first. Pure. They are found at the moment of each attempt, so
 * that a changed configuration holds for everything that waits.
 *
 * - Own domains go to Exchange, unless `ownDomains = "relay"` or the address is named in `at_provider` (its box is at the
 *   provider): a relay would only bring the mail back through the collector.
 * - Everything else goes by the relays whose `senders` match the sender: those that name the address come before those
 *   that name its domain, and these before `*`; among equals the order of the configuration holds. The first that can be
 *   used takes the mail. The others stand in for it: same mask, next in the list, and then the more general masks, since
 *   `*` says that a relay may carry anybody's mail. A relay that must carry nothing but its own senders' mail does not
 *   write `*`.
 * - Mail with the null reverse path and without an author has no sender to match: only `*` relays take it.
 * - REQUIRETLS (RFC 8689 §4.2.1): only relays that have to prove themselves. A server that turned out not to offer it is
 *   not tried twice in a row while there is another.
 */
import { addressKey, domainOf, type Address } from "../core/address.ts";
import type { MessageRecord, Recipient } from "../spool/record.ts";

/** `exchange`, or a relay by its name. */
export type WayName = "exchange" | `relay ${string}`;

/** `kind: "all"` is `*`. */
export type AddressPattern =
  | { readonly kind: "all" }
  | { readonly kind: "domain"; readonly domain: string }
  | { readonly kind: "address"; readonly address: Address };

export interface RelayRoute {
  readonly name: string;
  readonly senders: readonly AddressPattern[];
  /** Its server has to prove itself over TLS (`net/tls-policy.ts`). */
  readonly isProved: boolean;
}

export interface RouteRules {
  /** The company's domains: lower case, A-labels. */
  readonly domains: readonly string[];
  readonly ownDomains: "exchange" | "relay";
  /** Own addresses whose box is at the provider. */
  readonly atProvider: readonly AddressPattern[];
  /** In the order of the configuration. */
  readonly relays: readonly RelayRoute[];
}

type Routed = Pick<MessageRecord, "submission">;

export function relayWay(name: string): WayName {
  return `relay ${name}`;
}

/** The ways for one recipient, the preferred one first. Empty: there is none, and the message waits. */
export function waysOf(record: Routed, recipient: Recipient, rules: RouteRules): readonly WayName[] {
  if (goesToExchange(recipient.address, rules)) return ["exchange"];
  const ways = relaysFor(record, rules).map(({ name }) => relayWay(name));
  return lacksRequireTls(recipient) ? rotated(ways, attemptsOf(recipient)) : ways;
}

/** Why there is no way, in words. */
export function whyNoWay({ submission }: Routed, rules: RouteRules): string {
  const sender = submission?.sender;
  if (rules.relays.length === 0) return "there is no [[relay]]";
  const matching = relaysFor({ submission: undefined }, rules, sender);
  if (submission?.requireTls === true && matching.length > 0)
    return 'it must not be sent without proved TLS, and no relay for it has tls = "required" or "implicit"';
  if (sender === undefined) return 'it has no sender, and no [[relay]] has senders = ["*"]';
  return `no [[relay]] has ${sender}, *@${domainOf(sender)} or * among its senders`;
}

/** Whether mail of one and the same sender can go by both. */
export function canStandIn(a: RelayRoute, b: RelayRoute): boolean {
  return a.senders.some((one) => b.senders.some((other) => overlap(one, other)));
}

function goesToExchange(address: Address, { domains, ownDomains, atProvider }: RouteRules): boolean {
  if (ownDomains !== "exchange" || !domains.includes(domainOf(address))) return false;
  return !atProvider.some((pattern) => rank(pattern, address) !== undefined);
}

function relaysFor(
  { submission }: Routed,
  { relays }: RouteRules,
  sender: Address | undefined = submission?.sender,
): readonly RelayRoute[] {
  const ranked = relays.flatMap((relay) => {
    const ranks = relay.senders.flatMap((pattern) => rank(pattern, sender) ?? []);
    const usable = relay.isProved || submission?.requireTls !== true;
    return usable && ranks.length > 0 ? [{ relay, rank: Math.min(...ranks) }] : [];
  });
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ relay }) => relay);
}

/** How well a pattern fits, 0 best; `undefined`: not at all. */
function rank(pattern: AddressPattern, address: Address | undefined): number | undefined {
  if (pattern.kind === "all") return 2;
  if (address === undefined) return undefined;
  if (pattern.kind === "domain") return pattern.domain === domainOf(address) ? 1 : undefined;
  return addressKey(pattern.address) === addressKey(address) ? 0 : undefined;
}

function overlap(a: AddressPattern, b: AddressPattern): boolean {
  if (a.kind === "all" || b.kind === "all") return true;
  if (a.kind === "address") return rank(b, a.address) !== undefined;
  return b.kind === "address" ? rank(a, b.address) !== undefined : a.domain === b.domain;
}

function lacksRequireTls({ lastCause }: Recipient): boolean {
  return lastCause?.kind === "extension" && lastCause.missing === "REQUIRETLS";
}

function attemptsOf({ state }: Recipient): number {
  return state.kind === "queued" ? state.attempts : 0;
}

function rotated<T>(items: readonly T[], by: number): readonly T[] {
  if (items.length === 0) return items;
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
