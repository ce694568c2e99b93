import { describe, expect, it } from "vitest";
import { blankMemory, readMemory, type AccountMemory } from "../../src/inbound/memory.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { t0 } from "./entries.ts";

const full: AccountMemory = {
  contactedAt: t0,
  lastLoginAt: t0,
  loginDelayMs: 900_000,
  capabilities: { ...usualCapabilities, expire: { kind: "days", days: 30 } },
  rebuildingSince: t0,
  drift: {
    fingerprint: "f",
    seen: { "field:envelope-to": 21 },
    total: 21,
    run: { source: undefined, length: 1 },
    established: "field:envelope-to",
    incident: { since: t0, held: 3 },
  },
  learnt: { profile: "exim", share: 10, of: 10, at: t0 },
};

describe("readMemory", () => {
  it("reads back what was written, also through JSON", () => {
    expect(readMemory(full)).toEqual(full);
    expect(readMemory(JSON.parse(JSON.stringify(full)))).toEqual(full);
  });

  it.each([undefined, null, 7, "text", [], {}])("takes %j for nothing remembered", (state) => {
    expect(readMemory(state)).toEqual(blankMemory);
  });

  it("forgets what it cannot read, and keeps the rest", () => {
    const state = { ...full, drift: { total: "many" }, lastLoginAt: "yesterday", capabilities: { announced: 1 } };
    expect(readMemory(state)).toEqual({
      ...full,
      drift: undefined,
      lastLoginAt: undefined,
      capabilities: undefined,
    });
  });
});
