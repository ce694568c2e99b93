/** What is decided again while the spool is changed by others, or cannot be read or written. */
import { describe, expect, it } from "vitest";
import { makeMessageId, type MessageId } from "../../src/core/ids.ts";
import { boxHeaders, heldHeaders } from "../../src/inbound/auto.ts";
import { givenBefore } from "../../src/inbound/given-before.ts";
import { mergeReports, type PollReport } from "../../src/inbound/report.ts";
import { resolveHeld, type Resolution, type ResolveOptions } from "../../src/inbound/resolve.ts";
import { emptyTally } from "../../src/inbound/tally.ts";
import { SpoolError, type Spool } from "../../src/spool/port.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { draft, octets, stored } from "../spool/support.ts";
import { accountName, bench, collector, mail, type Bench } from "./bench.ts";

const silent = new AbortController().signal;
const toCc = { ...collector, sources: [{ kind: "to-cc" }] } as const;

async function resolve(b: Bench, more: Partial<ResolveOptions> = {}): Promise<Resolution[]> {
  const options: ResolveOptions = {
    spool: b.spool,
    clock: b.clock,
    events: { emit: (event) => void b.events.push(event) },
    policyOf: async () => toCc,
    which: "all",
    dryRun: false,
    maxHeaderOctets: 100_000,
    ...more,
  };
  return Array.fromAsync(resolveHeld(options, silent));
}

/** Mail without an envelope: held. */
async function withHeld(count: number): Promise<Bench> {
  const b = await bench();
  for (let n = 0; n < count; n++) b.box.add(mail(`m${n}`, { to: undefined }));
  await b.settle();
  return b;
}

/** The spool with one of its methods replaced. */
function replaced(spool: Spool, change: Partial<Spool>): Spool {
  return new Proxy(spool, {
    get(target, name) {
      const member: unknown = Reflect.get(change, name) ?? Reflect.get(target, name, target);
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
}

const idsOf = async (b: Bench): Promise<MessageId[]> => (await b.spooled()).map(({ record }) => record.id);

describe("deciding again", () => {
  it("goes through more than a page of held messages", async () => {
    const b = await withHeld(230);
    const results = await resolve(b);
    expect(results).toHaveLength(230);
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(["released"]));
    expect(await b.spool.held(undefined, 9)).toEqual([]);
  });

  it("passes over one that has ended meanwhile, and says so", async () => {
    const b = await withHeld(2);
    const [first] = await idsOf(b);
    const spool = replaced(b.spool, {
      update: async (id, change) => {
        if (id === first) throw new SpoolError("SPOOL_NO_MESSAGE", "it has ended");
        return b.spool.update(id, change);
      },
    });
    expect(await resolve(b, { spool })).toMatchObject([
      { kind: "skipped", id: first, why: "somebody else has acted on it meanwhile" },
      { kind: "released" },
    ]);
  });

  it("ends when the spool cannot be written: nobody is told of what did not happen", async () => {
    const b = await withHeld(1);
    const failing = async (): Promise<never> => {
      throw new SpoolError("SPOOL_FAILED", "as planned");
    };
    const spool = replaced(b.spool, { update: failing });
    await expect(resolve(b, { spool })).rejects.toMatchObject({ code: "SPOOL_FAILED" });
    expect(b.heard("released")).toEqual([]);
    expect(await b.spool.held(undefined, 9)).toHaveLength(1);
    expect(await resolve(b)).toMatchObject([{ kind: "released" }]);
  });

  it("skips what cannot be read, with the reason, and goes on; a fault of our own is not taken for that", async () => {
    const b = await withHeld(2);
    const [first] = await idsOf(b);
    const failing = (error: Error): Spool["body"] =>
      async function* (id, start) {
        if (id === first) throw error;
        yield* b.spool.body(id, start);
      };
    const damaged = replaced(b.spool, { body: failing(new SpoolError("SPOOL_DAMAGED", "chunk 0 is missing")) });
    expect(await resolve(b, { spool: damaged, dryRun: true })).toMatchObject([
      { kind: "skipped", id: first, why: "it cannot be read: chunk 0 is missing" },
      { kind: "released" },
    ]);
    const broken = replaced(b.spool, { body: failing(new TypeError("a bug, as planned")) });
    await expect(resolve(b, { spool: broken })).rejects.toThrow("as planned");
  });

  it("leaves alone what it is not for, and says why", async () => {
    const b = await withHeld(1);
    const [held] = await idsOf(b);
    if (held === undefined) throw new Error("nothing held");
    const submitted = await stored(b.spool, octets(10), draft({ held: "loop" }));
    const queued = await stored(b.spool, octets(10), draft());
    const gone = makeMessageId(1, { next: () => 0 });
    expect(await resolve(b, { which: [submitted.id, queued.id, gone] })).toMatchObject([
      { kind: "skipped", why: "it did not come from a box" },
      { kind: "skipped", why: "it is not held as a whole" },
      { kind: "skipped", why: "it is not in the queue" },
    ]);
    expect(await resolve(b, { maxHeaderOctets: 20 })).toMatchObject([
      { kind: "skipped", id: held, why: "its header block is larger than what is read of it" },
    ]);
  });
});

describe("header blocks to learn from", () => {
  const limits = { count: 5, octets: 100_000 };

  it("are those of held mail of the account, the newest of more than a page; what cannot be read is left out", async () => {
    const b = await bench({ policy: { ...collector, established: undefined } });
    let last: MessageId | undefined;
    for (let n = 0; n < 130; n++) {
      const origin = { kind: "pop3", account: accountName, uidl: `u${n}` } as const;
      b.clock.set(b.clock.now() + 1);
      last = (await stored(b.spool, mail(`m${n}`), { ...draft({ held: "profile-undecided" }), origin })).id;
    }
    await stored(b.spool, octets(10), draft({ held: "profile-undecided" }));
    await stored(b.spool, octets(10), draft({ held: "loop" }));
    const failing = (error: Error): Spool =>
      replaced(b.spool, {
        async *body(id, start) {
          if (id === last) throw error;
          yield* b.spool.body(id, start);
        },
      });
    expect(await heldHeaders(b.spool, accountName, limits)).toHaveLength(5);
    expect(await heldHeaders(failing(new SpoolError("SPOOL_DAMAGED", "")), accountName, limits)).toHaveLength(4);
    await expect(heldHeaders(failing(new TypeError("a bug")), accountName, limits)).rejects.toThrow("a bug");
    expect(await heldHeaders(b.spool, accountName, { count: 5, octets: 20 })).toEqual([]);
  });

  it.each([
    ["announces that it has no TOP: it is not asked", { ...usualCapabilities, top: false }, 0],
    ["refuses the first: the others are not asked for", { ...usualCapabilities, announced: false, top: false }, 1],
  ])("are none of a server that %s", async (_, capabilities, most) => {
    const b = await bench();
    b.box.capabilities = capabilities;
    b.box.window = 1;
    for (let n = 0; n < 4; n++) b.box.add(mail(`m${n}`));
    await using session = await b.box.connect(silent, undefined);
    await session.list();
    expect(await boxHeaders(session, [1, 2, 3, 4], limits)).toEqual([]);
    expect(b.box.log.filter((line) => line.startsWith("TOP"))).toHaveLength(most);
  });
});

describe("who has been given a content before", () => {
  it("is not known of mail without a Message-ID, nor by one that others use as well", async () => {
    const b = await bench();
    const one = await stored(b.spool, octets(10), draft({ messageId: "<m@x>", content: "one" }));
    await stored(b.spool, octets(10), draft({ messageId: "<m@x>", content: "two", to: ["other@firma.example"] }));
    const given = await givenBefore(b.spool, one);
    expect([...given.values()]).toEqual([one.id]);
    expect(await givenBefore(b.spool, one, one.id)).toEqual(new Map());
    const { contentDigest, summary } = one;
    expect(await givenBefore(b.spool, { contentDigest, summary: { ...summary, messageId: "" } })).toEqual(new Map());
  });
});

describe("one report of several sessions", () => {
  const done: PollReport = { ...emptyTally(), kind: "done", account: accountName, ms: 5, fetched: 3, more: true };
  it.each<[string, PollReport]>([
    ["has to wait", { kind: "delayed", account: accountName, until: 9 }],
    ["is not begun", { kind: "not-polled", account: accountName, why: "spool", detail: "full" }],
  ])("keeps what was done when the next one %s", (_, later) => {
    expect(mergeReports(done, later)).toBe(done);
    expect(mergeReports(undefined, later)).toBe(later);
  });

  it("adds up what both have done", () => {
    expect(mergeReports(done, { ...done, fetched: 2, more: false })).toMatchObject({ fetched: 5, ms: 10, more: false });
  });
});
