import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { auditSpool } from "../../src/spool/audit.ts";
import { schemaVersion } from "../../src/spool/keys.ts";
import { rescueSpool } from "../../src/spool/rescue.ts";
import { changeSchema } from "../../src/spool/schema-change.ts";
import { changeSpool, type OfflineChange } from "../../src/spool/schema-offline.ts";
import { schemaSteps } from "../../src/spool/schema-steps.ts";
import { schemaOf } from "../../src/spool/schema.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { StoreError, type Write } from "../../src/spool/store.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { longerSteps } from "./schema-step-of-spec.ts";
import { contentOf, expectedOfV1, unpackV1, withStore } from "./spool-v1.ts";
import { account, digestOf, EventList, octets, read, seededRandom, stored, TemporaryDirectory } from "./support.ts";

const signal = new AbortController().signal;

class World implements Disposable {
  readonly home = new TemporaryDirectory();
  readonly dir = path.join(this.home.path, "spool");
  readonly copy = path.join(this.dir, "before-schema-2");
  readonly events = new EventList();
  readonly clock = new ManualClock();
  free = 1e12;

  constructor() {
    unpackV1(this.dir);
  }

  get data(): string {
    return path.join(this.dir, "data.mdb");
  }

  async open(minFreeOctets = 0): Promise<OwnedSpool> {
    const limits = { maxOctets: 1e12, minFreeOctets, historyDays: 100_000, ballastOctets: 0 };
    return openSpool({ ...defaultSpoolOptions, ...limits, dir: this.dir, program: "9.8.7" }, this.ports());
  }

  async change(to: OfflineChange["to"], withCopy = true): ReturnType<typeof changeSpool> {
    return changeSpool({ dir: this.dir, minFreeOctets: 0, program: "9.8.7", to, withCopy }, this.ports());
  }

  ports() {
    return { clock: this.clock, random: seededRandom(), events: this.events, freeOctets: () => this.free };
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

const sha = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

it("the steps lead to the present version, one by one", () => {
  expect(schemaSteps.map(({ to }) => to)).toEqual(Array.from({ length: schemaVersion - 1 }, (_, n) => n + 2));
});

describe("a spool of version 1", () => {
  it("is copied, changed and opened by the start, with all that is in it", async () => {
    using world = new World();
    const before = await withStore(world.dir, contentOf);
    {
      await using spool = await world.open();
      expect(world.events.kinds).toEqual([
        "spool-change-started",
        "spool-change-copied",
        "spool-changed",
        "spool-opened",
      ]);
      expect(world.events.of("spool-changed")).toMatchObject([{ from: 1, to: 2, copy: world.copy }]);
      for (const [name, { id, digest, size }] of Object.entries(expectedOfV1.messages)) {
        const record = await spool.load(id as MessageId);
        const ended = await spool.history(id as MessageId);
        expect({ name, digest: (record ?? ended)?.digest }).toEqual({ name, digest });
        expect({ name, ended: ended !== undefined }).toEqual({
          name,
          ended: name === "delivered" || name === "dropped",
        });
        if (record !== undefined) expect(await read(spool, record.id)).toHaveLength(size);
      }
      expect(spool.counts()).toMatchObject({ queued: 5, queuedOutbound: 1, held: 2 });
      expect(await spool.owed(undefined, 10)).toEqual([expectedOfV1.messages["owed-report"]?.id]);
      expect(await spool.entries(account())).toHaveLength(9);
      expect(await spool.state(account())).toMatchObject({ source: "Envelope-To" });
      await stored(spool, octets(10));
    }
    expect(await verifySpool(world.dir)).toMatchObject({
      messages: 8,
      history: 2,
      setAside: 1,
      leftovers: 0,
      faults: [],
    });
    expect(await auditSpool(world.dir, signal)).toMatchObject({ messages: 10, wrong: 0 });
    // The copy is what there was before, of the version before.
    expect(await withStore(world.copy, contentOf)).toEqual(before);
    const verified = await verifySpool(world.copy);
    expect(verified).toMatchObject({ messages: 7, faults: [], leftovers: 1 });
    expect(verified.remark).toContain("schema version 1");
  });

  it("is changed once, and then says who wrote it and since when", async () => {
    using world = new World();
    const since = world.clock.now();
    await (await world.open())[Symbol.asyncDispose]();
    world.events.all.length = 0;
    await (await world.open())[Symbol.asyncDispose]();
    expect(world.events.kinds).toEqual(["spool-opened"]);
    expect(await withStore(world.dir, (store) => schemaOf(store))).toEqual({
      kind: "current",
      about: { popgate: "9.8.7", since, before: { schema: 1, copy: "before-schema-2" } },
    });
  });

  it("is left as it is when there is no room for the copy; without one it is changed when that is asked for", async () => {
    using world = new World();
    const before = sha(world.data);
    world.free = 1_000_000;
    await expect(world.open(500_000)).rejects.toMatchObject({
      code: "SPOOL_FULL",
      message: expect.stringMatching(/Nothing has been changed.*popgate upgrade --without-copy/u) as string,
    });
    expect(await withStore(world.dir, (store) => schemaOf(store))).toMatchObject({ kind: "older", version: 1 });
    expect(readdirSync(world.dir).filter((name) => name.startsWith("before"))).toEqual([]);
    expect(sha(world.data)).toBe(before);
    expect(await world.change("newest", false)).toEqual({ kind: "changed", from: 1, to: 2, copy: undefined });
    await using _spool = await world.open(500_000);
    expect(existsSync(world.copy)).toBe(false);
  });

  it("goes back to what it was, and up again with a copy of its own", async () => {
    using world = new World();
    const before = await withStore(world.dir, contentOf);
    await world.change("newest");
    expect(await world.change("before")).toMatchObject({ kind: "changed", from: 2, to: 1 });
    expect(await withStore(world.dir, (store) => store.range("meta", "", undefined, 9))).toEqual([
      { key: "schema", value: Buffer.from("1") },
    ]);
    expect(await withStore(world.dir, contentOf)).toEqual(before);
    expect(await world.change("newest")).toMatchObject({ copy: `${world.copy}.1` });
    expect(await world.change("newest")).toEqual({ kind: "unchanged", to: 2 });
    expect(await withStore(`${world.copy}.1`, contentOf)).toEqual(before);
  });

  it("is looked at by the offline tools, and not changed by them", async () => {
    using world = new World();
    const before = sha(world.data);
    expect(await verifySpool(world.dir)).toMatchObject({ messages: 7, faults: [] });
    const remarks: string[] = [];
    expect(await auditSpool(world.dir, signal, (remark) => remarks.push(remark))).toMatchObject({
      messages: 9,
      wrong: 0,
    });
    expect(remarks).toEqual([expect.stringContaining("schema version 1, of an older popgate")]);
    expect(rescueSpool(world.dir, path.join(world.home.path, "out"))).toMatchObject({
      history: 2,
      ledger: 9,
      faults: [],
    });
    expect(sha(world.data)).toBe(before);
  });
});

describe("a spool of a newer version", () => {
  /** As a program with two more versions leaves it. */
  async function newer(world: World, target = 4): Promise<void> {
    await world.change("newest");
    await withStore(world.dir, async (store) =>
      changeSchema(
        store,
        { dir: world.dir, minFreeOctets: 0, program: "10.0.0", target, withCopy: true, steps: longerSteps },
        world.ports(),
      ),
    );
  }

  it("is refused with who wrote it, the ways on and back, and where the copy is", async () => {
    using world = new World();
    await newer(world);
    const before = sha(world.data);
    const refused = {
      code: "SPOOL_UNUSABLE",
      message: [
        `the spool ${world.dir} has schema version 4, written by popgate 10.0.0 since 2026-11-24; this popgate knows ` +
          "version 2 at most, and has changed nothing",
        "To go on: install popgate 10.0.0 again",
        'To go back and keep all mail: run "popgate downgrade --to 2" of popgate 10.0.0, then start this one',
        `Without that program there is the copy of before the upgrade, ${world.dir}/before-schema-4: it knows nothing of ` +
          "what came in, was fetched or was delivered since; the handbook says how to use it (Upgrade and rollback)",
      ].join(". "),
    };
    await expect(world.open()).rejects.toMatchObject(refused);
    await expect(world.change("newest")).rejects.toMatchObject(refused);
    await expect(auditSpool(world.dir, signal)).rejects.toMatchObject(refused);
    expect((await verifySpool(world.dir)).faults).toEqual([{ where: "meta/schema", detail: refused.message }]);
    // Nobody is sent to a copy that has been removed.
    rmSync(path.join(world.dir, "before-schema-4"), { recursive: true });
    await expect(world.open()).rejects.toMatchObject({ message: expect.not.stringContaining("copy") as string });
    expect(sha(world.data)).toBe(before);
  });

  it("gives its mail to rescue all the same, and its copy to the older program", async () => {
    using world = new World();
    await newer(world);
    const out = path.join(world.home.path, "out");
    expect(rescueSpool(world.dir, out).whole).toHaveLength(7);
    expect(await verifySpool(path.join(world.dir, "before-schema-4"))).toMatchObject({ messages: 7, faults: [] });
  });

  it.each(["3 x", "-1", "1e1", "", "0", "99999999"])("is what a version counts as that says %j", async (version) => {
    using world = new World();
    await withStore(world.dir, async (store) =>
      store.commit([{ table: "meta", key: "schema", value: Buffer.from(version) }]),
    );
    await expect(world.open()).rejects.toMatchObject({ code: "SPOOL_UNUSABLE" });
  });
});

describe("a change that is interrupted", () => {
  const options = { dir: "/nowhere", minFreeOctets: 0, program: "10.0.0", withCopy: false, steps: longerSteps };

  async function queueOf(messages: number): Promise<MemoryStore> {
    const store = new MemoryStore();
    const writes: Write[] = Array.from({ length: messages }, (_, n) => ({
      table: "message",
      key: `m${String(n).padStart(4, "0")}`,
      value: Buffer.from(JSON.stringify({ n })),
    }));
    await store.commit([...writes, { table: "meta", key: "schema", value: Buffer.from("1") }]);
    return store;
  }

  /** Everything in it. */
  const all = (store: MemoryStore): string[] => [
    ...contentOf(store).map((line) => line.split(" ").slice(0, 2).join(" ")),
    ...store.range("message", "", undefined, 1000).map(({ value }) => value.toString()),
  ];

  async function changed(store: MemoryStore, target: number): Promise<boolean> {
    const ports = { clock: new ManualClock(), events: new EventList() };
    try {
      await changeSchema(store, { ...options, target }, ports);
      return true;
    } catch (error) {
      expect(error).toMatchObject({
        code: "SPOOL_FAILED",
        message: expect.stringContaining("Nothing is lost") as string,
      });
      return false;
    }
  }

  it.each([
    ["upwards", 1, 4],
    ["downwards", 4, 1],
    ["over one step", 2, 3],
  ])("%s goes on to its end, and back to its beginning, from wherever it was", async (_, from, to) => {
    const ended = new Set<number>();
    for (let commits = 0; commits < 40; commits++) {
      for (const target of [to, from]) {
        const store = await queueOf(23);
        if (from > 1) await changed(store, from);
        const begun = all(store);
        let left = commits;
        store.faults.onCommit = () => (left-- > 0 ? undefined : new StoreError("the plug was pulled", false));
        const atOnce = await changed(store, to);
        store.faults.onCommit = undefined;
        const state = schemaOf(store, 4);
        // Neither the older nor the newer program takes what is half done for its own.
        if (!atOnce && commits > 0) {
          expect(state).toMatchObject({ kind: "changing" });
          expect(schemaOf(store, Math.max(from, to) - 1).kind).toBe("newer");
        }
        await changed(store, target);
        expect(store.get("meta", "change")).toBeUndefined();
        expect(store.get("meta", "schema")?.toString()).toBe(String(target));
        if (target === from) expect(all(store)).toEqual(begun);
        const fields = store.range("message", "", undefined, 99).map(({ value }) => value.toString());
        expect(fields.filter((text) => text.includes("third")).length).toBe(target >= 3 ? 23 : 0);
        expect(fields.filter((text) => text.includes("fourth")).length).toBe(target >= 4 ? 23 : 0);
        if (atOnce) ended.add(commits);
      }
    }
    // The last rounds were not interrupted at all: every place has been tried.
    expect(ended.has(39)).toBe(true);
    expect(ended.size).toBeLessThan(40);
  });

  it("is told by the offline tools, which leave it", async () => {
    using world = new World();
    await withStore(world.dir, async (store) =>
      store.commit([
        { table: "meta", key: "schema", value: Buffer.from("1 to 2") },
        { table: "meta", key: "change", value: Buffer.from(JSON.stringify({ from: 1, to: 2, reached: 1 })) },
      ]),
    );
    await expect(auditSpool(world.dir, signal)).rejects.toMatchObject({
      message: expect.stringContaining("half way from schema version 1 to 2") as string,
    });
    expect((await verifySpool(world.dir)).faults).toMatchObject([{ where: "meta/schema" }]);
    await using spool = await world.open();
    expect(world.events.of("spool-change-started")).toMatchObject([{ again: true, copy: undefined }]);
    expect(digestOf(await read(spool, expectedOfV1.messages["several-chunks"]?.id as MessageId))).toBe(
      expectedOfV1.messages["several-chunks"]?.digest,
    );
  });
});
