import { describe, expect, it } from "vitest";
import { madeId } from "../../src/inbound/ledger-entry.ts";
import type { FetchAction } from "../../src/inbound/actions.ts";
import { createRecogniser, type Fingerprint } from "../../src/inbound/recognise.ts";
import type { LedgerEntry } from "../../src/spool/port.ts";
import { day, entry, t0 } from "./entries.ts";

const print = (of: string, more: Partial<Fingerprint> = {}): Fingerprint => ({
  digest: `digest of ${of}`,
  contentDigest: `content of ${of}`,
  recipientsKey: "a@firma.example",
  identified: true,
  ...more,
});
const named = (uidl: string, known?: LedgerEntry): FetchAction => ({
  number: 1,
  size: 100,
  uidl,
  reason: known === undefined ? "new" : "returned",
  known,
  failures: 0,
});
const unnamed: FetchAction = { ...named("x"), uidl: undefined, reason: "no-uidl" };
const nothing = new Set<string>();

describe("a message under a known id", () => {
  const known = entry("a", { state: "gone" });
  const recogniser = createRecogniser([known], new Set(["a"]), undefined);

  it.each([
    ["the same octets", print("a"), true],
    ["other octets, the same content for the same people", print("a", { digest: "other" }), true],
    ["the same content for others", print("a", { digest: "other", recipientsKey: "b@firma.example" }), false],
    ["the same content, but nothing that identifies it", print("a", { digest: "other", identified: false }), false],
    ["another message", print("b"), false],
  ])("%s", (_name, seen, same) => {
    expect(recogniser.claim(named("a", known), seen)).toBe(same ? known : undefined);
  });

  it("was held then and has recipients now", () => {
    const held = entry("a", { recipientsKey: "" });
    const recogniser = createRecogniser([held], new Set(["a"]), undefined);
    expect(recogniser.claim(named("a", held), print("a", { digest: "other" }))).toBe(held);
  });
});

describe("a message under a new id", () => {
  it("is new while the message with its octets is listed too: a copy", () => {
    const recogniser = createRecogniser([entry("a")], new Set(["a", "b"]), undefined);
    expect(recogniser.claim(named("b"), print("a"))).toBeUndefined();
  });

  it.each([
    ["the octets of one that is gone", print("a"), true],
    ["those octets, but nothing that identifies them", print("a", { identified: false }), false],
    ["the content of one that is gone", print("a", { digest: "other" }), false],
  ])("in an ordinary box: %s", (_name, seen, known) => {
    const gone = entry("a", { state: "gone" });
    const recogniser = createRecogniser([gone], new Set(["b"]), undefined);
    expect(recogniser.claim(named("b"), seen)).toBe(known ? gone : undefined);
  });

  it("is recognised in a rebuilt box, each old entry once", () => {
    const entries = [entry("a"), entry("b", { digest: "digest of a", contentDigest: "content of a" })];
    const recogniser = createRecogniser(entries, new Set(["x", "y", "z"]), t0);
    const claims = ["x", "y", "z"].map((uidl) => recogniser.claim(named(uidl), print("a"))?.uidl);
    expect(claims).toEqual(["a", "b", undefined]);
  });

  it("is recognised in a rebuilt box by content for the same people", () => {
    const recogniser = createRecogniser([entry("a")], new Set(["x"]), t0);
    const other = print("a", { digest: "other", recipientsKey: "b@firma.example" });
    expect(recogniser.claim(named("x"), other)).toBeUndefined();
    expect(recogniser.claim(named("x"), print("a", { digest: "other" }))?.uidl).toBe("a");
  });

  it("is not taken by its content for what was gone before the box was rebuilt", () => {
    const gone = entry("a", { state: "gone", since: t0 - day });
    const seen = print("a", { digest: "other" });
    expect(createRecogniser([gone], new Set(["x"]), t0).claim(named("x"), seen)).toBeUndefined();
  });

  it("is recognised by octets where the ledger had to make an id", () => {
    const made = entry(madeId("0".repeat(64)), { digest: "digest of a" });
    expect(createRecogniser([made], new Set(["a"]), undefined).claim(named("a"), print("a"))).toBe(made);
  });
});

describe("a message without an id", () => {
  it("is recognised by octets, as often as it is there", () => {
    const recogniser = createRecogniser([entry("a", { state: "gone" })], nothing, undefined);
    expect(recogniser.claim(unnamed, print("a"))?.uidl).toBe("a");
    expect(recogniser.claim(unnamed, print("a"))?.uidl).toBe("a");
    expect(recogniser.claim(unnamed, print("a", { digest: "other" }))).toBeUndefined();
  });

  it("is recognised when an equal one was brought in by the same session", () => {
    const recogniser = createRecogniser([], nothing, undefined);
    expect(recogniser.claim(unnamed, print("a"))).toBeUndefined();
    const written = entry("a");
    recogniser.remember(written);
    expect(recogniser.claim(unnamed, print("a"))).toBe(written);
  });
});
