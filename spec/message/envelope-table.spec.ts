/**
 * The table of envelope cases (spec/corpus/envelope): header blocks in the forms that mail systems really write, each
 * with what must come of it. What is expected there is derived from the promises and from the documentation of those
 * systems, not from this code.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { addressKey, formatReversePath } from "../../src/core/address.ts";
import { parseAddressList } from "../../src/message/address-list.ts";
import type { Decision } from "../../src/message/decision.ts";
import { isNeverHandedOn } from "../../src/message/envelope-fields.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { profiles } from "../../src/message/profiles.ts";
import { parseReceived } from "../../src/message/received.ts";
import { decide } from "../../src/message/recipients.ts";
import { readCases, type EnvelopeCase, type Outcome } from "./envelope-cases.ts";

const cases = readCases(fileURLToPath(new URL("../corpus/envelope", import.meta.url)));

function outcomeOf(decision: Decision): Outcome {
  return {
    expect: decision.kind === "deliver" ? "deliver" : `hold ${decision.reason}`,
    to: decision.kind === "deliver" ? decision.recipients : [],
    from: formatReversePath(decision.reversePath),
    used: decision.evidence.used?.source ?? "none",
    removed: decision.removed.map(({ name }) => name.toLowerCase().replace(/ .*/u, "")),
  };
}

/** What is left of the message once the removed octets are cut out. */
function withoutCuts(message: Buffer, decision: Decision): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (const { start, end } of decision.removed) {
    expect(start).toBeGreaterThanOrEqual(from);
    expect(end).toBeGreaterThan(start);
    kept.push(message.subarray(from, start));
    from = end;
  }
  return Buffer.concat([...kept, message.subarray(from)]);
}

/** Recipients that the delivered header names although To and Cc do not (promise 3). */
function unblinded(message: Buffer, decision: Decision): readonly string[] {
  if (decision.kind === "hold") return [];
  const { fields } = parseHeaderBlock(withoutCuts(message, decision));
  const shown = fields
    .filter(({ lower }) => /^(?:to|cc|from|sender|reply-to|resent-to|resent-cc)$/u.test(lower))
    .flatMap(({ value }) => parseAddressList(value).addresses.map(addressKey));
  const blind = new Set(decision.recipients.map(addressKey).filter((key) => !shown.includes(key)));
  return fields
    .filter(({ lower }) => lower === "received")
    .flatMap(({ value }) => parseReceived(value).for)
    .filter((address) => blind.has(addressKey(address)));
}

function check(one: EnvelopeCase): void {
  const header = parseHeaderBlock(one.message);
  const decision = decide(header, one.policy);
  const { ignored, mapped } = decision.evidence;
  expect(outcomeOf(decision)).toEqual(one.expected);
  expect(JSON.stringify(ignored)).toContain(one.ignored ?? "");
  expect(JSON.stringify(mapped)).toContain(one.mapped ?? "");
  if (one.detail !== undefined) expect(decision.kind === "hold" ? decision.detail : "").toContain(one.detail);
  const left = parseHeaderBlock(withoutCuts(one.message, decision)).fields;
  expect(left.filter(({ lower }) => isNeverHandedOn(lower))).toEqual([]);
  expect(unblinded(one.message, decision)).toEqual([]);
}

const byFile = Map.groupBy(cases, ({ file }) => file);

describe.each([...byFile])("%s", (_, ofFile) => {
  it.each(ofFile)("$title", (one) => {
    check(one);
    expect.hasAssertions();
  });
});

describe("the table itself", () => {
  it("has not lost cases", () => {
    expect(cases.length).toBeGreaterThanOrEqual(300);
  });

  it("has no two cases of one title in a file", () => {
    for (const [file, ofFile] of byFile) {
      expect(new Set(ofFile.map(({ title }) => title)).size, file).toBe(ofFile.length);
    }
  });

  it.each(profiles)("has a case of $name that is delivered and one that is held or forged", ({ name }) => {
    const own = cases.filter(({ profile }) => profile === name);
    const delivered = own.filter(({ expected }) => expected.expect === "deliver");
    const doubtful = own.filter(({ expected, form }) => expected.expect !== "deliver" || form === "constructed");
    expect(delivered.length).toBeGreaterThanOrEqual(1);
    expect(doubtful.length).toBeGreaterThanOrEqual(1);
    expect(new Set([...delivered, ...doubtful]).size).toBeGreaterThanOrEqual(2);
  });
});
