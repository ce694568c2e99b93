/**
 * The drift guard: which source has given an account's recipients so far, and whether it is missing now. Pure.
 *
 *   learning ──20 in a row, or 95 % of at least 20──▶ established ──a message held for its absence──▶ drifting
 *   drifting ──20 in a row by the established source──▶ established
 *   any ──another envelope configuration──▶ learning
 *
 * Once a source is established, `decide` holds a message without it (`envelope-drift`) instead of believing a weaker
 * source. A provider's change is reported once, when it begins; it takes as many good messages to end an incident as to
 * establish a source, so that a provider with mixed servers does not cause a flood.
 * `to-cc` and `fallback` are never established: they say nothing about the provider.
 */
import { createHash } from "node:crypto";
import type { EpochMs } from "../core/ports.ts";
import type { Decision } from "../message/decision.ts";
import type { CollectorPolicy, SourceName } from "../message/policy.ts";

export interface DriftProfile {
  /** Of the configuration that this was learnt under. */
  readonly fingerprint: string;
  /** How many messages each source has decided. */
  readonly seen: Readonly<Record<SourceName, number>>;
  /** Messages looked at, those without any source included. */
  readonly total: number;
  /** The source of the last messages in a row. */
  readonly run: { readonly source: SourceName | undefined; readonly length: number };
  readonly established: SourceName | undefined;
  readonly incident: { readonly since: EpochMs; readonly held: number } | undefined;
}

export type DriftStep =
  | { readonly kind: "nothing" }
  | { readonly kind: "established"; readonly source: SourceName }
  | { readonly kind: "drift"; readonly source: SourceName; readonly detail: string }
  | { readonly kind: "recovered"; readonly source: SourceName; readonly held: number };

const enough = 20;
const share = 0.95;

/** The profile to go on with: the remembered one if it was learnt under the same configuration, else a fresh one. */
export function driftProfile(policy: CollectorPolicy, remembered: DriftProfile | undefined): DriftProfile {
  const fingerprint = policyFingerprint(policy);
  if (remembered?.fingerprint === fingerprint) return remembered;
  return {
    fingerprint,
    seen: {},
    total: 0,
    run: { source: undefined, length: 0 },
    established: undefined,
    incident: undefined,
  };
}

/** Takes one more decision into account. */
export function observe(
  profile: DriftProfile,
  decision: Decision,
  now: EpochMs,
): { readonly profile: DriftProfile; readonly step: DriftStep } {
  if (decision.kind === "hold" && !aboutEnvelope.has(decision.reason)) return { profile, step: { kind: "nothing" } };
  const source = observedSource(decision);
  const run = source === profile.run.source ? { source, length: profile.run.length + 1 } : { source, length: 1 };
  const total = profile.total + 1;
  const seen = source === undefined ? profile.seen : { ...profile.seen, [source]: (profile.seen[source] ?? 0) + 1 };
  const next: DriftProfile = { ...profile, seen, total, run };
  if (profile.established !== undefined) return watch(next, profile.established, decision, now);
  const established = settled(next);
  if (established === undefined) return { profile: next, step: { kind: "nothing" } };
  return { profile: { ...next, established }, step: { kind: "established", source: established } };
}

/** Changes when the way in which recipients are found is configured differently. */
export function policyFingerprint(policy: CollectorPolicy): string {
  const { profile, sources, place, providerHosts, stripPrefix, absentWhenSeveral } = policy;
  const text = JSON.stringify([profile, sources, place, providerHosts, stripPrefix ?? "", absentWhenSeveral]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** Holds that say something about the provider's envelope field; a loop, for instance, does not. */
const aboutEnvelope: ReadonlySet<string> = new Set([
  "envelope-missing",
  "envelope-untrusted",
  "envelope-drift",
  "envelope-unreadable",
  "envelope-contradiction",
  "no-local-recipient",
]);

function observedSource(decision: Decision): SourceName | undefined {
  const source = decision.evidence.used?.source;
  return source === "to-cc" || source === "fallback" || source === "configured" ? undefined : source;
}

function settled({ seen, total, run }: DriftProfile): SourceName | undefined {
  if (run.source !== undefined && run.length >= enough) return run.source;
  if (total < enough) return undefined;
  return Object.entries(seen).find(([, count]) => count >= share * total)?.[0];
}

function watch(
  profile: DriftProfile,
  established: SourceName,
  decision: Decision,
  now: EpochMs,
): { readonly profile: DriftProfile; readonly step: DriftStep } {
  const missing = decision.kind === "hold" && decision.reason === "envelope-drift";
  const { incident, run } = profile;
  if (missing && incident === undefined) {
    const step = { kind: "drift", source: established, detail: decision.detail } as const;
    return { profile: { ...profile, incident: { since: now, held: 1 } }, step };
  }
  if (missing && incident !== undefined) {
    const next = { ...profile, incident: { ...incident, held: incident.held + 1 } };
    return { profile: next, step: { kind: "nothing" } };
  }
  if (incident !== undefined && run.source === established && run.length >= enough) {
    const step = { kind: "recovered", source: established, held: incident.held } as const;
    return { profile: { ...profile, incident: undefined }, step };
  }
  return { profile, step: { kind: "nothing" } };
}
