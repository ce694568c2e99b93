/**
 * What each way of finding recipients would have done with the mail that lies in a box: delivered, held, or given to
 * others than those whom the best way names. Pure: header blocks and the account's policy in, counts out.
 *
 * The best way is the profile that `message/learn.ts` finds, or else the configured one where it gives recipients for
 * nearly all mail, or else a field that no profile knows, where it stands in a place of the provider's in nearly all
 * messages. To and Cc are tried for comparison and are never the best way.
 */
import { addressKey, type Address } from "../core/address.ts";
import type { HoldReason } from "../core/hold.ts";
import type { Decision } from "../message/decision.ts";
import type { HeaderBlock } from "../message/header.ts";
import { learnProfile, type LearnBase } from "../message/learn.ts";
import type { CollectorPolicy, Place } from "../message/policy.ts";
import { collectorPolicy, profiles } from "../message/profiles.ts";
import { parseReceived } from "../message/received.ts";
import { decide } from "../message/recipients.ts";
import { isHostOf } from "../message/zone.ts";
import { ownerOfHops, usualDepth, type FieldSurvey } from "./field-survey.ts";

/** One way of finding recipients, with the lines that configure it. */
export interface Choice {
  readonly name: string;
  readonly policy: CollectorPolicy;
  readonly lines: readonly string[];
}

export interface Judged {
  readonly choice: Choice;
  readonly decisions: readonly Decision[];
  readonly delivered: number;
  readonly held: number;
  /** Delivered to others than the best way names. */
  readonly misdelivered: number;
  /** How many are held for each reason, with the detail of one. */
  readonly reasons: ReadonlyMap<HoldReason, { readonly count: number; readonly detail: string }>;
}

export interface Choices {
  /** `undefined` for `profile = "auto"`. */
  readonly configured: Judged | undefined;
  /** What is proposed; `undefined` when the mail does not tell. */
  readonly best: Judged | undefined;
  /** Why nothing was learnt, where that is so. */
  readonly undecided: string | undefined;
  /** All ways that deliver anything, those that deliver most first; then To and Cc. The configured one is left out. */
  readonly others: readonly Judged[];
}

export const toCcName = "To and Cc";

/** As `message/learn.ts` has it. */
const nearlyAll = 0.95;
const fewest = 3;

export function weighChoices(
  headers: readonly HeaderBlock[],
  given: LearnBase,
  asConfigured: Choice | undefined,
  surveys: readonly FieldSurvey[],
): Choices {
  const base = onlyBase(given);
  const run = (choice: Choice): Choice & { decisions: readonly Decision[] } => ({
    ...choice,
    decisions: headers.map((header) => decide(header, choice.policy)),
  });
  const configured = asConfigured === undefined ? undefined : run(asConfigured);
  const known = profiles.map((profile) =>
    run({
      name: `profile "${profile.name}"`,
      policy: collectorPolicy(profile, base),
      lines: [`profile = "${profile.name}"`],
    }),
  );
  const learnt = learnProfile(headers, base);
  const custom = customChoices(headers, base, surveys).map(run);
  const good = (decisions: readonly Decision[]): boolean =>
    decisions.length >= fewest && decisions.filter(isDelivered).length >= nearlyAll * decisions.length;
  const best =
    learnt.kind === "learnt"
      ? known[profiles.indexOf(learnt.profile)]
      : configured !== undefined && good(configured.decisions)
        ? configured
        : custom.find(({ decisions }) => good(decisions));
  const judge = ({ decisions, ...choice }: Choice & { decisions: readonly Decision[] }): Judged =>
    judged(choice, decisions, best?.decisions);
  // A provider's profile is no choice for mail that has never been there.
  const likely = known.filter(
    ({ policy }) => policy.providerHosts.length === 0 || headers.some((header) => isAt(header, policy)),
  );
  const others = [...likely, ...custom]
    .map(judge)
    .filter(({ delivered, misdelivered }) => delivered + misdelivered > 0);
  return {
    configured: configured === undefined ? undefined : judge(configured),
    best: best === undefined ? undefined : judge(best),
    undecided: learnt.kind === "undecided" ? learnt.why : undefined,
    others: [...others.toSorted((a, b) => b.delivered - a.delivered), judge(run(toCcChoice(base)))],
  };
}

function isAt({ fields }: HeaderBlock, { providerHosts }: CollectorPolicy): boolean {
  return fields.some(({ lower, value }) => lower === "received" && isHostOf(parseReceived(value).by, providerHosts));
}

/** What is the company's own of a policy: where the envelope stands, each way says for itself. Nothing falls back. */
function onlyBase({ domains, limits, hostname, aliases, stripPrefix }: LearnBase): LearnBase {
  return { domains, limits, hostname, aliases, stripPrefix, fallback: undefined, established: undefined };
}

function judged(choice: Choice, decisions: readonly Decision[], reference: readonly Decision[] | undefined): Judged {
  const reasons = new Map<HoldReason, { count: number; detail: string }>();
  const count = { delivered: 0, held: 0, misdelivered: 0 };
  for (const [index, decision] of decisions.entries()) {
    if (decision.kind === "hold") {
      count.held += 1;
      const before = reasons.get(decision.reason);
      reasons.set(decision.reason, { count: (before?.count ?? 0) + 1, detail: before?.detail ?? decision.detail });
    } else if (isSame(decision.recipients, reference?.[index])) count.delivered += 1;
    else count.misdelivered += 1;
  }
  return { choice, decisions, ...count, reasons };
}

/** Without a better word on a message, a delivery passes for right. */
function isSame(recipients: readonly Address[], reference: Decision | undefined): boolean {
  if (reference?.kind !== "deliver") return true;
  const right = new Set(reference.recipients.map(addressKey));
  return recipients.length === right.size && recipients.every((address) => right.has(addressKey(address)));
}

function isDelivered(decision: Decision): boolean {
  const source = decision.evidence.used?.source;
  return decision.kind === "deliver" && source !== "fallback" && source !== "to-cc";
}

function customChoices(
  headers: readonly HeaderBlock[],
  base: LearnBase,
  surveys: readonly FieldSurvey[],
): readonly Choice[] {
  const nearly = nearlyAll * headers.length;
  return surveys
    .filter(({ local }) => local >= nearly)
    .toSorted((a, b) => b.people - a.people)
    .flatMap((survey) => {
      const choices: Choice[] = [];
      const depth = usualDepth(survey);
      const isSteady = (survey.below.get(depth) ?? 0) >= nearly;
      if (isSteady && (depth === 0 || ownerOfHops(headers, depth, nearly) !== undefined))
        choices.push(fieldChoice(base, survey, { kind: "top", trustedHops: depth }));
      if (survey.atEnd >= nearly)
        choices.push(fieldChoice(base, survey, { kind: "bottom", markers: [...survey.followers] }));
      return choices;
    });
}

function fieldChoice(base: LearnBase, { name }: FieldSurvey, place: Place): Choice {
  const occurrence = place.kind === "top" ? ("topmost" as const) : ("lowest" as const);
  const where =
    place.kind === "bottom"
      ? ['place = "bottom"', `markers = [${place.markers.map(quoted).join(", ")}]`]
      : ['place = "top"', ...(place.trustedHops === 0 ? [] : [`trusted_hops = ${place.trustedHops}`])];
  return {
    name: `${name}, ${where.join(", ")}`,
    policy: customPolicy(base, [{ kind: "field", name, pattern: undefined, occurrence }], place),
    lines: [`envelope = [${quoted(name)}]`, ...where],
  };
}

/** Names of fields are printable ASCII, quotes among it: `popgate init` writes the lines as they stand. */
function quoted(name: string): string {
  return JSON.stringify(name);
}

function toCcChoice(base: LearnBase): Choice {
  return {
    name: toCcName,
    policy: customPolicy(base, [{ kind: "to-cc" }], { kind: "top", trustedHops: 0 }),
    lines: ['envelope = ["to-cc"]'],
  };
}

function customPolicy(base: LearnBase, sources: CollectorPolicy["sources"], place: Place): CollectorPolicy {
  return {
    ...base,
    kind: "collector",
    profile: "custom",
    sources,
    place,
    providerHosts: [],
    fallback: undefined,
    established: undefined,
    absentWhenSeveral: false,
  };
}
