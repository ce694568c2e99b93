import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { domainOf } from "../../src/core/address.ts";
import type { Decision } from "../../src/message/decision.ts";
import { isNeverHandedOn } from "../../src/message/envelope-fields.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import type { CollectorPolicy, Source } from "../../src/message/policy.ts";
import { profiles } from "../../src/message/profiles.ts";
import { decide } from "../../src/message/recipients.ts";
import { render } from "../../src/message/render.ts";
import { policy } from "./support.ts";

const address = fc.constantFrom(
  "a@firma.example",
  "<B@FIRMA.example>",
  "c@sub.firma.example",
  "d@kunde.example",
  '"x@firma.example" <e@kunde.example>',
  "GMX delivery to f@firma.example",
  "g@firma.example via 192.0.2.1; now",
  "<broken",
  "",
);
const name = fc.constantFrom(
  "Envelope-To",
  "X-Envelope-To",
  "X-Original-To",
  "Delivered-To",
  "X-Apparently-To",
  "X-Delivered-To",
  "To",
  "Cc",
  "Bcc",
  "Resent-Bcc",
  "Return-Path",
  "X-Spam-Flag",
  "UI-InboundReport",
  "Subject",
);
const list = fc.array(address, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(", "));
const host = fc.constantFrom("mx.kundenserver.de", "smtpin.rzone.de", "mx.provider.example");
const receivedLine = fc
  .tuple(host, fc.option(address))
  .map(([by, to]) => `Received: from x (by y) by ${by} with SMTP id 1${to === null ? "" : ` for ${to}`}; now`);
const field = fc.tuple(name, list).map(([left, right]) => `${left}: ${right}`);
const line = fc.oneof(
  { weight: 4, arbitrary: field },
  { weight: 2, arbitrary: receivedLine },
  fc.constantFrom("junk", " folded", "\t"),
);
const lines = fc.array(line, { maxLength: 12 });

const toCc: Source = { kind: "to-cc" };
const rules = fc.constantFrom<CollectorPolicy>(
  ...profiles.map((profile) => policy(profile.name)),
  ...profiles.map((profile) => policy(profile.name, { sources: [...profile.sources, toCc] })),
  policy("exim", { place: { kind: "top", trustedHops: 2 } }),
);

function parse(text: string) {
  return parseHeaderBlock(Buffer.from(text, "latin1"));
}

function block(parts: readonly string[]): string {
  return `${parts.map((part) => `${part}\r\n`).join("")}\r\n`;
}

function recipients(decision: Decision): readonly string[] {
  return decision.kind === "deliver" ? decision.recipients : [];
}

async function rendered(text: string, prepend: string, cuts: Decision["removed"], size: number): Promise<string> {
  const bytes = Buffer.from(text, "latin1");
  async function* body(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const out: Buffer[] = [];
  for await (const piece of render(body(), { prepend, cuts })) out.push(Buffer.from(piece));
  return Buffer.concat(out).toString("latin1");
}

describe("decisions, whatever the header", () => {
  it("never name a recipient outside the company's domains", () => {
    let delivered = 0;
    fc.assert(
      fc.property(lines, rules, (parts, rule) => {
        const found = recipients(decide(parse(block(parts)), rule));
        delivered += found.length;
        expect(found.filter((text) => domainOf(text as never) !== "firma.example")).toEqual([]);
      }),
      { numRuns: 1000 },
    );
    expect(delivered).toBeGreaterThan(0);
  });

  it("are not changed by anything below a top zone", () => {
    const tops = profiles.filter(({ place }) => place.kind === "top" && place.trustedHops === 0);
    const rule = fc.constantFrom(...tops.map((profile) => policy(profile.name)));
    let compared = 0;
    fc.assert(
      fc.property(fc.array(field, { maxLength: 3 }), receivedLine, lines, lines, rule, (above, mx, one, other, its) => {
        const first = decide(parse(block([...above, mx, ...one])), its);
        const second = decide(parse(block([...above, mx, ...other])), its);
        // A stray field may turn "missing" into "untrusted"; it never makes or changes a delivery.
        expect(recipients(first)).toEqual(recipients(second));
        if (first.kind === "deliver") compared++;
      }),
      { numRuns: 1000 },
    );
    expect(compared).toBeGreaterThan(0);
  });

  it("are not changed by anything above a bottom zone, except into a hold", () => {
    const mx = "Received: from x by mx.kundenserver.de with ESMTPS id 1; now";
    const end = ["Envelope-To: a@firma.example", "X-Spam-Flag: NO", "UI-InboundReport: x"];
    fc.assert(
      fc.property(lines, (middle) => {
        const decision = decide(parse(block([mx, ...middle, ...end])), policy("ionos"));
        if (decision.kind === "deliver") expect(decision.recipients).toEqual(["a@firma.example"]);
        else expect(decision.reason).toBe("envelope-untrusted");
      }),
      { numRuns: 1000 },
    );
  });

  it("do not depend on anything below the header block", () => {
    fc.assert(
      fc.property(lines, lines, rules, (parts, body, rule) => {
        const head = block(parts);
        expect(decide(parse(head + block(body)), rule)).toEqual(decide(parse(head), rule));
      }),
    );
  });

  it("come for any octets at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), rules, (octets, rule) => {
        expect(decide(parseHeaderBlock(Buffer.from(octets)), rule).kind).toMatch(/^(?:deliver|hold)$/u);
      }),
    );
  });
});

describe("what is handed over, whatever the message", () => {
  const ending = fc.constantFrom("\r\n", "\r\n", "\r\n", "\n", "\r", "\r\r\n");
  const piece = fc.oneof(
    { weight: 3, arbitrary: line },
    fc.constantFrom("", "From a@x now", ">From b", "text", "BCC : h@firma.example", "a\0b", "\xfc: \xe4", "body"),
  );
  const message = fc.array(fc.tuple(piece, ending), { maxLength: 14 }).map((parts) => parts.flat().join(""));
  const prepend = "Received: from pop by us (popgate) with POP3 id 1; now\r\n";

  it("holds no envelope field, blind copy or return path in its header", async () => {
    await fc.assert(
      fc.asyncProperty(message, rules, fc.integer({ min: 1, max: 40 }), async (text, rule, size) => {
        const { removed } = decide(parse(text), rule);
        const left = parse(await rendered(text, prepend, removed, size)).fields.filter(({ lower }) =>
          isNeverHandedOn(lower),
        );
        expect(left.map((found) => found.name)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it("is the stored message without the cuts, octet for octet but for line ends", async () => {
    await fc.assert(
      fc.asyncProperty(message, rules, fc.integer({ min: 1, max: 40 }), async (text, rule, size) => {
        const { removed } = decide(parse(text), rule);
        let at = 0;
        let expected = prepend;
        for (const { start, end } of removed) {
          expect(start).toBeGreaterThanOrEqual(at);
          expected += text.slice(at, start).replace(/\r*\n|\r/gu, "\r\n");
          at = end;
        }
        expected += text.slice(at).replace(/\r*\n|\r/gu, "\r\n");
        if (!expected.endsWith("\r\n")) expected += "\r\n";
        expect(await rendered(text, prepend, removed, size)).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a header of a megabyte", () => {
  it.each([
    ["Received fields", "Received: from x by y for <a@b.example>; now\r\n"],
    ["envelope fields", "Envelope-To: <a@firma.example>\r\n"],
    ["blind copies", "Bcc: a\r\n"],
    ["signatures", "DKIM-Signature: d=x; h=bcc:to:received\r\nBcc: a\r\n"],
    ["visible addresses", "To: a@b.example, c@d.example\r\n"],
    ["short fields", "A:\r\n"],
    ["junk", "x\r\nA:\r\n"],
  ])("of %s is decided", (_, repeated) => {
    const text = `${repeated.repeat(Math.floor(1_000_000 / repeated.length))}\r\n`;
    const decision = decide(parse(text), policy("exim", { limits: { maxReceived: 1_000_000, alsoRemove: [] } }));
    expect(decision.kind).toBe("hold");
    expect(decision.evidence.ignored.length).toBeLessThan(101);
  });
});
