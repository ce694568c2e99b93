import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { madeId, unnamedKey } from "../../src/inbound/ledger-entry.ts";
import type { PlanRules, SessionPlan } from "../../src/inbound/actions.ts";
import { awaitedMessages, planSession } from "../../src/inbound/plan.ts";
import type { Listing } from "../../src/pop3/port.ts";
import type { LedgerEntry } from "../../src/spool/port.ts";
import { day, entry, hour, listing, minute, skipped, t0 } from "./entries.ts";

const usual: PlanRules = {
  keep: { kind: "never" },
  initial: "all",
  maxOctets: 1000,
  firstContact: false,
  rebuildingSince: undefined,
  ended: new Set(),
  brokenUnnamed: new Map(),
  now: t0,
};
const forever = { keep: { kind: "forever" } } as const;

/** `fetch 1 new`, `delete 2 again`, `leave 3 kept`, `ledger b gone`, `forget c`: what a plan comes to. */
function words(plan: SessionPlan): string[] {
  return [
    ...plan.fetches.map(({ number, reason }) => `fetch ${number} ${reason}`),
    ...plan.deletes.map(({ number, why }) => `delete ${number} ${why}`),
    ...plan.leaves.map(({ number, why }) => `leave ${number} ${why}`),
    ...plan.ledger.map(({ uidl, state, skipped }) => `ledger ${uidl} ${skipped ?? state}`),
    ...plan.forget.map((uidl) => `forget ${uidl}`),
    ...(plan.rebuilt ? ["rebuilt"] : []),
  ];
}

interface Case {
  readonly name: string;
  readonly listing: Listing;
  readonly entries?: readonly LedgerEntry[];
  readonly rules?: Partial<PlanRules>;
  readonly plan: readonly string[];
}

const cases: readonly Case[] = [
  { name: "an empty box and an empty ledger", listing: listing(), plan: [] },
  { name: "new messages, the oldest first", listing: listing(["a"], ["b"]), plan: ["fetch 1 new", "fetch 2 new"] },
  {
    name: "known and kept beside new",
    listing: listing(["a"], ["b"]),
    entries: [entry("a")],
    rules: forever,
    plan: ["fetch 2 new", "leave 1 kept"],
  },
  {
    name: "known, and kept no longer",
    listing: listing(["a"]),
    entries: [entry("a")],
    plan: ["delete 1 keep-over", "ledger a deleting"],
  },
  {
    name: "a deletion that has not taken effect is repeated, not fetched",
    listing: listing(["a"]),
    entries: [entry("a", { state: "deleting" })],
    plan: ["delete 1 again"],
  },
  {
    name: "a deletion that is no longer wanted is not repeated",
    listing: listing(["a"]),
    entries: [entry("a", { state: "deleting" })],
    rules: forever,
    plan: ["leave 1 kept", "ledger a present"],
  },
  {
    name: "an absent message is gone after a complete listing",
    listing: listing(["b"]),
    entries: [entry("a", { state: "deleting" }), entry("b", { state: "deleting" })],
    plan: ["delete 1 again", "ledger a gone"],
  },
  { name: "all are gone from an empty box", listing: listing(), entries: [entry("a")], plan: ["ledger a gone"] },
  {
    name: "nothing is gone while the server leaves out a unique id",
    listing: listing(["b"], [undefined]),
    entries: [entry("a"), entry("b")],
    rules: forever,
    plan: ["fetch 2 no-uidl", "leave 1 kept"],
  },
  {
    name: "what is gone already is not written again",
    listing: listing(),
    entries: [entry("a", { state: "gone" })],
    plan: [],
  },
  {
    name: "a message that came back is fetched to be compared, after the new ones",
    listing: listing(["a"], ["b"]),
    entries: [entry("a", { state: "gone" })],
    plan: ["fetch 2 new", "fetch 1 returned"],
  },
  {
    name: "a message of another size is fetched to be compared",
    listing: listing(["a", 101]),
    entries: [entry("a", { listSize: 100 })],
    plan: ["fetch 1 resized"],
  },
  {
    name: "a size that was never known is no change",
    listing: listing(["a", 101]),
    entries: [entry("a", { listSize: 0 })],
    rules: forever,
    plan: ["leave 1 kept"],
  },
  {
    name: "a comparison that keeps failing waits like any other",
    listing: listing(["a", 101]),
    entries: [entry("a", { failures: 2, since: t0 - minute })],
    plan: ["leave 1 unfetchable"],
  },
  {
    name: "too large",
    listing: listing(["a", 1001], ["b", 1000]),
    plan: ["fetch 2 new", "leave 1 oversize", "ledger a oversize"],
  },
  {
    name: "too large as before",
    listing: listing(["a", 1001]),
    entries: [skipped("a", "oversize", { listSize: 1001 })],
    plan: ["leave 1 oversize"],
  },
  {
    name: "no longer too large",
    listing: listing(["a", 1001]),
    entries: [skipped("a", "oversize", { listSize: 1001 })],
    rules: { maxOctets: 2000 },
    plan: ["fetch 1 limit-raised"],
  },
  {
    name: "found too large while reading: the size that LIST gives is not believed",
    listing: listing(["a", 10]),
    entries: [skipped("a", "oversize", { listSize: 1001 })],
    plan: ["leave 1 oversize"],
  },
  {
    name: "another message under the id of one that was too large and went",
    listing: listing(["a", 10]),
    entries: [skipped("a", "oversize", { listSize: 1001, state: "gone" })],
    plan: ["fetch 1 new"],
  },
  {
    name: "a known message that is now too large is left, and not forgotten",
    listing: listing(["a", 1001]),
    entries: [entry("a")],
    plan: ["leave 1 oversize"],
  },
  {
    name: "failed once: fetched again, last",
    listing: listing(["a"], ["b"]),
    entries: [skipped("a", "unfetchable", { failures: 1, fetchedAt: t0 })],
    plan: ["fetch 2 new", "fetch 1 retry"],
  },
  {
    name: "failed twice: left alone for ten minutes",
    listing: listing(["a"]),
    entries: [skipped("a", "unfetchable", { failures: 2, fetchedAt: t0 - 9 * minute })],
    plan: ["leave 1 unfetchable"],
  },
  {
    name: "failed twice, ten minutes ago",
    listing: listing(["a"]),
    entries: [skipped("a", "unfetchable", { failures: 2, fetchedAt: t0 - 10 * minute })],
    plan: ["fetch 1 retry"],
  },
  {
    name: "failed while the clock was ahead: not left alone until it has caught up",
    listing: listing(["a"], ["b"]),
    entries: [
      skipped("a", "unfetchable", { failures: 1, fetchedAt: t0 + 8 * day }),
      skipped("b", "unfetchable", { failures: 4, fetchedAt: t0 + 8 * day }),
    ],
    plan: ["fetch 1 retry", "fetch 2 retry"],
  },
  {
    name: "failed very often: once a day",
    listing: listing(["a"], ["b"]),
    entries: [
      skipped("a", "unfetchable", { failures: 1000, fetchedAt: t0 - 23 * hour }),
      skipped("b", "unfetchable", { failures: 1000, fetchedAt: t0 - 24 * hour }),
    ],
    plan: ["fetch 2 retry", "leave 1 unfetchable"],
  },
  {
    name: "fewest failures first",
    listing: listing(["a"], ["b"], ["c"]),
    entries: [
      skipped("a", "unfetchable", { failures: 3, fetchedAt: t0 - day }),
      skipped("b", "unfetchable", { failures: 1, fetchedAt: t0 }),
    ],
    plan: ["fetch 3 new", "fetch 2 retry", "fetch 1 retry"],
  },
  {
    name: "first contact with initial = new",
    listing: listing(["a"], ["b", 5000]),
    rules: { firstContact: true, initial: "new" },
    plan: ["leave 1 initial", "leave 2 initial", "ledger a initial", "ledger b initial"],
  },
  {
    name: "after first contact only what is new is fetched, and nothing old is deleted",
    listing: listing(["a"], ["b"]),
    entries: [skipped("a", "initial")],
    rules: { initial: "new" },
    plan: ["fetch 2 new", "leave 1 initial"],
  },
  {
    name: "old mail that was missing for a while stays old",
    listing: listing(["a"]),
    entries: [skipped("a", "initial", { state: "gone" })],
    plan: ["leave 1 initial", "ledger a initial"],
  },
  {
    name: "another message under the id of old mail that went",
    listing: listing(["a", 77]),
    entries: [skipped("a", "initial", { state: "gone" })],
    plan: ["fetch 1 new"],
  },
  {
    name: "one unique id for two messages: both are fetched and told apart by content",
    listing: listing(["a"], ["a"], ["b"]),
    entries: [entry("a")],
    plan: ["fetch 1 duplicate-uidl", "fetch 2 duplicate-uidl", "fetch 3 new", "ledger a gone"],
  },
  {
    name: "no unique ids",
    listing: listing([undefined], [undefined, 1001]),
    plan: ["fetch 1 no-uidl", "leave 2 oversize"],
  },
  {
    name: "entries by digest are not gone because a listing does not name them",
    listing: listing(["a"]),
    entries: [entry(madeId("f".repeat(64)))],
    plan: ["fetch 1 new"],
  },
  {
    name: "entries by digest are gone from an empty box",
    listing: listing(),
    entries: [entry(madeId("f".repeat(64)))],
    plan: [`ledger ${madeId("f".repeat(64))} gone`],
  },
  {
    name: "a rebuilt box: no known id is left although messages should be there",
    listing: listing(["x"], ["y"]),
    entries: [entry("a"), entry("b")],
    rules: forever,
    plan: ["fetch 1 new", "fetch 2 new", "ledger a gone", "ledger b gone", "rebuilt"],
  },
  {
    name: "no rebuilt box: what was being deleted is expected to be missing",
    listing: listing(["x"]),
    entries: [entry("a", { state: "deleting" })],
    plan: ["fetch 1 new", "ledger a gone"],
  },
  {
    name: "a rebuilt box in which old mail is known by its size, each once",
    listing: listing(["x", 7], ["y", 7], ["z", 8]),
    entries: [skipped("a", "initial", { listSize: 7 }), skipped("b", "initial", { listSize: 9 })],
    plan: [
      "fetch 2 new",
      "fetch 3 new",
      "leave 1 initial",
      "ledger x initial",
      "ledger b initial",
      "forget a",
      "rebuilt",
    ],
  },
  {
    name: "a rebuilt box is gone on with after a crash",
    listing: listing(["x", 7], ["y", 9]),
    entries: [
      skipped("x", "initial", { listSize: 7 }),
      skipped("b", "initial", { listSize: 9, state: "gone", since: t0 - hour }),
      skipped("c", "initial", { listSize: 9, state: "gone", since: t0 - day }),
    ],
    rules: { rebuildingSince: t0 - hour },
    plan: ["leave 1 initial", "leave 2 initial", "ledger y initial", "forget b"],
  },
];

describe("planSession", () => {
  it.each(cases)("$name", ({ listing, entries = [], rules = {}, plan }) => {
    expect(words(planSession(listing, entries, { ...usual, ...rules }))).toEqual(plan);
  });

  it("says once why a message is left: the notice comes with the first entry only", () => {
    const first = planSession(listing(["a", 1001]), [], usual);
    expect(first.notices).toEqual([
      { uidl: "a", detail: "1001 octets are more than max_size (1000); it is left at the provider" },
    ]);
    expect(planSession(listing(["a", 1001]), first.ledger, usual).notices).toEqual([]);
  });

  it("lets a message without an id that broke a session come last, then wait", () => {
    const two = listing([undefined, 1], [undefined, 2]);
    const [first] = two.messages;
    const broken = (failures: number, at: number) => ({
      ...usual,
      brokenUnnamed: new Map([[unnamedKey(first ?? { number: 0, size: 0 }), { failures, at }]]),
    });
    expect(words(planSession(two, [], broken(1, t0)))).toEqual(["fetch 2 no-uidl", "fetch 1 no-uidl"]);
    expect(words(planSession(two, [], broken(2, t0)))).toEqual(["fetch 2 no-uidl", "leave 1 unfetchable"]);
  });

  const anyEntry = fc
    .record({
      uidl: fc.constantFrom("a", "b", "c", "d", "e"),
      listSize: fc.constantFrom(0, 100, 2000),
      state: fc.constantFrom("present" as const, "deleting" as const, "gone" as const),
      skipped: fc.constantFrom(undefined, undefined, "initial" as const, "oversize" as const, "unfetchable" as const),
      failures: fc.nat(4),
    })
    .map((more) => (more.skipped === undefined ? entry(more.uidl, more) : skipped(more.uidl, more.skipped, more)));
  const anyListing = fc
    .array(fc.tuple(fc.constantFrom("a", "b", "c", "d", "e", "f", undefined), fc.constantFrom(100, 101, 2000)))
    .map((messages) => listing(...messages));

  it("does exactly one thing with every message, and deletes only what was brought in", () => {
    fc.assert(
      fc.property(
        anyListing,
        fc.uniqueArray(anyEntry, { selector: ({ uidl }) => uidl }),
        fc.constantFrom("never" as const, "forever" as const, "until-delivered" as const),
        fc.constantFrom("all" as const, "new" as const),
        fc.boolean(),
        (listing, entries, keep, initial, first) => {
          const firstContact = first && entries.length === 0;
          const plan = planSession(listing, entries, { ...usual, keep: { kind: keep }, initial, firstContact });
          const numbers = [...plan.fetches, ...plan.deletes, ...plan.leaves].map(({ number }) => number);
          expect(numbers.toSorted((a, b) => a - b)).toEqual(listing.messages.map(({ number }) => number));
          for (const { number, entry } of plan.deletes) {
            expect(entry.digest).not.toBe("");
            expect(entry.skipped).toBeUndefined();
            expect(listing.messages.filter(({ uidl }) => uidl === entry.uidl)).toHaveLength(1);
            expect(listing.messages[number - 1]?.uidl).toBe(entry.uidl);
          }
          // A digest that the ledger had is never written over by a plan.
          for (const written of plan.ledger) {
            const before = entries.find(({ uidl }) => uidl === written.uidl);
            if (before !== undefined && before.digest !== "") expect(written.digest).toBe(before.digest);
          }
        },
      ),
    );
  });
});

describe("awaitedMessages", () => {
  const entries = [entry("a"), entry("b", { messageId: undefined }), entry("c", { state: "gone" }), entry("d")];

  it("names the spooled messages that a deletion waits for, for until-delivered only", () => {
    const box = listing(["a"], ["b"], ["c"]);
    expect(awaitedMessages(box, entries, { kind: "until-delivered" })).toEqual(["Ma"]);
    expect(awaitedMessages(box, entries, { kind: "never" })).toEqual([]);
  });

  it("lets a message go once it has ended, and a copy without a message of its own", () => {
    const rules = { ...usual, keep: { kind: "until-delivered" } as const, ended: new Set(["Ma" as MessageId]) };
    expect(words(planSession(listing(["a"], ["b"], ["d"]), entries, rules))).toEqual([
      "delete 1 keep-over",
      "delete 2 keep-over",
      "leave 3 kept",
      "ledger a deleting",
      "ledger b deleting",
    ]);
  });
});
