import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { deletesAtOnce, expireConflict, mayDelete, type KeepRule } from "../../src/inbound/keep.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { day, entry, skipped, t0 } from "./entries.ts";

const never: KeepRule = { kind: "never" };
const untilDelivered: KeepRule = { kind: "until-delivered" };
const forever: KeepRule = { kind: "forever" };
const days = (n: number): KeepRule => ({ kind: "for", ms: n * day });
const none = new Set<MessageId>();

describe("mayDelete", () => {
  it.each([
    ["never keeps nothing", never, entry("a"), none, true],
    ["forever keeps all", forever, entry("a"), none, false],
    ["until delivered, not ended", untilDelivered, entry("a"), none, false],
    ["until delivered, ended", untilDelivered, entry("a"), new Set(["Ma" as MessageId]), true],
    ["until delivered, a copy", untilDelivered, entry("a", { messageId: undefined }), none, true],
    ["14 days, a day short", days(14), entry("a", { fetchedAt: t0 - 13 * day }), none, false],
    ["14 days, to the day", days(14), entry("a", { fetchedAt: t0 - 14 * day }), none, true],
    ["old mail", never, skipped("a", "initial"), none, false],
    ["too large", never, skipped("a", "oversize"), none, false],
    ["unfetchable", never, skipped("a", "unfetchable"), none, false],
    ["too large, after a year", days(14), skipped("a", "oversize", { fetchedAt: 0 }), none, false],
  ])("%s", (_name, rule, entry, ended, expected) => {
    expect(mayDelete(rule, entry, ended, t0)).toBe(expected);
  });
});

describe("deletesAtOnce", () => {
  it.each([
    [never, true],
    [untilDelivered, false],
    [days(1), false],
    [days(0), true],
    [forever, false],
  ])("%j: %s", (rule, expected) => {
    expect(deletesAtOnce(rule)).toBe(expected);
  });
});

describe("expireConflict", () => {
  const expire = (days: number) => ({ ...usualCapabilities, expire: { kind: "days" as const, days } });

  it.each([
    ["shorter than keep", days(14), expire(7), true],
    ["as long as keep", days(14), expire(14), false],
    ["forever, and the server expires", forever, expire(365), true],
    [
      "forever, and the server never expires",
      forever,
      { ...usualCapabilities, expire: { kind: "never" as const } },
      false,
    ],
    ["nothing said", forever, usualCapabilities, false],
    ["nothing kept", never, expire(0), false],
    ["until delivered, and the server deletes at once", untilDelivered, expire(0), true],
    ["until delivered, and the server keeps a day", untilDelivered, expire(1), false],
  ])("%s", (_name, rule, capabilities, conflicts) => {
    expect(expireConflict(rule, capabilities) !== undefined).toBe(conflicts);
  });

  it("names both times", () => {
    expect(expireConflict(days(14), expire(7))).toBe(
      "keep asks for mail to stay in the box for 14 days, but the server deletes it after 7 day(s)",
    );
  });
});
