import { describe, expect, test } from "vitest";
import { mustAddress, nullReversePath, type ReversePath } from "../../src/core/address.ts";
import { rewrittenPath } from "../../src/delivery/rewrite.ts";
import { canStandIn, waysOf, whyNoWay, type RelayRoute, type RouteRules } from "../../src/delivery/route.ts";
import { queuedRecipient, type Recipient, type Submission } from "../../src/spool/record.ts";
import { pattern } from "./outbound-world.ts";

const relay = (name: string, senders: readonly string[], isProved = true): RelayRoute => ({
  name,
  senders: senders.map(pattern),
  isProved,
});

/** In the order of the configuration: the general one first, on purpose. */
const relays = [
  relay("all", ["*"]),
  relay("firma", ["*@firma.example"]),
  relay("anna", ["anna@firma.example", "*@shop.example"]),
  relay("anna-too", ["ANNA@firma.example"]),
  relay("plain", ["*"], false),
];

function rules(changes: Partial<RouteRules> = {}): RouteRules {
  return { domains: ["firma.example"], ownDomains: "exchange", atProvider: [], relays, ...changes };
}

function submission(sender: string | undefined, requireTls = false): { submission: Submission } {
  const address = sender === undefined ? undefined : mustAddress(sender);
  return { submission: { sender: address, ret: undefined, envid: undefined, requireTls } };
}

const to = (text: string): Recipient => queuedRecipient(mustAddress(text), 0);
const outside = to("kunde@elsewhere.example");

describe("ways", () => {
  test.each([
    ["anna@firma.example", ["anna", "anna-too", "firma", "all", "plain"]],
    ["Anna@firma.example", ["anna", "anna-too", "firma", "all", "plain"]],
    ["bernd@firma.example", ["firma", "all", "plain"]],
    ["x@shop.example", ["anna", "all", "plain"]],
    ["x@sub.firma.example", ["all", "plain"]],
    ["x@foreign.example", ["all", "plain"]],
    [undefined, ["all", "plain"]],
  ])("of mail from %s: exact, then domain, then *, each in the order of the configuration", (sender, names) => {
    expect(waysOf(submission(sender), outside, rules())).toEqual(names.map((name) => `relay ${name}`));
  });

  test("without a submission at all, as of a report of ours: as without sender", () => {
    expect(waysOf({}, outside, rules())).toEqual(["relay all", "relay plain"]);
  });

  test.each([
    ["bernd@firma.example", {}, ["exchange"]],
    ["bernd@sub.firma.example", {}, ["relay all", "relay plain"]],
    ["bernd@firma.example", { ownDomains: "relay" as const }, ["relay all", "relay plain"]],
    ["shop@firma.example", { atProvider: [pattern("shop@firma.example")] }, ["relay all", "relay plain"]],
    ["bernd@firma.example", { atProvider: [pattern("shop@firma.example")] }, ["exchange"]],
    ["bernd@firma.example", { atProvider: [pattern("*@firma.example")] }, ["relay all", "relay plain"]],
  ])("to %s with %j", (address, changes, ways) => {
    expect(waysOf(submission("x@foreign.example"), to(address), rules(changes))).toEqual(ways);
  });

  test("REQUIRETLS: only relays that have to prove themselves, and not twice in a row one that does not offer it", () => {
    const record = submission("bernd@firma.example", true);
    expect(waysOf(record, outside, rules())).toEqual(["relay firma", "relay all"]);
    const tried: Recipient = {
      ...outside,
      state: { kind: "queued", nextAttemptAt: 0, attempts: 1 },
      lastCause: { kind: "extension", missing: "REQUIRETLS", message: "" },
    };
    expect(waysOf(record, tried, rules())).toEqual(["relay all", "relay firma"]);
  });

  test.each([
    ["anna@firma.example", false, [relay("b", ["bernd@firma.example"])], /no \[\[relay\]\] has anna@firma\.example/u],
    [undefined, false, [relay("b", ["*@firma.example"])], /senders = \["\*"\]/u],
    ["anna@firma.example", true, [relay("p", ["*"], false)], /without proved TLS/u],
    ["anna@firma.example", false, [], /there is no \[\[relay\]\]/u],
  ])("none for %s (REQUIRETLS %s): why", (sender, requireTls, some, words) => {
    const record = submission(sender, requireTls);
    expect(waysOf(record, outside, rules({ relays: some }))).toEqual([]);
    expect(whyNoWay(record, rules({ relays: some }))).toMatch(words);
  });

  test.each([
    [["*"], ["x@y.example"], true],
    [["*@firma.example"], ["anna@firma.example"], true],
    [["anna@firma.example"], ["*@firma.example"], true],
    [["*@firma.example"], ["*@shop.example"], false],
    [["anna@firma.example"], ["bernd@firma.example"], false],
    [["anna@firma.example"], ["Anna@firma.example"], true],
  ])("%j and %j can carry mail of one sender: %s", (a, b, answer) => {
    expect(canStandIn(relay("a", a), relay("b", b))).toBe(answer);
  });
});

describe("the reverse path", () => {
  const path = (text: string): ReversePath => ({ kind: "address", address: mustAddress(text) });
  const envelopeFrom = mustAddress("konto@provider.example");
  const own = path("anna@firma.example");
  const foreign = path("x@foreign.example");
  const fixed = path("konto@provider.example");

  test.each([
    ["own", own, fixed, foreign, nullReversePath],
    ["foreign", foreign, own, fixed, nullReversePath],
    ["null", nullReversePath, own, foreign, fixed],
  ] as const)("rewrite = [%s] replaces just that", (kind, _, forOwn, forForeign, forNull) => {
    const rewriting = { envelopeFrom, rewrite: new Set([kind]), domains: ["firma.example"] };
    expect(rewrittenPath(own, rewriting)).toEqual(forOwn);
    expect(rewrittenPath(foreign, rewriting)).toEqual(forForeign);
    expect(rewrittenPath(nullReversePath, rewriting)).toEqual(forNull);
  });

  test("without envelope_from, and where it is the sender's own address, nothing is replaced", () => {
    const rewrite = new Set(["own", "foreign", "null"] as const);
    const none = { envelopeFrom: undefined, rewrite, domains: [] };
    expect(rewrittenPath(own, none)).toBe(own);
    expect(rewrittenPath(fixed, { ...none, envelopeFrom })).toBe(fixed);
  });
});
