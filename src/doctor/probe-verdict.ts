/**
 * What the marked mails that came back say of a provider: which way of finding recipients names exactly those to whom
 * each mail was sent, what it would cost, and whether a sender could interfere. Pure: copies in, verdict out.
 *
 * Unlike with other mail the truth is known here. A way is *wrong* for a mail when it names anybody to whom that was not
 * sent; the best one is wrong for none, right for most, and reads a provider's field rather than anything else.
 *
 * - `yes`: every mail reaches exactly its recipients, once.
 * - `limits`: nobody gets what is not his, and blind copies arrive; some mail is held, repeated, or was not seen.
 * - `no`: a blind recipient is not found, or somebody gets what is not his.
 * - `unknown`: too little came back.
 */
import { addressKey, type Address, type AddressKey } from "../core/address.ts";
import type { Decision } from "../message/decision.ts";
import type { HeaderBlock } from "../message/header.ts";
import type { LearnBase } from "../message/learn.ts";
import type { CollectorPolicy } from "../message/policy.ts";
import { decide } from "../message/recipients.ts";
import { toCcName, weighChoices, type Choice } from "./envelope-choices.ts";
import { surveyFields, type FieldSurvey } from "./field-survey.ts";
import { forgedNames, probeKinds, type ProbeKind } from "./probe-mails.ts";

/** One message of ours, as it lay in the box. */
export interface ProbeCopy {
  readonly kind: ProbeKind;
  readonly header: HeaderBlock;
}

export interface ProbeTruth {
  /** To whom each mail was sent; a kind that could not be sent is not there. */
  readonly sent: ReadonlyMap<ProbeKind, readonly Address[]>;
  readonly forged: Address;
  readonly base: LearnBase;
  /** `undefined` where the account is to learn it, or is no collector. */
  readonly configured: CollectorPolicy | undefined;
}

/**
 * What a way makes of all copies of a mail. `partly`: some of its recipients get it, nobody else does. `repeated`: those
 * who get it get it more than once. `absent`: no copy came.
 */
export type Given = "right" | "repeated" | "partly" | "held" | "wrong" | "absent";

export interface TriedWay {
  readonly choice: Choice;
  readonly given: ReadonlyMap<ProbeKind, Given>;
  /** Who would get what was never sent to them. */
  readonly strays: readonly Address[];
  /** Why mail of a kind is held, in words. */
  readonly heldFor: ReadonlyMap<ProbeKind, string>;
}

export interface ForgedField {
  readonly name: string;
  /** `above`: the provider's Received field does not stand over it, so that it looks like the provider's own. */
  readonly where: "removed" | "above" | "below";
}

export interface Verdict {
  readonly fit: "yes" | "limits" | "no" | "unknown";
  /** `undefined` when no way delivers anything. */
  readonly best: TriedWay | undefined;
  readonly configured: TriedWay | undefined;
  /** How many copies of each mail that was sent lay in the box. */
  readonly copies: ReadonlyMap<ProbeKind, number>;
  /** Fields of the provider's that name own addresses, in all mails but the one with the forged fields. */
  readonly fields: readonly FieldSurvey[];
  /** Empty when the mail with the forged fields did not come. */
  readonly forged: readonly ForgedField[];
  /** An address that the provider's field names for every mail, though none was sent there: the box itself. */
  readonly boxAddress: Address | undefined;
}

export function judge(copies: readonly ProbeCopy[], truth: ProbeTruth): Verdict {
  const ways = waysFor(copies, truth).map((choice) => tryWay(choice, copies, truth));
  const [best] = ways.filter(delivers).toSorted(better);
  const configured =
    truth.configured === undefined
      ? undefined
      : tryWay({ name: "as configured", policy: bare(truth.configured), lines: [] }, copies, truth);
  // What was forged is told of on its own.
  const honest = copies.filter(({ kind }) => kind !== "cc").map(({ header }) => header);
  return {
    fit: copies.length === 0 ? "unknown" : fitOf(best, truth),
    best,
    configured,
    copies: new Map(
      [...truth.sent.keys()].map((kind) => [kind, copies.filter((copy) => copy.kind === kind).length] as const),
    ),
    fields: surveyFields(honest, truth.base.domains, new Set()).filter(({ messages }) => messages > 1),
    forged: forgedFields(copies, truth.forged),
    boxAddress: boxAddressOf(ways, truth),
  };
}

/** Addresses are compared as they were sent: nothing is mapped, and nothing stands in for what is missing. */
function bare<T extends LearnBase>(policy: T): T {
  return { ...policy, aliases: new Map(), fallback: undefined, established: undefined };
}

/** The ways that mail to one recipient suggests, the likeliest first. Mail to several may lack the field. */
function waysFor(copies: readonly ProbeCopy[], { base }: ProbeTruth): readonly Choice[] {
  const single = copies.filter(({ kind }) => kind !== "several").map(({ header }) => header);
  const headers = single.length > 0 ? single : copies.map(({ header }) => header);
  if (headers.length === 0) return [];
  const surveys = surveyFields(headers, base.domains, new Set());
  const { best, others } = weighChoices(headers, bare(base), undefined, surveys);
  return [...(best === undefined ? [] : [best]), ...others].map(({ choice }) => choice);
}

function tryWay(choice: Choice, copies: readonly ProbeCopy[], { sent }: ProbeTruth): TriedWay {
  const given = new Map<ProbeKind, Given>();
  const heldFor = new Map<ProbeKind, string>();
  const strays = new Map<AddressKey, Address>();
  for (const [kind, recipients] of sent) {
    const decisions = copies.filter((copy) => copy.kind === kind).map(({ header }) => decide(header, choice.policy));
    const wanted = new Set(recipients.map(addressKey));
    for (const address of namedBy(decisions))
      if (!wanted.has(addressKey(address))) strays.set(addressKey(address), address);
    const held = decisions.find((decision) => decision.kind === "hold");
    if (held !== undefined) heldFor.set(kind, held.detail);
    given.set(kind, givenBy(decisions, wanted));
  }
  return { choice, given, strays: [...strays.values()], heldFor };
}

function givenBy(decisions: readonly Decision[], wanted: ReadonlySet<AddressKey>): Given {
  if (decisions.length === 0) return "absent";
  const named = namedBy(decisions).map(addressKey);
  const different = new Set(named);
  if (named.some((key) => !wanted.has(key))) return "wrong";
  if (named.length === 0) return "held";
  if (different.size < wanted.size || decisions.some(({ kind }) => kind === "hold")) return "partly";
  return named.length > different.size ? "repeated" : "right";
}

function namedBy(decisions: readonly Decision[]): readonly Address[] {
  return decisions.flatMap((decision) => (decision.kind === "deliver" ? decision.recipients : []));
}

/** One that is never right, as it only ever finds what was forged, is no way at all. */
function delivers({ given }: TriedWay): boolean {
  return [...given.values()].some((one) => one === "right" || one === "repeated" || one === "partly");
}

/** Sorting is stable: what was likelier stays first. */
function better(one: TriedWay, other: TriedWay): number {
  const worth = (way: TriedWay): readonly number[] => [
    -count(way, "wrong"),
    way.given.get("bcc") === "right" ? 1 : 0,
    count(way, "right"),
    count(way, "repeated") + count(way, "partly"),
    way.choice.name === toCcName ? 0 : 1,
  ];
  const theirs = worth(other);
  for (const [index, value] of worth(one).entries()) {
    const difference = (theirs[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}

function count({ given }: TriedWay, wanted: Given): number {
  return [...given.values()].filter((one) => one === wanted).length;
}

function fitOf(best: TriedWay | undefined, { sent }: ProbeTruth): Verdict["fit"] {
  // What came back was of no use to any way: that is an answer.
  if (best === undefined) return "no";
  if (best.strays.length > 0) return "no";
  const blind = best.given.get("bcc") ?? "absent";
  if (blind === "absent") return "unknown";
  if (blind === "held" || blind === "partly") return "no";
  return probeKinds.every((kind) => best.given.get(kind) === "right" && sent.has(kind)) ? "yes" : "limits";
}

function forgedFields(copies: readonly ProbeCopy[], forged: Address): readonly ForgedField[] {
  const headers = copies.filter(({ kind }) => kind === "cc").map(({ header }) => header);
  if (headers.length === 0) return [];
  return forgedNames.map((name) => ({ name, where: whereIs(name, forged, headers) }));
}

function whereIs(name: string, forged: Address, headers: readonly HeaderBlock[]): ForgedField["where"] {
  let where: ForgedField["where"] = "removed";
  for (const { fields } of headers) {
    const received = fields.findIndex(({ lower, value }) => lower === "received" && !value.includes(forged));
    const first = fields.findIndex(({ lower, value }) => lower === name.toLowerCase() && value.includes(forged));
    if (first < 0) continue;
    if (received < 0 || first < received) return "above";
    where = "below";
  }
  return where;
}

/** What a catch-all leaves of the envelope where a server writes the field after rewriting. */
function boxAddressOf(ways: readonly TriedWay[], { forged }: ProbeTruth): Address | undefined {
  const known = ways.find(
    ({ choice, given, strays }) =>
      choice.name !== toCcName &&
      strays.length === 1 &&
      [...given.values()].every((one) => one === "wrong" || one === "absent"),
  );
  const [address] = known?.strays ?? [];
  return address !== undefined && addressKey(address) !== addressKey(forged) ? address : undefined;
}
