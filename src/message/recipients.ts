/**
 * For whom a message is: header and policy in, a decision out. Pure; the same input always gives the same decision.
 *
 * The evidence ladder. Notes of the provider's software, loops and too many hops are held first. Then the configured
 * sources are asked in their order, and the first one present decides, even when its content is of no use:
 *
 *   field in the zone ─▶ readable whole? ─▶ local, aliases, duplicates ─▶ provider's `for` agrees? ─▶ deliver
 *   received-for ───────────────────────────▶ local, aliases, duplicates ────────────────────────────▶ deliver
 *   to-cc ──────────────────────────────────▶ local, aliases, duplicates ────────────────────────────▶ deliver
 *   nothing ─▶ the field stands elsewhere: hold (untrusted) ─▶ established source missing: hold (drift)
 *           ─▶ `fallback` of the account ─▶ hold
 *
 * `fallback` takes what names no recipient of ours: no source there, an envelope field without any address, or only
 * foreign addresses. It never takes what is suspicious (untrusted, contradicting, drifted, or readable only in part).
 */
import { addressKey, type Address, type ReversePath } from "../core/address.ts";
import type { HoldReason } from "../core/hold.ts";
import { maxEvidence, type Decision, type Evidence, type RemovedField, type SourceEvidence } from "./decision.ts";
import { notBelieved } from "./doubt.ts";
import type { HeaderBlock } from "./header.ts";
import { mapRecipients } from "./mapping.ts";
import { placeRemedy } from "./place-remedy.ts";
import { sourceName, type CollectorPolicy, type EnvelopePolicy, type MailboxPolicy } from "./policy.ts";
import { findRemoval } from "./removal.ts";
import { reversePathOf } from "./reverse-path.ts";
import { readSource, type Reading } from "./sources.ts";
import { stopBeforeReading } from "./stop.ts";
import { findZone, type Zone } from "./zone.ts";

/** Decides for whom a message is, from its header block alone. */
export function decide(header: HeaderBlock, policy: EnvelopePolicy): Decision {
  const names = configuredNames(policy);
  const zone =
    policy.kind === "collector"
      ? findZone(header, { place: policy.place, providerHosts: policy.providerHosts, names })
      : undefined;
  const { removed, signed } = findRemoval(header, new Set([...names, ...policy.limits.alsoRemove]));
  const verdict = new Verdict(policy, { reversePath: reversePathOf(header, zone), removed, zone, signed });
  const stop = stopBeforeReading(header, policy);
  if (stop !== undefined) return verdict.hold(stop.reason, stop.detail);
  if (policy.kind === "mailbox") return decideMailbox(policy, verdict);
  return decideCollector(header, policy, zone ?? { fields: [], trace: [], range: undefined }, verdict);
}

function configuredNames(policy: EnvelopePolicy): ReadonlySet<string> {
  if (policy.kind === "mailbox") return new Set();
  return new Set(policy.sources.flatMap((source) => (source.kind === "field" ? [source.name.toLowerCase()] : [])));
}

/** What all decisions about one message share, and the evidence as it gathers. */
class Verdict {
  readonly ignored: { what: string; why: string }[];
  readonly mapped: Evidence["mapped"][number][] = [];
  used: SourceEvidence | undefined;
  readonly #policy: EnvelopePolicy;
  readonly #facts: { reversePath: ReversePath; removed: readonly RemovedField[]; zone: Zone | undefined };

  constructor(
    policy: EnvelopePolicy,
    facts: {
      reversePath: ReversePath;
      removed: readonly RemovedField[];
      zone: Zone | undefined;
      signed: Evidence["ignored"];
    },
  ) {
    this.#policy = policy;
    this.#facts = facts;
    this.ignored = [...facts.signed];
  }

  hold(reason: HoldReason, detail: string): Decision {
    return { ...this.#base(), kind: "hold", reason, detail };
  }

  /** `otherwise` is what an empty list means. */
  deliver(recipients: readonly Address[], otherwise: () => Decision): Decision {
    const [first, ...others] = recipients;
    return first === undefined ? otherwise() : { ...this.#base(), kind: "deliver", recipients: [first, ...others] };
  }

  #base(): Omit<Extract<Decision, { kind: "hold" }>, "kind" | "reason" | "detail"> {
    const { reversePath, removed, zone } = this.#facts;
    return {
      reversePath,
      removed,
      evidence: {
        profile: this.#policy.kind === "collector" ? this.#policy.profile : "mailbox",
        used: this.used,
        ignored: this.ignored.slice(0, maxEvidence),
        mapped: this.mapped,
        zone: zone?.range,
      },
    };
  }
}

function decideMailbox(policy: MailboxPolicy, verdict: Verdict): Decision {
  verdict.used = { source: "configured", field: "", offset: 0, value: "" };
  return verdict.deliver(policy.deliverTo, () => verdict.hold("envelope-missing", "the mailbox has no deliver_to"));
}

function decideCollector(header: HeaderBlock, policy: CollectorPolicy, zone: Zone, verdict: Verdict): Decision {
  const reading = firstReading(header, policy, zone);
  verdict.used = reading?.evidence;
  verdict.ignored.push(...notBelieved(header, policy, zone, reading));
  const doubt = doubtOf(header, policy, zone, reading);
  if (doubt !== undefined) return verdict.hold(doubt.reason, doubt.detail);
  if (reading === undefined) return orFallback(policy, verdict, "envelope-missing", missingDetail(policy));
  const unreadable = reading.source.kind === "to-cc" ? undefined : unreadableDetail(reading);
  if (unreadable !== undefined) {
    return reading.addresses.length > 0
      ? verdict.hold("envelope-unreadable", unreadable)
      : orFallback(policy, verdict, "envelope-unreadable", unreadable);
  }
  const { recipients, ignored, mapped } = mapRecipients(reading.addresses, policy);
  verdict.ignored.push(...ignored);
  verdict.mapped.push(...mapped);
  const contradiction = reading.source.kind === "field" ? contradictionOf(recipients, policy, zone) : undefined;
  if (contradiction !== undefined) return verdict.hold("envelope-contradiction", contradiction);
  return verdict.deliver(recipients, () =>
    orFallback(
      policy,
      verdict,
      "no-local-recipient",
      `${reading.evidence.field} names only ${reading.addresses.slice(0, 5).join(", ")}`,
    ),
  );
}

function firstReading(header: HeaderBlock, policy: CollectorPolicy, zone: Zone): Reading | undefined {
  for (const source of policy.sources) {
    const reading = readSource(source, header, zone, policy.providerHosts);
    if (reading !== undefined) return reading;
  }
  return undefined;
}

/** Why what was read (or the lack of it) must not be acted upon. */
function doubtOf(
  header: HeaderBlock,
  policy: CollectorPolicy,
  zone: Zone,
  reading: Reading | undefined,
): { readonly reason: HoldReason; readonly detail: string } | undefined {
  if (reading?.source.kind !== "field") {
    const names = configuredNames(policy);
    const inZone = new Set(zone.fields);
    const stray = header.fields.find((field) => names.has(field.lower) && !inZone.has(field));
    if (stray !== undefined) return { reason: "envelope-untrusted", detail: placeRemedy(header, policy, stray) };
  }
  const rank = policy.sources.findIndex((source) => sourceName(source) === policy.established);
  const used = reading === undefined ? policy.sources.length : policy.sources.indexOf(reading.source);
  if (rank < 0 || used <= rank || policy.absentWhenSeveral) return undefined;
  return {
    reason: "envelope-drift",
    detail: `${policy.established ?? ""} has named the recipients so far and is not in this message`,
  };
}

/**
 * Where the provider's own Received fields have a local `for`, one of them must name a recipient, or what maps to one.
 * Not each: an inner server's may name the box that an address was rewritten to.
 */
function contradictionOf(recipients: readonly Address[], policy: CollectorPolicy, zone: Zone): string | undefined {
  if (recipients.length === 0) return undefined;
  const keys = new Set(recipients.map(addressKey));
  const told = zone.trace
    .map(({ clauses }) => ({ clauses, named: mapRecipients(clauses.for, policy).recipients }))
    .filter(({ named }) => named.length > 0);
  const first = told[0]?.clauses;
  if (first === undefined || told.some(({ named }) => named.some((address) => keys.has(addressKey(address))))) {
    return undefined;
  }
  const by = first.by ?? "an unnamed host";
  return `the Received field by ${by} is for ${first.for.join(", ")}, the envelope field for ${recipients.join(", ")}`;
}

function unreadableDetail(reading: Reading): string | undefined {
  const { field } = reading.evidence;
  if (reading.unreadable.length > 0)
    return `${field} holds what is no address: ${reading.unreadable.slice(0, 5).join(", ")}`;
  return reading.addresses.length === 0 ? `${field} is empty` : undefined;
}

function missingDetail(policy: CollectorPolicy): string {
  const asked = policy.sources.map(sourceName).join(", ");
  const several = policy.absentWhenSeveral ? "; this provider leaves it out when a message has several recipients" : "";
  return `none of ${asked} is in the message${several}`;
}

function orFallback(policy: CollectorPolicy, verdict: Verdict, reason: HoldReason, detail: string): Decision {
  if (policy.fallback === undefined) return verdict.hold(reason, detail);
  verdict.ignored.push({ what: verdict.used?.field ?? "envelope", why: detail });
  verdict.used = { source: "fallback", field: "", offset: 0, value: "" };
  return verdict.deliver([policy.fallback], () => verdict.hold(reason, detail));
}
