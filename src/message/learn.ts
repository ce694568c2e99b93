/**
 * Which profile fits the mail of a box. Every profile is tried on every header as if it were configured; one fits when
 * nearly all of them give local recipients by its field in its zone. What was not mail for anybody (notes of mailbox
 * software, loops) does not count.
 *
 * Of several that fit, one whose hosts the Received fields name goes first, then one whose marker fields or whose
 * software's name is there, then the order of `profiles`. To and Cc are never learnt: they fit all mail and say nothing of blind copies.
 */
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
  const best = fitting[0];
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
  const share = mail.filter((header) => gives(decide(header, policy))).length;
  const needed = nearlyAll * mail.length;
  const hosts = profile.providerHosts;
  const atHost = mail.filter((header) => isAtHost(header, hosts)).length >= needed;
  // A provider's profile is not for mail that has never been there.
  if (hosts.length > 0 && !atHost) return { profile, share, score: -1 };
  const markers = profile.place.kind === "bottom" ? profile.place.markers : [];
  const marked = mail.filter(({ fields }) => fields.some(({ lower }) => isMarker(lower, markers))).length >= needed;
  const signed = mail.filter((header) => bearsMark(header, profile.traceMark)).length >= needed;
  const isMarked = (markers.length > 0 && marked) || (profile.traceMark !== undefined && signed);
  return { profile, share, score: (hosts.length > 0 ? 2 : 0) + (isMarked ? 1 : 0) };
}

function gives(decision: Decision): boolean {
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
