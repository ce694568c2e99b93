/**
 * Explanations of messages as whole texts (`explained/*.txt`), of records that the program's own code has made: the
 * decision about the header, settling after attempts, what a person did.
 */
import path from "node:path";
import { describe, expect, it } from "vitest";
import { explanationOf } from "../../src/admin/explain.ts";
import { explanation } from "../../src/admin/schemas.ts";
import { detailOf, summaryOf, type AnyRecord } from "../../src/admin/view.ts";
import * as schema from "../../src/admin/schemas.ts";
import { mustAddress } from "../../src/core/address.ts";
import { parseMessageId, type MessageId } from "../../src/core/ids.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { defaultRetryMs } from "../../src/delivery/retry.ts";
import { settle, type SettleContext } from "../../src/delivery/settle.ts";
import { settleOutbound } from "../../src/delivery/settle-outbound.ts";
import { messageDraft } from "../../src/inbound/draft.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { drop, redirect, release } from "../../src/spool/transitions.ts";
import { delivered, replied } from "../delivery/fixtures.ts";
import { outboundRecord, wishes } from "../delivery/outbound-records.ts";
import { aliases, author, decided, header, policy, received } from "../message/support.ts";
import { account, draft } from "../spool/support.ts";

const start = Date.UTC(2026, 10, 24, 8);
const minute = 60_000;

/** An explanation as the command line may show it. */
function told(record: AnyRecord): string {
  const { steps, summary } = explanation.parse(explanationOf(record));
  const lines = steps.map(({ kind, at, good, text }) => {
    const mark = good === undefined ? " " : good ? "+" : "-";
    const time = at === undefined ? "" : ` ${new Date(at).toISOString().slice(0, 19)}`;
    return `${mark} ${kind}${time}: ${text}`;
  });
  return `${summary}\n\n${lines.join("\n")}\n`;
}

function golden(name: string): string {
  return path.join(import.meta.dirname, "explained", `${name}.txt`);
}

function collected(fields: readonly string[], more: Parameters<typeof policy>[1] = {}): MessageRecord {
  const decision = decided(policy("exim", more), ...fields);
  const examined = {
    header: header(...fields),
    headerTooLarge: false,
    summary: { messageId: "<1@kunde.example>", from: "S <s@kunde.example>", subject: "Angebot", date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: "c",
  };
  return {
    ...messageDraft({ account: account("strato"), uidl: "UID7-1", examined, decision, received: "", now: start }),
    version: 1,
    id: someId(),
    receivedAt: start,
    size: 48_211,
    digest: "d",
    attempts: [],
    noticedAt: undefined,
  };
}

function someId(): MessageId {
  const id = parseMessageId("0LBQ5XFG7T4N2K");
  if (id === undefined) throw new TypeError();
  return id;
}

const rules = { retryMs: defaultRetryMs, giveUpMs: 5 * 86_400_000, onReject: { kind: "hold" } } as const;

function at(minutes: number, destination = "exchange mail.firma.example:25"): SettleContext {
  return { now: start + minutes * minute, random: { next: () => 0.5 }, destination, unavailable: false };
}

function outcomes(record: MessageRecord, outcome: Outcome, ...only: readonly string[]) {
  return record.recipients
    .filter(({ address, state }) => state.kind === "queued" && (only.length === 0 || only.includes(address)))
    .map(({ address: recipient }) => ({ recipient, outcome }));
}

const full = ["Envelope-to: info@firma.example, b@firma.example, B@FIRMA.example, c@else.example", received];

describe("an inbound message of a collector", () => {
  const record = collected([...full, "Envelope-to: stale@firma.example", "Bcc: x@firma.example", ...author], {
    aliases: aliases({ "info@firma.example": ["chef@firma.example", "vertrieb@firma.example"] }),
  });

  it("that has just come: field, zone, mapping, what was ignored and removed", async () => {
    await expect(told(record)).toMatchFileSnapshot(golden("inbound-new"));
  });

  it("that Exchange has first put off, then taken for one and refused for the other", async () => {
    const busy: Outcome = {
      kind: "deferred",
      cause: { kind: "reply", phase: "mail", reply: { code: 452, enhanced: "4.3.1", text: "Insufficient\nresources" } },
    };
    const put = settle(record, outcomes(record, busy), rules, at(1));
    const [first = "", ...rest] = put.recipients.map(({ address }) => address);
    const results = [...outcomes(put, delivered, first), ...outcomes(put, replied("refused", 550, "5.1.1"), ...rest)];
    await expect(told(settle(put, results, rules, at(7)))).toMatchFileSnapshot(golden("inbound-partly-refused"));
  });

  it("of which it is not known whether it has arrived", async () => {
    const lost: Outcome = {
      kind: "unconfirmed",
      cause: { kind: "connection", phase: "dot", code: "ECONNRESET", message: "connection lost" },
    };
    await expect(told(settle(record, outcomes(record, lost), rules, at(1)))).toMatchFileSnapshot(
      golden("inbound-unconfirmed"),
    );
  });

  it("that was given to other people by hand, and has ended", async () => {
    const act = { by: "local:erika", at: start + 5 * minute };
    const [first] = record.recipients;
    const moved = redirect(
      record,
      first === undefined ? "all" : [first.address],
      mustAddress("chefin@firma.example"),
      act,
    );
    const sent = settle(moved, outcomes(moved, delivered), rules, at(6));
    await expect(told({ ...sent, endedAt: start + 6 * minute })).toMatchFileSnapshot(
      golden("inbound-redirected-ended"),
    );
  });
});

describe("a held message", () => {
  it("without a field that is believed", async () => {
    await expect(
      told(collected([received, "Envelope-to: boss@firma.example", received, ...author])),
    ).toMatchFileSnapshot(golden("held-untrusted"));
  });

  it("that a person has released", async () => {
    const record = collected([received, ...author]);
    expect(record.hold?.reason).toBe("envelope-missing");
    const released = release(record, [mustAddress("chef@firma.example")], { by: "web:max", at: start + 90 * minute });
    await expect(told(released)).toMatchFileSnapshot(golden("held-released"));
  });

  it("that a person has dropped", async () => {
    const dropped = drop(collected([received, ...author]), "all", { by: "local:erika", at: start + 90 * minute });
    await expect(told({ ...dropped, endedAt: start + 90 * minute })).toMatchFileSnapshot(golden("held-dropped-ended"));
  });
});

describe("an outbound message", () => {
  const record = outboundRecord(
    {
      at: start,
      to: [["a@x.example", wishes("FAILURE")], "b@y.example"],
      origin: { kind: "smtp", client: "192.0.2.1", user: "exchange", protocol: "ESMTPSA" },
    },
    { id: someId(), size: 1234 },
  );
  const outboundRules = { retryMs: defaultRetryMs };
  const relay = "relay smtp.provider.example:587";

  it("that a relay has put off, then refused for one recipient", async () => {
    const put = settleOutbound(record, outcomes(record, replied("deferred", 451, "4.7.1")), outboundRules, {
      ...at(1, relay),
      dsnPassedOn: false,
      account: undefined,
    });
    const results = [
      ...outcomes(put, replied("refused", 550, "5.1.1"), "a@x.example"),
      ...outcomes(put, delivered, "b@y.example"),
    ];
    const context = { ...at(9, relay), dsnPassedOn: false, account: undefined };
    await expect(told(settleOutbound(put, results, outboundRules, context))).toMatchFileSnapshot(
      golden("outbound-bounced"),
    );
  });

  it("with many recipients that went out, from the history", async () => {
    const many = outboundRecord(
      { at: start, to: Array.from({ length: 5 }, (_, number) => `u${number}@x.example`) },
      { id: someId(), size: 1234 },
    );
    const sent = settleOutbound(many, outcomes(many, delivered), outboundRules, {
      ...at(1, relay),
      dsnPassedOn: true,
      account: undefined,
    });
    await expect(told({ ...sent, endedAt: start + minute })).toMatchFileSnapshot(golden("outbound-ended"));
  });
});

it("a report of our own", async () => {
  const report: MessageRecord = {
    ...draft({ to: ["chef@firma.example"], at: start }),
    reversePath: { kind: "null" },
    origin: { kind: "local", purpose: "report" },
    version: 1,
    id: someId(),
    receivedAt: start,
    size: 2048,
    digest: "d",
    attempts: [],
    noticedAt: undefined,
  };
  await expect(told(report)).toMatchFileSnapshot(golden("report"));
});

describe("summary and detail", () => {
  it("are of the form that the interface promises, in every state", () => {
    const held = collected([received, ...author]);
    const record = collected([...full, ...author]);
    const refused = settle(record, outcomes(record, replied("refused", 550, "5.1.1")), rules, at(1));
    const sent = settle(record, outcomes(record, delivered), rules, at(1));
    for (const one of [held, record, refused, { ...sent, endedAt: start + minute }]) {
      expect(schema.messageSummary.safeParse(summaryOf(one)).error).toBeUndefined();
      expect(schema.messageDetail.safeParse(detailOf(one, "Subject: x\r\n")).error).toBeUndefined();
    }
    expect(summaryOf(held)).toMatchObject({ state: "held", reason: "envelope-missing", recipients: [] });
    expect(summaryOf(record)).toMatchObject({ state: "queued", nextAttemptAt: start, origin: "strato" });
    expect(summaryOf(refused)).toMatchObject({ state: "held", reason: "refused" });
    expect(summaryOf({ ...sent, endedAt: start + minute })).toMatchObject({ state: "ended" });
    expect(detailOf(held, "").hold).toMatchObject({
      reason: "envelope-missing",
      meaning: expect.stringContaining("none of the envelope fields") as string,
      remedy: expect.stringContaining("popgate resolve") as string,
    });
    expect(detailOf(refused, "").details[0]).toMatchObject({
      state: "held",
      attempts: 1,
      at: start + minute,
      detail: "refused: rcpt: 550 5.1.1 no",
    });
  });
});
