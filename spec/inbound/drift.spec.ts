import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { HoldReason } from "../../src/core/hold.ts";
import { driftProfile, observe, policyFingerprint, type DriftProfile } from "../../src/inbound/drift.ts";
import type { Decision, Evidence } from "../../src/message/decision.ts";
import type { CollectorPolicy } from "../../src/message/policy.ts";
import { collector } from "./bench.ts";
import { t0 } from "./entries.ts";

const policy: CollectorPolicy = { ...collector, sources: [...collector.sources, { kind: "to-cc" }] };

function evidence(source: string | undefined): Evidence {
  const used = source === undefined ? undefined : { source, field: source, offset: 0, value: "" };
  return { profile: "custom", used, ignored: [], mapped: [], zone: undefined };
}

function by(source: string): Decision {
  const recipients = [mustAddress("a@firma.example")] as const;
  return { kind: "deliver", recipients, reversePath: { kind: "null" }, removed: [], evidence: evidence(source) };
}

function held(reason: HoldReason): Decision {
  const detail = "Envelope-To is missing";
  return { kind: "hold", reason, detail, reversePath: { kind: "null" }, removed: [], evidence: evidence(undefined) };
}

/** Observes one decision after the other; the steps that said something, with the number of the decision. */
function run(decisions: readonly Decision[], start: DriftProfile = driftProfile(policy, undefined)) {
  let profile = start;
  const steps: string[] = [];
  for (const [index, decision] of decisions.entries()) {
    const next = observe(profile, decision, t0);
    profile = next.profile;
    if (next.step.kind !== "nothing") steps.push(`${index + 1} ${next.step.kind}`);
  }
  return { profile, steps };
}

const times = (n: number, decision: Decision): Decision[] => Array.from({ length: n }, () => decision);
const field = by("field:envelope-to");
const missing = held("envelope-drift");
const established = run(times(20, field)).profile;

describe("the drift guard", () => {
  it.each<[string, Decision[], string[]]>([
    ["nothing in 19 messages", times(19, field), []],
    ["20 in a row", times(20, field), ["20 established"]],
    ["a weaker source is never established", times(40, by("to-cc")), []],
    ["nor is the fallback", times(40, by("fallback")), []],
    ["half and half is nothing", times(30, field).flatMap((one) => [one, by("to-cc")]), []],
    ["one without it in 20: 95 %", [held("envelope-missing"), ...times(19, field)], ["20 established"]],
    ["two without it in 20: too few", [...times(2, by("to-cc")), ...times(18, field)], []],
    ["loops and refused headers say nothing", [...times(19, field), held("loop"), field], ["21 established"]],
    [
      "unreadable fields break the row",
      [...times(3, field), ...times(2, held("envelope-unreadable")), ...times(20, field)],
      ["25 established"],
    ],
  ])("%s", (_name, decisions, steps) => {
    expect(run(decisions).steps).toEqual(steps);
  });

  it("reports an incident once, however many messages are held", () => {
    const { profile, steps } = run(times(500, missing), established);
    expect(steps).toEqual(["1 drift"]);
    expect(profile.incident).toEqual({ since: t0, held: 500 });
  });

  it("is not ended by single good messages of a provider with mixed servers", () => {
    const mixed = Array.from({ length: 50 }, () => [missing, ...times(19, field)]).flat();
    expect(run(mixed, established).steps).toEqual(["1 drift"]);
  });

  it("ends when the source is back, and reports the next incident again", () => {
    const back = [missing, ...times(20, field), missing];
    expect(run(back, established).steps).toEqual(["1 drift", "21 recovered", "22 drift"]);
  });

  it("goes on after a restart, and begins anew with another envelope configuration", () => {
    expect(driftProfile(policy, established)).toBe(established);
    const other = { ...policy, place: { kind: "bottom", markers: [] } } as const;
    expect(driftProfile(other, established).established).toBeUndefined();
  });

  it("does not begin anew for another alias or domain", () => {
    expect(policyFingerprint({ ...policy, domains: ["firma.example", "neu.example"] })).toBe(policyFingerprint(policy));
    expect(policyFingerprint({ ...policy, stripPrefix: "firma-" })).not.toBe(policyFingerprint(policy));
  });
});
