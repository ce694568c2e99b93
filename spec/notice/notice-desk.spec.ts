import { simpleParser } from "mailparser";
import { describe, expect, test, vi } from "vitest";
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import type { HoldReason } from "../../src/core/hold.ts";
import { ownMemory, type AccountName, type MessageId } from "../../src/core/ids.ts";
import { heldNews, markTold } from "../../src/notice/held-news.ts";
import { createNoticeDesk, type NoticeDesk } from "../../src/notice/notice-desk.ts";
import type { Spool } from "../../src/spool/port.ts";
import type { MessageDraft } from "../../src/spool/record.ts";
import { StoreError } from "../../src/spool/store.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";

const hour = 3_600_000;
const never = new AbortController().signal;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a name as the configuration takes it
const account = "sammel" as AccountName;

interface World {
  readonly clock: ManualClock;
  readonly spool: Spool;
  readonly store: MemoryStore;
  readonly events: PopgateEvent[];
  desk(language?: "de" | "en"): NoticeDesk;
  hold(reason: HoldReason, subject: string, detail?: string): Promise<MessageId>;
  /** The notices in the queue. */
  notices(): Promise<{ raw: string; subject: string; text: string; to: string; auto: string; reversePath: string }[]>;
}

async function makeWorld(): Promise<World> {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const events: PopgateEvent[] = [];
  const sink = { emit: (event: PopgateEvent) => void events.push(event) };
  const spool = await openMemorySpool({ clock, random: { next: () => Math.random() }, events: sink }, store);
  return {
    clock,
    spool,
    store,
    events,
    desk: (language = "en") =>
      createNoticeDesk({
        spool,
        clock,
        events: sink,
        options: {
          postmaster: mustAddress("postmaster@firma.example"),
          hostname: "popgate.firma.example",
          language,
          everyMs: hour,
        },
      }),
    async hold(reason, subject, detail = "as it was seen") {
      await using ingest = spool.begin();
      await ingest.write(Buffer.from("Subject: x\r\n\r\nthe body is nobody's business\r\n"));
      const draft: MessageDraft = {
        direction: "inbound",
        origin: { kind: "pop3", account, uidl: ingest.id },
        reversePath: nullReversePath,
        recipients: [],
        hold: { reason, detail, since: clock.now() },
        edits: { prepend: "", cuts: [] },
        removed: [],
        evidence: undefined,
        summary: { messageId: "", from: "kunde@else.example", subject, date: "" },
        traits: { eightBit: false, eightBitHeader: false, longLines: false },
        contentDigest: "",
      };
      await ingest.commit(draft, undefined);
      return ingest.id;
    },
    async notices() {
      const found = [];
      for (const record of await spool.list(undefined, 20_000)) {
        if (record.origin.kind !== "local") continue;
        const chunks: Buffer[] = [];
        for await (const chunk of spool.body(record.id)) chunks.push(chunk);
        const raw = Buffer.concat(chunks);
        const mail = await simpleParser(raw);
        found.push({
          raw: raw.toString("latin1"),
          subject: mail.subject ?? "",
          text: mail.text ?? "",
          to: record.recipients.map(({ address }) => address).join(),
          auto: /^Auto-Submitted: (.*?)\r?$/mu.exec(raw.toString("latin1"))?.[1] ?? "",
          reversePath: record.reversePath.kind,
        });
      }
      return found;
    },
  };
}

describe("the digest", () => {
  test("many held messages are one notice: null sender, to the postmaster, each with reason and remedy", async () => {
    const world = await makeWorld();
    const first = await world.hold("envelope-missing", "an offer");
    const second = await world.hold("loop", "in a circle");
    expect(await world.desk().tick(never)).toBe(2);
    const [notice, ...others] = await world.notices();
    expect(others).toEqual([]);
    expect(notice).toMatchObject({
      to: "postmaster@firma.example",
      reversePath: "null",
      auto: "auto-generated",
      subject: "popgate: 2 messages wait for you",
    });
    for (const word of [first, second, "an offer", "kunde@else.example", "envelope-missing", "loop", "popgate resolve"])
      expect(notice?.text).toContain(word);
    expect(notice?.text).not.toContain("nobody's business");
    expect(notice?.raw).toMatch(/^[\r\n\x20-\x7e]*$/u);
    expect(Math.max(...(notice?.raw.split("\r\n") ?? []).map(({ length }) => length))).toBeLessThanOrEqual(78);
  });

  test("nothing is told twice, and what is new waits until the time is over", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    await world.hold("loop", "one");
    await desk.tick(never);
    expect(await desk.tick(never)).toBe(0);
    await world.hold("loop", "two");
    expect(await desk.tick(never)).toBe(0);
    await world.clock.advance(hour);
    expect(await desk.tick(never)).toBe(1);
    const notices = await world.notices();
    expect(notices).toHaveLength(2);
    expect(notices[1]?.text).toContain("two");
    expect(notices[1]?.text).not.toContain("one\n");
  });

  test("a flood is one notice that lists fifty and counts the rest", async () => {
    const world = await makeWorld();
    for (let index = 0; index < 230; index++) await world.hold(index % 2 === 0 ? "loop" : "refused", `s${index}.`);
    expect(await world.desk().tick(never)).toBe(230);
    const [notice] = await world.notices();
    expect(notice?.text).toContain("115 × loop");
    expect(notice?.text).toContain("115 × refused");
    expect(notice?.text).toContain("… and 180 more.");
    expect(notice?.text.match(/Subject: s\d+\./gu)).toHaveLength(50);
  });

  test("in German", async () => {
    const world = await makeWorld();
    await world.hold("envelope-missing", "Grüße aus Köln");
    await world.desk("de").tick(never);
    const [notice] = await world.notices();
    expect(notice?.subject).toBe("popgate: 1 Nachricht wartet auf Sie");
    expect(notice?.text).toContain("Betreff: Grüße aus Köln");
    expect(notice?.text).toContain("trägt keines der Umschlagfelder");
  });

  test("what a sender wrote cannot add a header, a line or an escape", async () => {
    const world = await makeWorld();
    await world.hold("loop", "x\r\nBcc: everybody@else.example\r\n\r\nforged\u001B[2J\u202E", "detail\r\nof a\nserver");
    await world.desk().tick(never);
    const [notice] = await world.notices();
    expect(notice?.raw).not.toMatch(/^Bcc:/mu);
    expect(notice?.text).toContain("x Bcc: everybody@else.example forged [2J");
    expect(notice?.text).not.toMatch(/[\u001B\u202E]/u);
  });

  test("a held notice is not told by another", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    await world.hold("loop", "one");
    await desk.tick(never);
    for (const { id, origin } of await world.spool.list(undefined, 10)) {
      if (origin.kind !== "local") continue;
      await world.spool.update(id, (record) => ({
        ...record,
        hold: { reason: "by-administrator", detail: "", since: world.clock.now() },
      }));
    }
    await world.clock.advance(2 * hour);
    expect(await desk.tick(never)).toBe(0);
  });

  test("a recipient that is held later, of a message already told of, is news", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    const id = await world.hold("loop", "one");
    await desk.tick(never);
    await world.clock.advance(2 * hour);
    await world.spool.update(id, (record) => ({
      ...record,
      hold: { reason: "refused", detail: "again", since: world.clock.now() },
    }));
    expect(await desk.tick(never)).toBe(1);
  });
});

describe("accounts", () => {
  const failed = (failure: string): PopgateEvent => ({
    kind: "poll-failed",
    account,
    failure,
    detail: "535 wrong password",
    retryAt: 0,
  });

  const finished: PopgateEvent = {
    kind: "poll-finished",
    account,
    listed: 0,
    fetched: 0,
    octets: 0,
    deleted: 0,
    left: 0,
    held: 0,
    ms: 1,
  };

  test("a refused login is told once, repeated a day later while it lasts, and passed on each time", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    const seen: string[] = [];
    const sink = desk.watch({ emit: ({ kind }) => void seen.push(kind) });
    for (let index = 0; index < 5; index++) sink.emit(failed("auth"));
    await desk.tick(never);
    expect(seen).toHaveLength(5);
    const [notice] = await world.notices();
    expect(notice?.subject).toBe("popgate: an account needs help");
    expect(notice?.text).toContain("sammel: The provider refuses the login.");
    expect(notice?.text).toContain("535 wrong password");
    await world.clock.advance(2 * hour);
    sink.emit(failed("auth"));
    expect(await world.notices()).toHaveLength(1);
    await desk.tick(never);
    expect(await world.notices()).toHaveLength(1);
    await world.clock.advance(24 * hour);
    sink.emit(failed("auth"));
    await desk.tick(never);
    expect(await world.notices()).toHaveLength(2);
  });

  test("what a later poll refutes before a notice was due is not told", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    const sink = desk.watch({ emit: () => undefined });
    sink.emit(failed("tls"));
    sink.emit(finished);
    await desk.tick(never);
    expect(await world.notices()).toEqual([]);
  });

  test("a line that is down for hours is told, once; each success begins anew", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    const sink = desk.watch({ emit: () => undefined });
    for (const pause of [3, 0, 3, 2]) {
      sink.emit(failed("connection"));
      await world.clock.advance(pause * hour);
      if (pause === 0) sink.emit(finished);
    }
    await desk.tick(never);
    expect(await world.notices()).toEqual([]);
    sink.emit(failed("temporary"));
    await desk.tick(never);
    sink.emit(failed("temporary"));
    await world.clock.advance(2 * hour);
    await desk.tick(never);
    const notices = await world.notices();
    expect(notices).toHaveLength(1);
    expect(notices[0]?.text).toContain("No poll has succeeded for hours.");
  });

  test("thousands of messages that stay in their boxes do not keep out what concerns an account", async () => {
    const world = await makeWorld();
    const desk = world.desk("de");
    const sink = desk.watch({ emit: () => undefined });
    for (let index = 0; index < 3000; index++)
      sink.emit({ kind: "box-notice", account, uidl: `u${index}`, detail: `larger than ${index} octets` });
    sink.emit({ kind: "account-notice", account, detail: "gives no unique ids\u001B[2J" });
    sink.emit(failed("auth"));
    await desk.tick(never);
    const [notice, ...others] = await world.notices();
    expect(others).toEqual([]);
    expect(notice?.text).toContain("sammel: Der Anbieter lehnt die Anmeldung ab.");
    expect(notice?.text).toContain("gives no unique ids [2J");
    expect(notice?.text.match(/Eine Nachricht bleibt im Postfach/gu)).toHaveLength(48);
    expect(notice?.text).toContain("… und 2952 weitere.");
  });

  test("a line that is down for a moment is nobody's business", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    desk.watch({ emit: () => undefined }).emit(failed("connection"));
    await desk.tick(never);
    expect(await world.notices()).toEqual([]);
  });
});

describe("a restart", () => {
  test("writes no second notice within the time, and repeats no trouble within a day", async () => {
    const world = await makeWorld();
    const refused: PopgateEvent = { kind: "poll-failed", account, failure: "auth", detail: "no", retryAt: 0 };
    const restarted = async (): Promise<number> => {
      const desk = world.desk();
      desk.watch({ emit: () => undefined }).emit(refused);
      return desk.tick(never);
    };
    await restarted();
    expect(await world.notices()).toHaveLength(1);
    await world.hold("loop", "one");
    await world.clock.advance(hour / 2);
    expect(await restarted()).toBe(0);
    expect(await world.notices()).toHaveLength(1);
    await world.clock.advance(hour / 2);
    expect(await restarted()).toBe(1);
    const notices = await world.notices();
    expect(notices).toHaveLength(2);
    expect(notices[1]?.text).not.toContain("refuses the login");
    await world.clock.advance(24 * hour);
    await restarted();
    expect((await world.notices())[2]?.text).toContain("refuses the login");
  });

  test.each([["text"], [null], [{ notice: 7 }], [{ notice: { lastNoticeAt: "x", told: [1, [2], ["k", "v"]] } }]])(
    "a memory that cannot be read (%j) is as none",
    async (memory) => {
      const world = await makeWorld();
      await world.spool.putState(ownMemory, memory);
      await world.hold("loop", "one");
      expect(await world.desk().tick(never)).toBe(1);
    },
  );

  test("a clock that is set back does not silence it", async () => {
    const world = await makeWorld();
    const desk = world.desk();
    await world.hold("loop", "one");
    await desk.tick(never);
    world.clock.set(world.clock.now() - 48 * hour);
    await world.hold("loop", "two");
    expect(await desk.tick(never)).toBe(1);
  });
});

describe("a crash", () => {
  test("before the notice is durable: it comes after the restart", async () => {
    const world = await makeWorld();
    await world.hold("loop", "one");
    world.store.faults.onCommit = () => new StoreError("Input/output error", false);
    await expect(world.desk().tick(never)).rejects.toThrow(/cannot be written/u);
    world.store.faults.onCommit = undefined;
    await world.clock.advance(60_000);
    expect(await world.notices()).toEqual([]);
    expect(await world.desk().tick(never)).toBe(1);
  });

  test("between the notice and the marks: one repeated notice, none lost", async () => {
    const world = await makeWorld();
    await world.hold("loop", "one");
    world.store.faults.onCommit = (writes) =>
      writes.some(({ value }) => value?.includes('"noticedAt":1') === true)
        ? new StoreError("Input/output error", false)
        : undefined;
    await expect(world.desk().tick(never)).rejects.toThrow(/cannot be written/u);
    world.store.faults.onCommit = undefined;
    await world.clock.advance(60_000);
    expect(await world.notices()).toHaveLength(1);
    expect(await world.desk().tick(never)).toBe(1);
    expect(await world.notices()).toHaveLength(2);
    expect(await world.desk().tick(never)).toBe(0);
  });
});

describe("running", () => {
  test("looks from time to time, and ends with the signal", async () => {
    const world = await makeWorld();
    const stop = new AbortController();
    const running = world.desk().run(stop.signal);
    await world.clock.sleeping();
    await world.hold("loop", "one");
    await world.clock.advance(30_000);
    expect(await world.notices()).toHaveLength(1);
    expect(world.events.map(({ kind }) => kind)).toContain("notice-spooled");
    stop.abort();
    await running;
  });

  test("a flood that takes a while is one notice; one that does not end is told after a minute", async () => {
    const world = await makeWorld();
    const stop = new AbortController();
    const running = world.desk().run(stop.signal);
    await world.clock.sleeping();
    for (let look = 0; look < 3; look++) {
      await world.hold("loop", `s${look}`);
      await world.clock.advance(15_000);
    }
    expect(await world.notices()).toEqual([]);
    await world.clock.advance(15_000);
    expect((await world.notices()).map(({ subject }) => subject)).toEqual(["popgate: 3 messages wait for you"]);
    await world.clock.advance(hour);
    for (let look = 0; look < 6; look++) {
      await world.hold("loop", `t${look}`);
      await world.clock.advance(15_000);
    }
    expect(await world.notices()).toHaveLength(2);
    stop.abort();
    await running;
  });

  test("does not read what is held again and again", async () => {
    const world = await makeWorld();
    await world.hold("loop", "one");
    const held = vi.spyOn(world.spool, "held");
    const stop = new AbortController();
    const running = world.desk().run(stop.signal);
    await world.clock.advance(hour + 60_000);
    const before = held.mock.calls.length;
    await world.clock.advance(10 * hour);
    expect(held.mock.calls.length).toBe(before);
    stop.abort();
    await running;
  });

  test("a spool that is failed is waited for", async () => {
    const world = await makeWorld();
    await world.hold("loop", "one");
    const stop = new AbortController();
    world.store.faults.onCommit = () => new StoreError("Input/output error", false);
    const running = world.desk().run(stop.signal);
    await world.clock.advance(10 * 60_000);
    expect(await world.notices()).toEqual([]);
    world.store.faults.onCommit = undefined;
    await world.clock.advance(10 * 60_000);
    expect(await world.notices()).toHaveLength(1);
    expect(world.events.map(({ kind }) => kind)).not.toContain("internal-error");
    stop.abort();
    await running;
  });
});

test("two looks at once tell it once", async () => {
  const world = await makeWorld();
  const desk = world.desk();
  await world.hold("loop", "one");
  expect(await Promise.all([desk.tick(never), desk.tick(never)])).toEqual([1, 0]);
  expect(await world.notices()).toHaveLength(1);
});

test("what is held more while the notice is written stays news", async () => {
  const world = await makeWorld();
  const id = await world.hold("loop", "one");
  const settled = await world.hold("loop", "two");
  const news = await heldNews(world.spool, never);
  const hold = { reason: "refused", detail: "meanwhile", since: world.clock.now() } as const;
  await world.spool.update(id, (record) => ({ ...record, hold }));
  await world.spool.update(settled, (record) => ({ ...record, hold: undefined }));
  await markTold(world.spool, news?.messages ?? [], world.clock.now());
  expect((await world.spool.load(id))?.noticedAt).toBeUndefined();
  expect((await heldNews(world.spool, never))?.messages).toMatchObject([{ id }]);
});
