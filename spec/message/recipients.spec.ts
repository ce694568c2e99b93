import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Source } from "../../src/message/policy.ts";
import { decide } from "../../src/message/recipients.ts";
import { receivedField } from "../../src/message/trace.ts";
import { aliases, author, decided, header, outcome, policy, received } from "./support.ts";

const exim = policy("exim");
const own = receivedField({
  hostname: "mail.firma.example",
  from: "x",
  address: undefined,
  protocol: "POP3",
  id: "1",
  at: 0,
}).trimEnd();

describe("recipients by an envelope field", () => {
  it("takes every address of the field in the provider's zone, with its evidence", () => {
    const decision = decided(
      exim,
      "Envelope-to: a@firma.example, B@firma.example, a@FIRMA.example",
      received,
      ...author,
    );
    expect(decision).toMatchObject({
      kind: "deliver",
      recipients: ["a@firma.example", "B@firma.example"],
      reversePath: { kind: "address", address: "s@kunde.example" },
      removed: [{ name: "Envelope-to", start: 0, end: 64 }],
      evidence: {
        profile: "exim",
        used: { source: "field:envelope-to", field: "Envelope-to", offset: 0 },
        mapped: [{ from: "a@firma.example", to: ["a@firma.example"], by: "duplicate" }],
        zone: { start: 0, end: 64 },
      },
    });
  });

  it("does not believe a field below the provider's Received field, and says what would make it count", () => {
    const decision = decided(
      exim,
      received,
      "Envelope-to: boss@firma.example",
      "Received: from a by b; now",
      ...author,
    );
    expect(decision).toMatchObject({ kind: "hold", reason: "envelope-untrusted" });
    expect(decision.kind === "hold" && decision.detail).toContain("trusted_hops = 1");
  });

  it("believes the provider's field and passes over a stale one below", () => {
    const decision = decided(exim, "Envelope-to: a@firma.example", received, "Envelope-to: b@firma.example", ...author);
    expect(outcome(decision)).toEqual(["a@firma.example"]);
    expect(decision.evidence.ignored[0]).toMatchObject({ what: expect.stringContaining("b@firma.example") as string });
    expect(decision.removed).toHaveLength(2);
  });

  it("trusts nothing in a message without any Received field", () => {
    expect(outcome(decided(exim, "Envelope-to: a@firma.example", ...author))).toBe("envelope-untrusted");
  });

  it("reads below inner servers' Received fields with trusted_hops, as far as they are the provider's", () => {
    const inner = "Received: from mx by store.provider.example with LMTP id 2; now";
    const rules = policy("exim", { place: { kind: "top", trustedHops: 1 }, providerHosts: ["provider.example"] });
    expect(outcome(decided(rules, inner, "Envelope-to: a@firma.example", received))).toEqual(["a@firma.example"]);
    const foreign = "Received: from mx by store.notprovider.example with LMTP id 2; now";
    expect(outcome(decided(rules, foreign, "Envelope-to: a@firma.example", received))).toBe("envelope-untrusted");
    expect(outcome(decided(rules, received, "Envelope-to: a@firma.example", ...author))).toBe("envelope-untrusted");
  });

  it("takes the first source present, even when its content is of no use", () => {
    const sources: readonly Source[] = ["X-First", "X-Second"].map((name) => ({
      kind: "field",
      name,
      pattern: undefined,
      occurrence: "topmost",
    }));
    const rules = policy("exim", { sources });
    expect(outcome(decided(rules, "X-Second: b@firma.example", "X-First: a@firma.example", received))).toEqual([
      "a@firma.example",
    ]);
    expect(outcome(decided(rules, "X-Second: b@firma.example", received))).toEqual(["b@firma.example"]);
    expect(outcome(decided(rules, "X-Second: b@firma.example", "X-First:", received))).toBe("envelope-unreadable");
  });

  it.each([
    ["topmost", ["a@firma.example"]],
    ["lowest", ["c@firma.example"]],
    ["all", ["a@firma.example", "b@firma.example", "c@firma.example"]],
  ] as const)("takes the %s of several fields", (occurrence, expected) => {
    const rules = policy("exim", { sources: [{ kind: "field", name: "X-E", pattern: undefined, occurrence }] });
    const lines = ["a", "b", "c"].map((local) => `X-E: ${local}@firma.example`);
    expect(outcome(decided(rules, ...lines, received))).toEqual(expected);
  });

  it.each([
    ["GMX delivery to *", "GMX delivery to a@firma.example", ["a@firma.example"]],
    ["GMX delivery to *", "gmx DELIVERY to  <a@firma.example>", ["a@firma.example"]],
    ["* via *", "a@firma.example via 192.0.2.1; Mon, 04 Dec 2006 05:51:56 -0800", ["a@firma.example"]],
    ["* via *", "a@firma.example", ["a@firma.example"]],
    ["acct * delivered", "acct a@firma.example, b@firma.example delivered", ["a@firma.example", "b@firma.example"]],
    ["acct * delivered", "acct a@firma.example", "envelope-unreadable"],
    ["GMX delivery to *", "delivered to a@firma.example", "envelope-unreadable"],
  ])("takes the address out of the words of %j in %j", (pattern, value, expected) => {
    const rules = policy("exim", { sources: [{ kind: "field", name: "X-E", pattern, occurrence: "topmost" }] });
    expect(outcome(decided(rules, `X-E: ${value}`, received))).toEqual(expected);
  });

  it("holds what is readable only in part, fallback or not", () => {
    const fallback = mustAddress("office@firma.example");
    const line = "Envelope-to: a@firma.example, <broken";
    expect(outcome(decided(exim, line, received))).toBe("envelope-unreadable");
    expect(outcome(decided(policy("exim", { fallback }), line, received))).toBe("envelope-unreadable");
  });
});

describe("the bottom zone", () => {
  const ionos = policy("ionos");
  const mx =
    "Received: from x ([192.0.2.1]) by mx.kundenserver.de (mxeue002 [192.0.2.2]) with ESMTPS (Nemesis) id 1 for <a@firma.example>; now";
  const markers = ["X-Spam-Flag: NO", "UI-InboundReport: x"];

  it("takes the lowest field that only markers follow", () => {
    expect(outcome(decided(ionos, mx, ...author, "Envelope-To: <a@firma.example>", ...markers))).toEqual([
      "a@firma.example",
    ]);
    const forged = decided(
      ionos,
      mx,
      "Envelope-To: <boss@firma.example>",
      ...author,
      "Envelope-To: <boss@firma.example>",
      "Envelope-To: <a@firma.example>",
      ...markers,
    );
    expect(outcome(forged)).toEqual(["a@firma.example"]);
    expect(forged.removed.map(({ name }) => name)).toEqual([
      "Received (for)",
      "Envelope-To",
      "Envelope-To",
      "Envelope-To",
    ]);
  });

  it("holds a field that something else follows, and names the markers that would do", () => {
    const decision = decided(ionos, mx, ...author, "Envelope-To: <a@firma.example>", ...markers, "X-New: 1");
    expect(decision).toMatchObject({ kind: "hold", reason: "envelope-untrusted" });
    expect(decision.kind === "hold" && decision.detail).toContain(
      'markers = ["ui-inboundreport", "x-spam-flag", "x-new"]',
    );
  });

  it("proposes no marker that senders write", () => {
    const decision = decided(ionos, mx, "Envelope-To: <a@firma.example>", "MIME-Version: 1.0", "X-New: 1");
    expect(decision).toMatchObject({ kind: "hold", reason: "envelope-untrusted" });
    expect(decision.kind === "hold" && decision.detail).toContain("no setting");
  });

  it.each([
    ["top", ["Envelope-To: <a@firma.example>", mx, ...author], ionos, 'place = "top"'],
    [
      "bottom",
      [mx, ...author, "Envelope-To: <a@firma.example>", "X-Mark: 1"],
      exim,
      'place = "bottom" and markers = ["x-mark"]',
    ],
    ["between", [mx, "Envelope-To: <a@firma.example>", received], ionos, 'place = "top" and trusted_hops = 1'],
  ])("proposes the place where the field really stands: %s", (_, lines, rules, words) => {
    const decision = decided(rules, ...lines);
    expect(decision.kind === "hold" && decision.detail).toContain(words);
  });

  it("lets another candidate name not slip in above the provider's field", () => {
    const sources: readonly Source[] = ["X-Envelope-To", "Envelope-To"].map((name) => ({
      kind: "field",
      name,
      pattern: undefined,
      occurrence: "lowest",
    }));
    const rules = policy("ionos", { sources });
    const lines = [...author, "X-Envelope-To: boss@firma.example", "Envelope-To: a@firma.example", ...markers];
    expect(outcome(decided(rules, mx, ...lines))).toEqual(["a@firma.example"]);
  });

  it.each([
    ["junk", ["not a field", "X: 1"]],
    ["a line of white space", ["X: 1", " "]],
  ])("trusts no bottom where %s makes it doubtful where the header ends", (_, lines) => {
    const decision = decided(ionos, mx, ...lines, "Envelope-To: <a@firma.example>", ...markers);
    expect(outcome(decision)).toBe("envelope-untrusted");
  });

  it("holds a contradiction with the provider's Received field", () => {
    const decision = decided(ionos, mx, ...author, "Envelope-To: <boss@firma.example>", ...markers);
    expect(outcome(decision)).toBe("envelope-contradiction");
  });
});

describe("agreement with the provider's Received field", () => {
  const mx = (to: string): string => `Received: from x by mx.provider.example with SMTP id 1 for <${to}>; now`;

  it.each([
    ["the same address", "A@firma.example", ["a@firma.example", "b@firma.example"]],
    ["one of several", "b@firma.example", ["a@firma.example", "b@firma.example"]],
    ["one that maps to the same", "old@firma.example", ["a@firma.example", "b@firma.example"]],
    ["a foreign box", "box17@provider.example", ["a@firma.example", "b@firma.example"]],
    ["another local address", "c@firma.example", "envelope-contradiction"],
  ])("%s", (_, to, expected) => {
    const rules = policy("exim", { aliases: aliases({ "old@firma.example": ["a@firma.example"] }) });
    expect(outcome(decided(rules, "Envelope-to: a@firma.example, b@firma.example", mx(to)))).toEqual(expected);
  });

  it("asks only lines of the provider's hosts, where they are known", () => {
    const rules = policy("exim", { providerHosts: ["other.example"] });
    expect(outcome(decided(rules, "Envelope-to: a@firma.example", mx("c@firma.example")))).toEqual(["a@firma.example"]);
  });
});

describe("mapping", () => {
  it("strips the prefix of a virtual domain", () => {
    const rules = policy("qmail", { stripPrefix: "mbox-firma-" });
    const decision = decided(rules, "Delivered-To: mbox-firma-a@firma.example", received);
    expect(outcome(decision)).toEqual(["a@firma.example"]);
    expect(decision.evidence.mapped[0]).toMatchObject({ by: "prefix", to: ["a@firma.example"] });
    expect(outcome(decided(rules, "Delivered-To: b@firma.example", received))).toEqual(["b@firma.example"]);
  });

  it("keeps foreign domains and subdomains out", () => {
    const decision = decided(exim, "Envelope-to: a@kunde.example, a@sub.firma.example, a@firma.example", received);
    expect(outcome(decision)).toEqual(["a@firma.example"]);
    expect(decision.evidence.ignored.map(({ what }) => what)).toEqual(["a@kunde.example", "a@sub.firma.example"]);
    expect(outcome(decided(exim, "Envelope-to: a@kunde.example", received))).toBe("no-local-recipient");
  });

  it("applies aliases once, exact ones before the catch-all", () => {
    const rules = policy("exim", {
      aliases: aliases({
        "old@firma.example": ["new@firma.example", "archive@other.example"],
        "*@firma.example": ["office@firma.example"],
      }),
    });
    expect(outcome(decided(rules, "Envelope-to: OLD@firma.example", received))).toEqual([
      "new@firma.example",
      "archive@other.example",
    ]);
    expect(outcome(decided(rules, "Envelope-to: x@firma.example, y@firma.example", received))).toEqual([
      "office@firma.example",
    ]);
  });
});

describe("received-for", () => {
  const line = (by: string, clause: string): string =>
    `Received: from x (HELO by evil.example) by ${by} with SMTP id 1${clause}; now`;
  const rules = policy("sendmail");

  it("takes the clause of the topmost Received field", () => {
    expect(outcome(decided(rules, line("mx.provider.example", " for <a@firma.example>")))).toEqual(["a@firma.example"]);
  });

  it("does not search on below a line without one", () => {
    const forged = line("mx.provider.example", " for <boss@firma.example>");
    expect(outcome(decided(rules, line("mx.provider.example", ""), forged))).toBe("envelope-missing");
  });

  it("passes over other hosts within the zone when tied to one", () => {
    const tied = policy("sendmail", {
      sources: [{ kind: "received-for", by: ["mx.provider.example"] }],
      place: { kind: "top", trustedHops: 1 },
    });
    const inner = line("store.provider.example", " for <box@firma.example>");
    expect(outcome(decided(tied, inner, line("mx.provider.example", " for <a@firma.example>")))).toEqual([
      "a@firma.example",
    ]);
    expect(outcome(decided(tied, inner, inner, line("mx.provider.example", " for <a@firma.example>")))).toBe(
      "envelope-missing",
    );
  });
});

describe("to-cc, fallback and drift", () => {
  const sources: readonly Source[] = [...exim.sources, { kind: "to-cc" }];
  const visible = ["To: a@firma.example, x@kunde.example", "Cc: b@firma.example", "Bcc: c@firma.example"];

  it("reads To and Cc only where configured", () => {
    expect(outcome(decided(exim, received, ...visible))).toBe("envelope-missing");
    expect(outcome(decided(policy("exim", { sources }), received, ...visible))).toEqual([
      "a@firma.example",
      "b@firma.example",
    ]);
  });

  it("does not fall through to To and Cc when an envelope field stands in the wrong place", () => {
    const rules = policy("exim", { sources });
    expect(outcome(decided(rules, received, "Envelope-to: c@firma.example", ...visible))).toBe("envelope-untrusted");
  });

  it("gives to the fallback what names nobody of ours, and never what is suspicious", () => {
    const rules = policy("exim", { fallback: mustAddress("office@firma.example") });
    const office = ["office@firma.example"];
    expect(outcome(decided(rules, received))).toEqual(office);
    expect(outcome(decided(rules, "Envelope-to: x@kunde.example", received))).toEqual(office);
    expect(outcome(decided(rules, "Envelope-to:", received))).toEqual(office);
    expect(decided(rules, received).evidence.used?.source).toBe("fallback");
    expect(outcome(decided(rules, received, "Envelope-to: a@firma.example"))).toBe("envelope-untrusted");
  });

  it("holds what lacks the established source", () => {
    const established = "field:envelope-to";
    const strict = policy("exim", { sources, established, fallback: mustAddress("office@firma.example") });
    expect(outcome(decided(strict, received, ...visible))).toBe("envelope-drift");
    const known = policy("exim", { sources, established, absentWhenSeveral: true });
    expect(outcome(decided(known, received, ...visible))).toEqual(["a@firma.example", "b@firma.example"]);
    expect(
      outcome(decided(policy("exim", { sources, established: "to-cc" }), "Envelope-to: a@firma.example", received)),
    ).toEqual(["a@firma.example"]);
    expect(outcome(decided(policy("exim", { established: "field:no-longer-configured" }), received))).toBe(
      "envelope-missing",
    );
  });
});

describe("what is stopped before it is read", () => {
  const good = "Envelope-to: a@firma.example";

  it("holds a message that carries our own Received field twice", () => {
    expect(outcome(decided(exim, good, received, own))).toEqual(["a@firma.example"]);
    expect(outcome(decided(exim, good, received, own, received, own))).toBe("loop");
  });

  it("holds a message with too many hops", () => {
    const rules = policy("exim", { limits: { maxReceived: 3, alsoRemove: [] } });
    expect(outcome(decided(rules, good, received, received, received))).toEqual(["a@firma.example"]);
    expect(outcome(decided(rules, good, received, received, received, received))).toBe("too-many-hops");
  });

  it("holds the note of a mail folder to itself", () => {
    const subject = "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA";
    expect(
      outcome(decided(exim, "From: Mail System Internal Data <MAILER-DAEMON@x.example>", subject, "X-IMAP: 1 2")),
    ).toBe("server-internal");
    expect(outcome(decided(exim, good, received, subject))).toEqual(["a@firma.example"]);
  });

  it("gives a personal mailbox its configured recipients", () => {
    const rules = {
      kind: "mailbox",
      deliverTo: [mustAddress("chef@firma.example")],
      limits: exim.limits,
      hostname: exim.hostname,
    } as const;
    const decision = decide(header("Envelope-to: x@y.example", received, ...author), rules);
    expect(outcome(decision)).toEqual(["chef@firma.example"]);
    expect(decision.evidence).toMatchObject({ profile: "mailbox", used: { source: "configured" }, zone: undefined });
    expect(decision.removed.map(({ name }) => name)).toEqual(["Envelope-to"]);
    expect(outcome(decide(header(own, received, own), rules))).toBe("loop");
  });
});

describe("reverse path", () => {
  const path = (...lines: readonly string[]) => decided(exim, ...lines).reversePath;
  const address = (text: string) => ({ kind: "address", address: text });

  it.each([
    [["Return-Path: <r@kunde.example>", received, ...author], address("r@kunde.example")],
    [["Return-Path: r@kunde.example", received, ...author], address("r@kunde.example")],
    [["Return-Path: <>", received, ...author], { kind: "null" }],
    [["Return-Path: <MAILER-DAEMON>", received, ...author], { kind: "null" }],
    [["Return-Path: <a@kunde.example>", received, "Return-Path: <b@kunde.example>"], address("a@kunde.example")],
    [[received, "Return-Path: <b@kunde.example>", ...author], address("b@kunde.example")],
    [["Return-Path: <not readable>", received, ...author], address("s@kunde.example")],
    [[received, ...author], address("s@kunde.example")],
    [[received, "Sender: <secr@kunde.example>", ...author], address("secr@kunde.example")],
    [[received, ...author, "Auto-Submitted: auto-replied"], { kind: "null" }],
    [[received, ...author, "Auto-Submitted: no"], address("s@kunde.example")],
    [[received, ...author, "Content-Type: multipart/report; report-type=delivery-status"], { kind: "null" }],
    [[received, "From: nobody"], { kind: "null" }],
  ])("of %j", (lines, expected) => {
    expect(path(...lines)).toEqual(expected);
  });
});
