/**
 * Which profile fits the mail of a box. Every profile is tried on every header as if it were configured; one fits when
 * nearly all of them give local recipients by its field in its zone. What was not mail for anybody (notes of mailbox
 * software, loops) does not count.
 *
 * Of several that fit, one whose hosts the Received fields name goes first, then one whose marker fields or whose
 * software's name is there, then the order of `profiles`. A field that names one address in all messages may name the box
 * itself: another that names several people goes before it, and alone it needs To and Cc to bear it out. To and Cc are never learnt: they fit all mail and say nothing of blind copies.
 */
import { addressKey, domainOf, type AddressKey } from "../core/address.ts";
import { parseAddressList } from "./address-list.ts";
import type { Decision } from "./decision.ts";
import type { HeaderBlock } from "./header.ts";
import type { CollectorPolicy } from "./policy.ts";
import { collectorPolicy, profiles, type Profile } from "./profiles.ts";
import { parseReceived } from "./received.ts";
import { decide } from "./recipients.ts";
import { stopBeforeReading } from "./stop.ts";
import { isHostOf, isMarker } from "./zone.ts";

/** All of a collector's policy but what is to be learnt. */
export type LearnBase = Omit<
  CollectorPolicy,
  "kind" | "profile" | "sources" | "place" | "providerHosts" | "absentWhenSeveral"
>;

export type Learnt =
  /** `share` of `of` messages give local recipients by it. */
  | { readonly kind: "learnt"; readonly profile: Profile; readonly share: number; readonly of: number }
  | { readonly kind: "undecided"; readonly why: string };

/** From this many messages on, some may differ; below it, all must agree. */
const enough = 10;
const fewest = 3;
const nearlyAll = 0.95;
/** A provider's own Received fields stand on top, below a few of its inner servers'. */
const topReceived = 3;

interface Candidate {
  readonly profile: Profile;
  readonly share: number;
  readonly score: number;
  /** Everybody it has found. */
  readonly people: ReadonlySet<AddressKey>;
}

/** Looks for the profile that explains these headers. */
export function learnProfile(headers: readonly HeaderBlock[], base: LearnBase): Learnt {
  const mail = headers.filter((header) => stopBeforeReading(header, base) === undefined);
  const of = mail.length;
  if (of < fewest) return { kind: "undecided", why: `${of} message(s) are too few to tell; ${fewest} are needed` };
  const candidates = profiles.map((profile) => judge(profile, mail, base));
  const fitting = candidates
    .filter(({ share, score }) => score >= 0 && (of >= enough ? share >= nearlyAll * of : share === of))
    .sort((a, b) => b.score - a.score);
  // A profile that reads the box's own address for everybody's fits every message just as well as the right one.
  const telling = fitting.some(({ people }) => people.size > 1)
    ? fitting.filter(({ people }) => people.size > 1)
    : fitting;
  const best = telling[0];
  if (best !== undefined && mayBeTheBox(best, mail, base)) return { kind: "undecided", why: boxWords(best, of) };
  if (best !== undefined) return { kind: "learnt", profile: best.profile, share: best.share, of };
  const nearest = [...candidates].sort((a, b) => b.share - a.share)[0];
  const near =
    nearest === undefined || nearest.share === 0
      ? "no known envelope field stands where only a provider can have written it"
      : `the nearest profile, ${nearest.profile.name}, fits only ${nearest.share}`;
  return { kind: "undecided", why: `of ${of} messages: ${near}` };
}

function policyOf(profile: Profile, base: LearnBase): CollectorPolicy {
  const { domains, limits, hostname, aliases, stripPrefix } = base;
  return collectorPolicy(profile, { domains, limits, hostname, aliases, stripPrefix });
}

function judge(profile: Profile, mail: readonly HeaderBlock[], base: LearnBase): Candidate {
  const policy = policyOf(profile, base);
  const decisions = mail.map((header) => decide(header, policy)).filter(gives);
  const share = decisions.length;
  const people = new Set(decisions.flatMap(({ recipients }) => recipients.map((address) => addressKey(address))));
  const needed = nearlyAll * mail.length;
  const hosts = profile.providerHosts;
  const atHost = mail.filter((header) => isAtHost(header, hosts)).length >= needed;
  // A provider's profile is not for mail that has never been there.
  if (hosts.length > 0 && !atHost) return { profile, share, score: -1, people };
  const markers = profile.place.kind === "bottom" ? profile.place.markers : [];
  const marked = mail.filter(({ fields }) => fields.some(({ lower }) => isMarker(lower, markers))).length >= needed;
  const signed = mail.filter((header) => bearsMark(header, profile.traceMark)).length >= needed;
  const isMarked = (markers.length > 0 && marked) || (profile.traceMark !== undefined && signed);
  return { profile, share, score: (hosts.length > 0 ? 2 : 0) + (isMarked ? 1 : 0), people };
}

/**
 * `Delivered-To` and the `for` clause name the mailbox after the provider's rewriting: behind a catch-all that is one
 * address for everybody. One and the same address for all messages is believed only if To and Cc bear it out.
 */
function mayBeTheBox({ profile, people }: Candidate, mail: readonly HeaderBlock[], base: LearnBase): boolean {
  const afterRewriting = profile.sources.some(
    (source) => source.kind === "received-for" || (source.kind === "field" && /delivered-to$/iu.test(source.name)),
  );
  if (people.size !== 1 || !afterRewriting) return false;
  const visible = mail.map((header) => visibleLocals(header, base)).filter(({ size }) => size > 0);
  const named = visible.filter((keys) => [...people].every((key) => keys.has(key)));
  return named.length * 2 < visible.length || visible.length === 0;
}

function visibleLocals({ fields }: HeaderBlock, { domains }: LearnBase): ReadonlySet<AddressKey> {
  const addresses = fields
    .filter(({ lower }) => lower === "to" || lower === "cc")
    .flatMap(({ value }) => parseAddressList(value).addresses);
  return new Set(
    addresses.filter((address) => domains.includes(domainOf(address))).map((address) => addressKey(address)),
  );
}

function boxWords({ profile, people }: Candidate, of: number): string {
  const [address] = people;
  return (
    `${profile.name} fits, but names ${address ?? "one address"} in all of ${of} messages, which To and Cc do not bear out: ` +
    "it may be the address of the box itself"
  );
}

function gives(decision: Decision): decision is Extract<Decision, { kind: "deliver" }> {
  return decision.kind === "deliver" && decision.evidence.used !== undefined;
}

function isAtHost(header: HeaderBlock, hosts: readonly string[]): boolean {
  return providersTrace(header).some((value) => isHostOf(parseReceived(value).by, hosts));
}

function bearsMark(header: HeaderBlock, mark: string | undefined): boolean {
  return mark !== undefined && providersTrace(header).some((value) => value.toLowerCase().includes(mark));
}

function providersTrace(header: HeaderBlock): readonly string[] {
  return header.fields
    .filter(({ lower }) => lower === "received")
    .slice(0, topReceived)
    .map(({ value }) => value);
}
