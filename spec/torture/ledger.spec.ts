/** The ledger of the torture run convicts whom it must, and nobody else. */
import { describe, expect, it } from "vitest";
import { Chance } from "../../scripts/torture/chance.ts";
import { Deck } from "../../scripts/torture/deck.ts";
import { Ledger } from "../../scripts/torture/ledger.ts";
import { arrivalOf, inboundMail, outboundMail, type Arrival, type NumberedMail } from "../../scripts/torture/mail.ts";

const id = "000000000BCDFG";
const inbound = { ...inboundMail(1, new Chance(1)), origin: "sammel", recipients: ["anna@firma.example"] } as const;
const outbound = { ...outboundMail(2, new Chance(1)), recipients: ["o2-0@else.example"], wishes: new Map() } as const;

function rawOf({ copies }: Pick<NumberedMail, "copies">): Buffer {
  return copies[0] ?? Buffer.alloc(0);
}

/** As it arrives: without the provider's envelope fields. */
function arrival(mail: NumberedMail, more: Partial<Arrival> = {}): Arrival {
  return { ...arrivalOf(rawOf(mail)), id, leak: undefined, ...more };
}

function report(
  messageId: string,
  action: "failed" | "delayed" | "relayed" = "failed",
  recipient = "o2-0@else.example",
): Arrival {
  return { number: undefined, id, messageId, digest: "", told: [{ recipient, action }], leak: undefined };
}

/** With one message each way, both acknowledged. */
function begun(): Ledger {
  const ledger = new Ledger();
  for (const mail of [inbound, outbound]) {
    ledger.put(mail);
    ledger.acknowledged(mail.number);
  }
  return ledger;
}

function toExchange(ledger: Ledger, what: Arrival, lost = false, run = 1): void {
  ledger.taken("exchange", inbound.recipients, what, run, lost);
}

function toRelay(ledger: Ledger, lost = false, run = 1): void {
  ledger.taken("relay", outbound.recipients, arrival(outbound), run, lost);
}

describe("the ledger", () => {
  it("is content when everything arrived once", () => {
    const ledger = begun();
    toExchange(ledger, arrival(inbound));
    toRelay(ledger);
    expect(ledger.verdict()).toEqual({
      messages: 2,
      lost: 0,
      doubled: 0,
      ambiguous: 0,
      problems: [],
      counts: {
        inbound: { sammel: inbound.copies.length },
        outboundLeast: 1,
        outboundMost: 1,
        reports: 0,
        failed: 0,
        droppedLeast: 0,
        droppedMost: 0,
      },
    });
  });

  it("names what is lost, but not what was never acknowledged", () => {
    const ledger = begun();
    const doubtful = { ...outbound, number: "o3", recipients: ["o3-0@else.example"] };
    ledger.put(doubtful);
    ledger.doubtful("o3");
    toRelay(ledger);
    expect(ledger.verdict()).toMatchObject({
      lost: 1,
      problems: ["i1 for anna@firma.example: lost"],
      counts: { outboundLeast: 1, outboundMost: 2 },
    });
  });

  it("names what came twice, and counts apart what came again after a lost 250", () => {
    const ledger = begun();
    toExchange(ledger, arrival(inbound));
    toExchange(ledger, arrival(inbound), false, 2);
    toRelay(ledger, true);
    toRelay(ledger);
    const { doubled, ambiguous, problems } = ledger.verdict();
    expect({ doubled, ambiguous }).toEqual({ doubled: 1, ambiguous: 1 });
    expect(problems).toEqual([
      "i1 for anna@firma.example: 2 times (exchange by process 1; exchange by process 2), 0 report(s)",
    ]);
  });

  it("wants one report of a failure, and no delivery beside it", () => {
    const once = begun();
    toExchange(once, arrival(inbound));
    toExchange(once, report("r1@x"));
    expect(once.verdict()).toMatchObject({ lost: 0, doubled: 0, problems: [], counts: { reports: 1, failed: 1 } });
    const twice = begun();
    toExchange(twice, arrival(inbound));
    toExchange(twice, report("r1@x"));
    toExchange(twice, report("r2@x"));
    expect(twice.verdict()).toMatchObject({ doubled: 1 });
    const both = begun();
    toExchange(both, arrival(inbound));
    toExchange(both, report("r1@x"));
    toRelay(both);
    expect(both.verdict()).toMatchObject({ doubled: 1 });
    const again = begun();
    toExchange(again, arrival(inbound));
    toRelay(again);
    toExchange(again, report("r1@x", "failed", "o9-0@else.example"));
    toExchange(again, report("r1@x", "failed", "o9-0@else.example"));
    expect(again.verdict()).toMatchObject({ doubled: 1, problems: ["report r1@x: 2 times"] });
  });

  it("excuses after a kill what was not written down, as far as connections go; after a stop nothing", () => {
    const killed = begun();
    toExchange(killed, arrival(inbound));
    killed.ended(1, new Set(), { exchange: 1 });
    toExchange(killed, arrival(inbound), false, 2);
    toRelay(killed, false, 2);
    killed.ended(2, new Set([`${id} anna@firma.example`, `${id} o2-0@else.example`]), {});
    expect(killed.verdict()).toMatchObject({ doubled: 0, ambiguous: 1, problems: [] });

    const written = begun();
    toExchange(written, arrival(inbound));
    written.ended(1, new Set([`${id} anna@firma.example`]), { exchange: 1 });
    toExchange(written, arrival(inbound), false, 2);
    expect(written.verdict()).toMatchObject({ doubled: 1, ambiguous: 0 });

    const stopped = begun();
    toExchange(stopped, arrival(inbound));
    stopped.ended(1, new Set(), {});
    expect(stopped.verdict().problems[0]).toContain("process 1 ended with 1 deliveries to exchange not written down");
  });

  it("sees a changed body, and who got what is not for him", () => {
    const ledger = begun();
    toExchange(ledger, arrival(inbound, { digest: "other" }));
    ledger.taken("relay", ["fremd@else.example", ...outbound.recipients], arrival(outbound), 1, false);
    expect(ledger.verdict().problems).toEqual([
      "i1 for anna@firma.example: its body has changed",
      "o2 came to fremd@else.example at relay, whom it is not for",
    ]);
  });
});

describe("what an administrator did", () => {
  it("is respected: nothing for whom it was dropped, unless it may have been on its way", () => {
    for (const [when, doubled, ambiguous] of [
      ["at-rest", 1, 0],
      ["on-its-way", 0, 1],
    ] as const) {
      const ledger = begun();
      ledger.dropped("i1", "anna@firma.example", when);
      toExchange(ledger, arrival(inbound));
      toRelay(ledger);
      const verdict = ledger.verdict();
      expect(verdict).toMatchObject({ lost: 0, doubled, ambiguous, counts: { droppedMost: 1 } });
      expect(verdict.problems).toHaveLength(doubled);
    }
    const ledger = begun();
    ledger.dropped("i1", "anna@firma.example", "at-rest");
    toRelay(ledger);
    expect(ledger.verdict()).toMatchObject({ lost: 0, doubled: 0, ambiguous: 0, problems: [] });
  });

  it("makes another one the recipient, who must get it", () => {
    const ledger = begun();
    ledger.dropped("i1", "anna@firma.example", "at-rest");
    ledger.joined("i1", "ersatz@firma.example", "anna@firma.example");
    toRelay(ledger);
    expect(ledger.verdict()).toMatchObject({ lost: 1, problems: ["i1 for ersatz@firma.example: lost"] });
    ledger.taken("exchange", ["ersatz@firma.example"], arrival(inbound), 1, false);
    expect(ledger.verdict()).toMatchObject({ lost: 0, problems: [] });
  });
});

describe("reports of delay and success", () => {
  /** One message to the relay without DSN, whose sender has such wishes. */
  function wishing(wish: "SUCCESS,FAILURE,DELAY" | "FAILURE"): Ledger {
    const ledger = new Ledger();
    ledger.put({ ...outbound, wishes: new Map([["o2-0@else.example", wish]]) });
    ledger.acknowledged("o2");
    ledger.taken("zweit", outbound.recipients, arrival(outbound), 1, false);
    return ledger;
  }

  it("come once each, and only where they are wished", () => {
    const good = wishing("SUCCESS,FAILURE,DELAY");
    expect(good.verdict().problems).toEqual(["o2 for o2-0@else.example: its success was not told"]);
    toExchange(good, report("r1@x", "delayed"));
    toExchange(good, report("r2@x", "relayed"));
    expect(good.verdict()).toMatchObject({ problems: [], counts: { reports: 2, failed: 0 } });
    toExchange(good, report("r3@x", "relayed"));
    expect(good.verdict().problems).toEqual(["o2-0@else.example: 2 reports say relayed"]);
    const unwished = wishing("FAILURE");
    toExchange(unwished, report("r1@x", "delayed"));
    toExchange(unwished, report("r2@x", "relayed"));
    expect(unwished.verdict()).toMatchObject({
      doubled: 2,
      problems: [
        "o2-0@else.example: a delay was told that nobody wished to hear of",
        "o2-0@else.example: a success was told that nobody asked for",
      ],
    });
  });
});

it("an envelope field that arrives is told", () => {
  const ledger = begun();
  toExchange(ledger, { ...arrival(inbound), leak: arrivalOf(rawOf(inbound)).leak });
  toRelay(ledger);
  expect(ledger.verdict().problems[0]).toMatch(/^i1@torture\.example came to exchange with the field \S+:$/u);
});

it("every kind is drawn once before any is drawn again, and by the seed", () => {
  const kinds = ["a", "b", "c", "d"].map((name) => ({ name, weight: 1 }));
  const draws = (seed: number): string[] => {
    const deck = new Deck(kinds, new Chance(seed));
    const names = Array.from({ length: 40 }, () => deck.draw().name);
    expect(deck.counts().reduce((sum, [, drawn]) => sum + drawn, 0)).toBe(40);
    return names;
  };
  expect(draws(3).slice(0, 4).toSorted()).toEqual(["a", "b", "c", "d"]);
  expect(draws(3)).toEqual(draws(3));
  expect(draws(3)).not.toEqual(draws(4));
});

describe("what arrives is read by", () => {
  it("its number, body and the queue id in our Received field", () => {
    const { digest } = outbound;
    const raw = rawOf(outbound);
    const field = `Received: from exchange.firma.example ([127.0.0.1])\r\n\tby popgate.firma.example (popgate) with ESMTPS (TLSv1.3)\r\n\tid ${id};\r\n\tTue, 24 Nov 2026 09:00:00 +0100\r\n`;
    expect(arrivalOf(Buffer.concat([Buffer.from(field), raw]))).toEqual({
      number: "o2",
      id,
      messageId: "o2@torture.example",
      digest,
      told: [],
      leak: undefined,
    });
  });

  it("what a report says of whom", () => {
    const text =
      `Message-ID: <${id}.report@popgate.firma.example>\r\n` +
      "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
      "Reporting-MTA: dns; popgate.firma.example\r\n\r\n" +
      "Final-Recipient: rfc822; o2-0@weg.example\r\nAction: failed\r\n\r\n" +
      "Final-Recipient: rfc822; o2-1@else.example\r\nAction: delayed\r\n\r\n";
    expect(arrivalOf(Buffer.from(text))).toMatchObject({
      number: undefined,
      id,
      told: [
        { recipient: "o2-0@weg.example", action: "failed" },
        { recipient: "o2-1@else.example", action: "delayed" },
      ],
    });
  });
});

it("a seed makes the same mail again", () => {
  const mail = (seed: number): string => rawOf(inboundMail(7, new Chance(seed))).toString();
  expect(mail(5)).toBe(mail(5));
  expect(mail(5)).not.toBe(mail(6));
});
