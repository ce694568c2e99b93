/**
 * Decides for one account for whom its messages are: the configured policy, or the learnt one, under the drift guard.
 *
 * Guarantees: never delivers by a policy that has not been settled. While `profile = "auto"` has found nothing yet,
 * every message is held as `profile-undecided`; `resolve` decides it again later from the spool.
 */
import type { AccountName } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { EventSink } from "../core/events.ts";
import type { Decision } from "../message/decision.ts";
import type { HeaderBlock } from "../message/header.ts";
import type { CollectorPolicy, EnvelopePolicy } from "../message/policy.ts";
import { collectorPolicy, profileByName } from "../message/profiles.ts";
import { decide } from "../message/recipients.ts";
import { driftProfile, observe, type DriftProfile } from "./drift.ts";
import type { Learnt } from "./memory.ts";

/** `profile = "auto"`: all of a collector's policy but what is to be learnt from the box itself. */
export interface AutoPolicy extends Omit<
  CollectorPolicy,
  "kind" | "profile" | "sources" | "place" | "providerHosts" | "absentWhenSeveral"
> {
  readonly kind: "auto";
}

export interface Guide {
  /** The policy as it stands, drift guard included; `undefined` while the profile is not known. */
  policy(): EnvelopePolicy | undefined;
  /** Decides, and takes the decision into account for the drift guard. */
  decide(header: HeaderBlock, headerTooLarge: boolean): Decision;
  /** What to remember of the drift guard. */
  drift(): DriftProfile | undefined;
}

/** The collector's policy that an automatic one has become. `undefined` when the learnt profile is not known any more. */
function learntPolicy(auto: AutoPolicy, learnt: Learnt | undefined): CollectorPolicy | undefined {
  const profile = learnt === undefined ? undefined : profileByName(learnt.profile);
  if (profile === undefined) return undefined;
  const { kind: _kind, ...base } = auto;
  return collectorPolicy(profile, base);
}

export interface GuidePorts {
  readonly account: AccountName;
  readonly clock: Clock;
  readonly events: EventSink;
}

export function createGuide(
  configured: EnvelopePolicy | AutoPolicy,
  remembered: { readonly learnt: Learnt | undefined; readonly drift: DriftProfile | undefined },
  ports: GuidePorts,
): Guide {
  if (configured.kind === "mailbox") return fixedGuide(configured);
  const policy = configured.kind === "auto" ? learntPolicy(configured, remembered.learnt) : configured;
  if (policy !== undefined) return guardedGuide(policy, remembered.drift, ports);
  return configured.kind === "auto" ? undecidedGuide(configured) : fixedGuide(configured);
}

function fixedGuide(policy: EnvelopePolicy): Guide {
  return {
    policy: () => policy,
    decide: (header, headerTooLarge) => withHeaderLimit(decide(header, policy), headerTooLarge),
    drift: () => undefined,
  };
}

function guardedGuide(policy: CollectorPolicy, remembered: DriftProfile | undefined, ports: GuidePorts): Guide {
  const { account, clock, events } = ports;
  let drift = driftProfile(policy, remembered);
  let guarded: CollectorPolicy = { ...policy, established: drift.established };
  return {
    policy: () => guarded,
    drift: () => drift,
    decide(header, headerTooLarge) {
      const decision = withHeaderLimit(decide(header, guarded), headerTooLarge);
      const { profile, step } = observe(drift, decision, clock.now());
      drift = profile;
      if (step.kind === "established") guarded = { ...policy, established: step.source };
      else if (step.kind === "drift") {
        events.emit({ kind: "profile-drift", account, source: step.source, detail: step.detail });
      } else if (step.kind === "recovered") {
        const detail = `${step.source} is there again; ${step.held} message(s) were held meanwhile`;
        events.emit({ kind: "account-notice", account, detail });
      }
      return decision;
    },
  };
}

/** Holds that are true whatever the profile may turn out to be. */
const holdsRegardless: ReadonlySet<string> = new Set(["loop", "too-many-hops", "server-internal"]);

/**
 * Without a profile mail is fetched and held rather than left in the box: there it would pile up unseen, here the
 * postmaster is told, it can be released by hand, and it is what the profile is learnt from.
 */
function undecidedGuide(auto: AutoPolicy): Guide {
  const blind: CollectorPolicy = {
    ...auto,
    kind: "collector",
    profile: "auto",
    sources: [],
    place: { kind: "top", trustedHops: 0 },
    providerHosts: [],
    absentWhenSeveral: false,
    fallback: undefined,
    established: undefined,
  };
  return {
    policy: () => undefined,
    drift: () => undefined,
    decide(header, headerTooLarge) {
      const decision = decide(header, blind);
      if (decision.kind === "hold" && holdsRegardless.has(decision.reason)) return decision;
      const { reversePath, removed, evidence } = decision;
      const detail = "no profile has been learnt for this account yet";
      const hold = { kind: "hold", reason: "profile-undecided", detail, reversePath, removed, evidence } as const;
      return withHeaderLimit(hold, headerTooLarge);
    },
  };
}

/** What stands beyond the limit was not read: a field that decides, or one that must go, may be there. */
function withHeaderLimit(decision: Decision, headerTooLarge: boolean): Decision {
  if (!headerTooLarge) return decision;
  const { reversePath, removed, evidence } = decision;
  const detail = "the header block goes on beyond what is read of it";
  return { kind: "hold", reason: "header-too-large", detail, reversePath, removed, evidence };
}
