/** What every spool must do, whatever store is beneath it: one body for the real one and for the one in memory. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import type { OwnedSpool } from "../../src/spool/spool.ts";
import {
  dueIds,
  account,
  delivered,
  digestOf,
  draft,
  ledgerDraft,
  ledgerEntry,
  octets,
  read,
  store,
  stored,
} from "../spool/support.ts";
import type { ManualClock } from "../fakes/manual-clock.ts";

export interface SpoolUnderTest {
  readonly spool: OwnedSpool;
  readonly clock: ManualClock;
  /** Octets of a chunk. */
  readonly chunkOctets: number;
  /** Closes it and opens it again on the same store. */
  reopen(): Promise<SpoolUnderTest>;
  /** Closes it and removes the store. */
  end(): Promise<void>;
}

const day = 86_400_000;
const noSuchId = "00000000000000" as MessageId;

export function spoolContract(name: string, open: () => Promise<SpoolUnderTest>): void {
  describe(`the spool on ${name}`, () => {
    let test: SpoolUnderTest;
    let spool: OwnedSpool;
    beforeEach(async () => {
      test = await open();
      ({ spool } = test);
    });
    afterEach(async () => test.end());
    const reopen = async (): Promise<void> => {
      test = await test.reopen();
      ({ spool } = test);
    };

    describe("a body", () => {
      it.each(["0", "1", "chunk - 1", "chunk", "chunk + 1", "3 * chunk", "5 * chunk + 7"])(
        "of %s octets comes back as it was, also after a restart",
        async (expression) => {
          const size = evaluate(expression, test.chunkOctets);
          const body = octets(size);
          const record = await stored(spool, body);
          expect(record).toMatchObject({ size, digest: digestOf(body), version: 1 });
          await reopen();
          expect(await spool.load(record.id)).toMatchObject({ size, digest: digestOf(body) });
          expect((await read(spool, record.id)).equals(body)).toBe(true);
        },
      );

      it("written in one call of many chunks comes back", async () => {
        const body = octets(20 * test.chunkOctets + 3);
        await using ingest = spool.begin();
        await ingest.write(Buffer.from(body));
        expect(ingest.size).toBe(body.length);
        await ingest.commit(draft(), undefined);
        expect((await read(spool, ingest.id)).equals(body)).toBe(true);
      });

      it("written octet by octet comes back", async () => {
        const body = octets(test.chunkOctets + 5);
        await using ingest = spool.begin();
        for (const octet of body) await ingest.write(Buffer.of(octet));
        await ingest.commit(draft(), undefined);
        expect((await read(spool, ingest.id)).equals(body)).toBe(true);
      });

      it("is read from any place, in chunks of at most 256 kB", async () => {
        const body = octets(2 * test.chunkOctets + 100);
        const { id } = await stored(spool, body);
        for (const start of [
          1,
          test.chunkOctets - 1,
          test.chunkOctets,
          test.chunkOctets + 1,
          body.length - 1,
          body.length,
        ])
          expect((await read(spool, id, start)).equals(body.subarray(start))).toBe(true);
        for await (const chunk of spool.body(id)) expect(chunk.length).toBeLessThanOrEqual(256 * 1024);
      });

      it("of a message that is not there cannot be read", async () => {
        await expect(read(spool, noSuchId)).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
      });

      it("that ends while it is read ends the reading, not as damage", async () => {
        const { id } = await stored(spool, octets(4 * test.chunkOctets));
        const reading = spool.body(id)[Symbol.asyncIterator]();
        await reading.next();
        await spool.update(id, delivered);
        await spool.maintain();
        await expect(
          (async () => {
            while ((await reading.next()).done !== true);
          })(),
        ).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
      });
    });

    describe("an ingest", () => {
      it("that is not committed leaves nothing behind", async () => {
        {
          await using ingest = spool.begin();
          await ingest.write(octets(3 * test.chunkOctets));
        }
        expect(spool.counts()).toMatchObject({ queued: 0, held: 0 });
        expect(await spool.list(undefined, 10)).toEqual([]);
        await reopen();
        expect(await spool.list(undefined, 10)).toEqual([]);
        expect(spool.counts().octets).toBe((await open0(open)).octets);
      });

      it("can neither be written nor committed once it is over", async () => {
        const ingest = spool.begin();
        await ingest.commit(draft(), undefined);
        await expect(ingest.write(octets(1))).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
        await expect(ingest.commit(draft(), undefined)).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
        await ingest[Symbol.asyncDispose]();
        expect(await spool.load(ingest.id)).toBeDefined();
      });

      it("disposed while it commits is stored whole", async () => {
        const ingest = spool.begin();
        const body = octets(3 * test.chunkOctets);
        await ingest.write(Buffer.from(body));
        const committing = ingest.commit(draft(), undefined);
        await ingest[Symbol.asyncDispose]();
        await committing;
        expect((await read(spool, ingest.id)).equals(body)).toBe(true);
      });

      it("keeps many at once apart", async () => {
        const bodies = Array.from({ length: 40 }, (_, n) => octets(1000 + n * 3000, n + 1));
        const records = await Promise.all(bodies.map(async (body) => stored(spool, body)));
        expect(new Set(records.map(({ id }) => id)).size).toBe(40);
        for (const [n, { id }] of records.entries()) expect((await read(spool, id)).equals(bodies[n]!)).toBe(true);
      });

      it("fills in the ledger entry in the same breath", async () => {
        const body = octets(100);
        const result = await store(spool, body, draft(), ledgerDraft("uid-1"));
        const id = result.kind === "stored" ? result.record.id : undefined;
        expect(await spool.entries(account())).toMatchObject([
          { uidl: "uid-1", digest: digestOf(body), messageId: id },
        ]);
      });
    });

    describe("copies of one content", () => {
      const once = "content-and-recipient" as const;
      const copy = (...to: string[]) => draft({ to, content: "the same" });

      it("reach each recipient once, whoever comes first", async () => {
        const first = await store(spool, octets(10), copy("a@firma.example"), ledgerDraft("1"), once);
        const second = await store(
          spool,
          octets(11),
          copy("A@Firma.example", "b@firma.example"),
          ledgerDraft("2"),
          once,
        );
        const third = await store(spool, octets(12), copy("b@firma.example"), ledgerDraft("3"), once);
        expect(first.kind === "stored" && first.record.recipients.map(({ address }) => address)).toEqual([
          "a@firma.example",
        ]);
        expect(second.kind === "stored" && second.record.recipients.map(({ address }) => address)).toEqual([
          "b@firma.example",
        ]);
        expect(third).toEqual({ kind: "duplicate", of: second.kind === "stored" ? second.record.id : "" });
        const entry = (await spool.entries(account())).find(({ uidl }) => uidl === "3");
        expect(entry?.digest).toBe(digestOf(octets(12)));
        expect(entry?.messageId).toBeUndefined();
      });

      it("that come in at the same time are told apart as well", async () => {
        const copies = Array.from({ length: 20 }, (_, n) =>
          store(
            spool,
            octets(2 * test.chunkOctets, n + 1),
            copy("a@firma.example", "b@firma.example"),
            ledgerDraft(`${n}`),
            once,
          ),
        );
        const results = await Promise.all(copies);
        const kept = results.filter(({ kind }) => kind === "stored");
        expect(kept).toHaveLength(1);
        expect(spool.counts().queued).toBe(1);
        expect(await spool.entries(account())).toHaveLength(20);
      });

      it("are recognised after a restart and after the first has ended", async () => {
        const first = await store(spool, octets(10), copy("a@firma.example"), undefined, once);
        if (first.kind !== "stored") throw new Error("a duplicate");
        await spool.update(first.record.id, delivered);
        await reopen();
        expect(await store(spool, octets(9), copy("a@firma.example"), undefined, once)).toEqual({
          kind: "duplicate",
          of: first.record.id,
        });
      });

      it("are forgotten with the history", async () => {
        const first = await store(spool, octets(10), copy("a@firma.example"), undefined, once);
        if (first.kind !== "stored") throw new Error("a duplicate");
        await spool.update(first.record.id, delivered);
        test.clock.set(test.clock.now() + 31 * day);
        await spool.maintain();
        expect((await store(spool, octets(9), copy("a@firma.example"), undefined, once)).kind).toBe("stored");
      });

      it("without the wish are all kept", async () => {
        await store(spool, octets(10), copy("a@firma.example"));
        expect((await store(spool, octets(10), copy("a@firma.example"))).kind).toBe("stored");
      });
    });

    describe("the queue", () => {
      it("gives what is due, the longest due first", async () => {
        const late = await stored(spool, octets(1), draft({ at: 3000 }));
        const early = await stored(spool, octets(1), draft({ at: 1000 }));
        const middle = await stored(spool, octets(1), draft({ at: 2000 }));
        await stored(spool, octets(1), draft({ held: "loop" }));
        expect(await dueIds(spool, 999, 10)).toEqual([]);
        expect(await dueIds(spool, 1000, 10)).toEqual([early.id]);
        expect(await dueIds(spool, 9000, 2)).toEqual([early.id, middle.id]);
        expect(await dueIds(spool, 9000, 10)).toEqual([early.id, middle.id, late.id]);
        expect(await spool.nextDueAt("inbound")).toBe(1000);
        await reopen();
        expect(await dueIds(spool, 9000, 10)).toEqual([early.id, middle.id, late.id]);
      });

      it("moves a message when its time changes", async () => {
        const { id } = await stored(spool, octets(1), draft({ at: 1000 }));
        await spool.update(id, (record) => ({
          ...record,
          recipients: record.recipients.map((one) => ({
            ...one,
            state: { kind: "queued", nextAttemptAt: 5000, attempts: 1 },
          })),
        }));
        expect(await spool.nextDueAt("inbound")).toBe(5000);
        expect(await dueIds(spool, 4999, 10)).toEqual([]);
        expect(await dueIds(spool, 5000, 10)).toEqual([id]);
      });

      it("changes one message in turns, none lost", async () => {
        const { id } = await stored(spool, octets(1));
        const text = (n: number) => ({ at: n, destination: "exchange", recipients: [], text: `try ${n}` });
        await Promise.all(
          Array.from({ length: 50 }, async (_, n) =>
            spool.update(id, (record) => ({ ...record, attempts: [...record.attempts, text(n)] })),
          ),
        );
        expect((await spool.load(id))?.attempts.map(({ at }) => at)).toEqual(Array.from({ length: 50 }, (_, n) => n));
      });

      it("keeps what was settled when the message came in", async () => {
        const record = await stored(spool, octets(5));
        const after = await spool.update(record.id, (before) => ({ ...before, size: 0, digest: "", receivedAt: 1 }));
        expect(after).toMatchObject({ size: 5, digest: record.digest, receivedAt: record.receivedAt });
        expect((await read(spool, record.id)).length).toBe(5);
      });

      it("leaves a message alone when its change throws", async () => {
        const { id } = await stored(spool, octets(1));
        const before = await spool.load(id);
        const failing = spool.update(id, () => {
          throw new RangeError("no");
        });
        await expect(failing).rejects.toThrow(RangeError);
        expect(await spool.load(id)).toEqual(before);
        await spool.update(id, delivered);
      });

      it("cannot change what is not there", async () => {
        await expect(spool.update(noSuchId, delivered)).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
      });

      it("forgets that a person was told as soon as something more is held, even when the clock has been set back", async () => {
        const { id } = await stored(spool, octets(1), draft({ held: "loop" }));
        const told = await spool.update(id, (record) => ({ ...record, noticedAt: test.clock.now() }));
        expect(told.noticedAt).toBe(test.clock.now());
        expect((await spool.update(id, (record) => ({ ...record }))).noticedAt).toBe(test.clock.now());
        const hold = { reason: "refused", detail: "later", since: test.clock.now() - 1000 } as const;
        await spool.update(id, (record) => ({ ...record, hold }));
        expect((await spool.load(id))?.noticedAt).toBeUndefined();
      });

      it("tells who waits for changes, until they leave", async () => {
        let calls = 0;
        const watching = spool.onChange(() => (calls += 1));
        const { id } = await stored(spool, octets(1));
        expect(calls).toBe(1);
        watching[Symbol.dispose]();
        await spool.update(id, delivered);
        expect(calls).toBe(1);
      });

      it("does not undo a commit for a listener that throws", async () => {
        spool.onChange(() => {
          throw new Error("a listener's fault");
        });
        const { id } = await stored(spool, octets(1));
        expect(await spool.load(id)).toBeDefined();
      });
    });

    describe("an ended message", () => {
      it("leaves its history and nothing else", async () => {
        const before = spool.counts().octets;
        const { id } = await stored(spool, octets(4 * test.chunkOctets), draft({ messageId: "<m@x>" }));
        await spool.update(id, delivered);
        await spool.maintain();
        expect(await spool.load(id)).toBeUndefined();
        expect(await spool.history(id)).toMatchObject({
          id,
          endedAt: test.clock.now(),
          recipients: [{ state: { kind: "delivered" } }],
        });
        expect(spool.counts()).toMatchObject({ queued: 0, held: 0 });
        expect(spool.counts().octets).toBe(before);
        expect(await dueIds(spool, 1e15, 10)).toEqual([]);
        expect(await spool.byMessageIdField("m@x")).toEqual([id]);
        await expect(read(spool, id)).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
        await expect(spool.update(id, delivered)).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
      });

      it("leaves no chunk, however many there were", async () => {
        const before = spool.counts().octets;
        for (const chunks of [0.01, 1, 8, 9, 100]) {
          const { id } = await stored(spool, octets(Math.floor(chunks * test.chunkOctets)));
          await spool.update(id, delivered);
          await spool.maintain();
          expect(spool.counts().octets).toBe(before);
        }
      });

      it("is found by the time of its end, the latest first", async () => {
        const ids: MessageId[] = [];
        const begun = test.clock.now();
        for (let n = 0; n < 3; n++) {
          const { id } = await stored(spool, octets(1));
          await spool.update(id, delivered);
          ids.push(id);
          test.clock.set(test.clock.now() + 1000);
        }
        expect(await spool.ended(begun, begun + 3000)).toEqual(ids.toReversed());
        expect(await spool.ended(begun + 1, begun + 2000)).toEqual([ids[1]]);
        expect(await spool.ended(0, begun)).toEqual([]);
      });

      it("is forgotten after its days, not before", async () => {
        const { id } = await stored(spool, octets(1), draft({ messageId: "<m@x>" }));
        await spool.update(id, delivered);
        test.clock.set(test.clock.now() + 29 * day);
        await spool.maintain();
        expect(await spool.history(id)).toBeDefined();
        test.clock.set(test.clock.now() + 2 * day);
        await spool.maintain();
        expect(await spool.history(id)).toBeUndefined();
        expect(await spool.byMessageIdField("<m@x>")).toEqual([]);
      });
    });

    describe("lists", () => {
      it("go page by page through all messages, and through the held ones", async () => {
        const all: MessageId[] = [];
        const held: MessageId[] = [];
        for (let n = 0; n < 7; n++) {
          const { id } = await stored(spool, octets(1), draft(n % 2 === 0 ? { held: "loop" } : {}));
          all.push(id);
          if (n % 2 === 0) held.push(id);
        }
        expect(await pages((after) => spool.list(after, 3))).toEqual(all.toSorted());
        expect(await pages((after) => spool.held(after, 3))).toEqual(held.toSorted());
        expect(spool.counts()).toMatchObject({ queued: 3, held: 4 });
        await reopen();
        expect(spool.counts()).toMatchObject({ queued: 3, held: 4 });
      });

      it("find by Message-ID, newest first, with brackets or without", async () => {
        const first = await stored(spool, octets(1), draft({ messageId: "<m@x>" }));
        test.clock.set(test.clock.now() + 1000);
        const second = await stored(spool, octets(1), draft({ messageId: "<m@x>" }));
        await stored(spool, octets(1), draft({ messageId: "<other@x>" }));
        expect(await spool.byMessageIdField("<m@x>")).toEqual([second.id, first.id]);
        expect(await spool.byMessageIdField("m@x")).toEqual([second.id, first.id]);
        expect(await spool.byMessageIdField("nobody@x")).toEqual([]);
      });
    });

    describe("the ledger", () => {
      const odd = ["1", "a/b", "#", "ÄÖ", "x".repeat(70), "y".repeat(5000), " ", "\u0001", "~!%"];

      it("keeps entries under any unique id, per account", async () => {
        const entries = odd.map((uidl) => ledgerEntry(uidl));
        await spool.put(account("one"), entries);
        await spool.put(account("one.two"), [ledgerEntry("other")]);
        await reopen();
        expect((await spool.entries(account("one"))).map(({ uidl }) => uidl).toSorted()).toEqual(odd.toSorted());
        expect((await spool.entries(account("one.two"))).map(({ uidl }) => uidl)).toEqual(["other"]);
        await spool.forget(account("one"), odd.slice(1));
        expect(await spool.entries(account("one"))).toMatchObject([{ uidl: odd[0] }]);
      });

      it("replaces an entry of the same id", async () => {
        await spool.put(account(), [ledgerEntry("1")]);
        await spool.put(account(), [ledgerEntry("1", { state: "gone", since: 5 })]);
        expect(await spool.entries(account())).toMatchObject([{ uidl: "1", state: "gone", since: 5 }]);
      });

      it("holds thousands", async () => {
        await spool.put(
          account(),
          Array.from({ length: 2500 }, (_, n) => ledgerEntry(`uid-${n}`)),
        );
        expect(await spool.entries(account())).toHaveLength(2500);
      });

      it("forgets what has been gone for long, nothing else", async () => {
        const now = test.clock.now();
        await spool.put(account(), [
          ledgerEntry("present", { since: 0 }),
          ledgerEntry("deleting", { state: "deleting", since: 0 }),
          ledgerEntry("gone lately", { state: "gone", since: now - 59 * day }),
          ledgerEntry("gone long ago", { state: "gone", since: now - 61 * day }),
        ]);
        await spool.maintain();
        expect((await spool.entries(account())).map(({ uidl }) => uidl)).toEqual([
          "deleting",
          "gone lately",
          "present",
        ]);
      });

      it("keeps what an account remembers", async () => {
        expect(await spool.state(account())).toBeUndefined();
        await spool.putState(account(), { polledAt: 5, learnt: ["x"] });
        await reopen();
        expect(await spool.state(account())).toEqual({ polledAt: 5, learnt: ["x"] });
        expect(await spool.state(account("other"))).toBeUndefined();
      });
    });

    it("is not to be used once it is closed, and closes twice", async () => {
      await spool[Symbol.asyncDispose]();
      await spool[Symbol.asyncDispose]();
      expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_UNUSABLE" }));
    });
  });
}

function evaluate(expression: string, chunk: number): number {
  const [, factor = "1", , more = "0"] = /^(?:(\d+) \* )?(chunk)(?: (.*))?$/u.exec(expression) ?? [];
  if (!expression.includes("chunk")) return Number(expression);
  return Number(factor) * chunk + Number(more.replace(" ", ""));
}

/** The octets that an empty spool counts. */
async function open0(open: () => Promise<SpoolUnderTest>): Promise<{ octets: number }> {
  const fresh = await open();
  const { octets } = fresh.spool.counts();
  await fresh.end();
  return { octets };
}

async function pages(
  page: (after: MessageId | undefined) => Promise<readonly { readonly id: MessageId }[]>,
): Promise<MessageId[]> {
  const ids: MessageId[] = [];
  for (;;) {
    const next = await page(ids.at(-1));
    if (next.length === 0) return ids;
    ids.push(...next.map(({ id }) => id));
  }
}
