/** What can be in the way of an upgrade or a way back: told in words that help, and nothing is lost or changed by it. */
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { auditSpool } from "../../src/spool/audit.ts";
import { schemaVersion } from "../../src/spool/keys.ts";
import { changeSchema } from "../../src/spool/schema-change.ts";
import { changeSpool, type OfflineChange } from "../../src/spool/schema-offline.ts";
import { schemaOf } from "../../src/spool/schema.ts";
import { defaultSpoolOptions, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { StoreError, type Write } from "../../src/spool/store.ts";
import { verifySpool } from "../../src/spool/verify.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { longerSteps } from "./schema-step-of-spec.ts";
import { contentOf, unpackV1, withStore } from "./spool-v1.ts";
import { EventList, octets, seededRandom, stored, TemporaryDirectory } from "./support.ts";

class World implements Disposable {
  readonly home = new TemporaryDirectory();
  readonly dir = path.join(this.home.path, "spool");
  readonly copy = path.join(this.dir, `before-schema-${schemaVersion}`);
  readonly events = new EventList();
  readonly clock = new ManualClock();

  async open(program = "9.8.7"): Promise<OwnedSpool> {
    const limits = { maxOctets: 1e12, minFreeOctets: 0, historyDays: 100_000, ballastOctets: 0 };
    return openSpool({ ...defaultSpoolOptions, ...limits, dir: this.dir, program }, this.#ports());
  }

  async change(to: OfflineChange["to"], withCopy = true): ReturnType<typeof changeSpool> {
    return changeSpool({ dir: this.dir, minFreeOctets: 0, program: "9.8.7", to, withCopy }, this.#ports());
  }

  async write(writes: readonly Write[]): Promise<void> {
    await withStore(this.dir, async (store) => store.commit(writes));
  }

  async content(): Promise<readonly string[]> {
    return withStore(this.dir, (store) => [...contentOf(store), JSON.stringify(schemaOf(store))]);
  }

  #ports() {
    return { clock: this.clock, random: seededRandom(), events: this.events };
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

function worldOfV1(): World {
  const world = new World();
  unpackV1(world.dir);
  return world;
}

const meta = (key: string, value: string): Write => ({ table: "meta", key, value: Buffer.from(value) });

describe("nothing is changed", () => {
  it.each([0, -1, 1.5, Number.NaN, schemaVersion + 1])("when version %s is asked for", async (to) => {
    using world = worldOfV1();
    const before = await world.content();
    await expect(world.change(to)).rejects.toMatchObject({
      code: "SPOOL_UNUSABLE",
      message: `this popgate knows the schema versions 1 to ${schemaVersion}, not ${to}`,
    });
    expect(await world.content()).toEqual(before);
    expect(existsSync(world.copy)).toBe(false);
    expect(world.events.all).toEqual([]);
  });

  it("when there is no spool, and none is made", async () => {
    using world = new World();
    await expect(world.change("newest")).rejects.toMatchObject({
      code: "SPOOL_UNUSABLE",
      message: `there is no spool in ${world.dir}`,
    });
    expect(existsSync(world.dir)).toBe(false);
  });

  it("when nothing was ever stored: all tools say so", async () => {
    using world = new World();
    await withStore(world.dir, () => undefined);
    const message = expect.stringContaining("nothing was ever stored") as string;
    await expect(world.change("newest")).rejects.toMatchObject({ code: "SPOOL_UNUSABLE", message });
    await expect(auditSpool(world.dir, new AbortController().signal)).rejects.toMatchObject({ message });
    expect((await verifySpool(world.dir)).faults).toEqual([{ where: "meta/schema", detail: message }]);
  });

  it("when the copy cannot be written", async () => {
    using world = worldOfV1();
    const before = await world.content();
    writeFileSync(world.copy, "in the way");
    const told = {
      code: "SPOOL_UNUSABLE",
      message: expect.stringMatching(/could not be written to .*: EEXIST.*Nothing has been changed$/u) as string,
    };
    await expect(world.open()).rejects.toMatchObject(told);
    await expect(world.change("newest")).rejects.toMatchObject(told);
    expect(await world.content()).toEqual(before);
    expect(world.events.of("spool-changed")).toEqual([]);
    rmSync(world.copy);
    expect(await world.change("newest")).toMatchObject({ kind: "changed", from: 1 });
  });
});

describe("the copies of before", () => {
  it("of several upgrades stand beside one another, and none is written over", async () => {
    using world = worldOfV1();
    for (let round = 1; round <= 3; round++) {
      await world.change("newest");
      await world.change(1, false);
    }
    const name = path.basename(world.copy);
    const copies = readdirSync(world.dir).filter((one) => one.startsWith("before"));
    expect(copies.toSorted()).toEqual([name, `${name}.1`, `${name}.2`]);
    for (const copy of copies)
      expect(await verifySpool(path.join(world.dir, copy))).toMatchObject({ messages: 7, faults: [] });
  });
});

describe("the way back", () => {
  it("of an upgrade that was interrupted leads to the version before it", async () => {
    using world = worldOfV1();
    const before = await withStore(world.dir, contentOf);
    const change = { from: 1, to: schemaVersion, reached: 1 };
    await world.write([meta("schema", `1 to ${schemaVersion}`), meta("change", JSON.stringify(change))]);
    expect(await world.change("before")).toMatchObject({ kind: "changed", to: 1 });
    expect(await withStore(world.dir, contentOf)).toEqual(before);
    expect(await withStore(world.dir, (store) => schemaOf(store))).toMatchObject({ kind: "older", version: 1 });
  });

  it("of a spool that never was of another version leads to the last one", async () => {
    using world = new World();
    {
      await using spool = await world.open();
      await stored(spool, octets(100));
    }
    expect(await world.change("before")).toMatchObject({ kind: "changed", to: schemaVersion - 1 });
    {
      await using spool = await world.open();
      expect(spool.counts()).toMatchObject({ queued: 1 });
    }
    expect(await verifySpool(world.dir)).toMatchObject({ messages: 1, faults: [] });
  });

  it("of an older one stays where it is: there is no way further back", async () => {
    using world = worldOfV1();
    const before = await world.content();
    expect(await world.change("before")).toEqual({ kind: "unchanged", to: 1 });
    expect(await world.content()).toEqual(before);
  });
});

describe("who wrote it", () => {
  const about = async (world: World): Promise<unknown> => withStore(world.dir, (store) => schemaOf(store));

  it("is the program that opened it last; since when it has its form stays", async () => {
    using world = new World();
    const since = world.clock.now();
    await (await world.open("1.0.0"))[Symbol.asyncDispose]();
    world.clock.set(since + 86_400_000);
    await (await world.open("1.0.1"))[Symbol.asyncDispose]();
    expect(await about(world)).toEqual({ kind: "current", about: { popgate: "1.0.1", since } });
  });

  it.each([
    ["is not JSON", "{", "written by a newer popgate;"],
    ["has another form", '{"popgate":7}', "written by a newer popgate;"],
    ["has no time that there is", '{"popgate":"11.0.0","since":1e300}', "written by popgate 11.0.0 since (unknown);"],
  ])("that cannot be read (it %s) does not keep the refusal from its words", async (_, text, words) => {
    using world = worldOfV1();
    await world.write([meta("schema", String(schemaVersion + 5)), meta("about", text)]);
    await expect(world.open()).rejects.toMatchObject({
      code: "SPOOL_UNUSABLE",
      message: expect.stringContaining(words) as string,
    });
  });

  it("is told also of a newer program that did not come to the end of its change", async () => {
    using world = worldOfV1();
    const change = { from: 1, to: schemaVersion + 1, reached: 1, popgate: "11.0.0" };
    await world.write([meta("schema", `1 to ${schemaVersion + 1}`), meta("change", JSON.stringify(change))]);
    const words = `was being changed from schema version 1 to ${schemaVersion + 1} by popgate 11.0.0, which did not come`;
    await expect(world.open()).rejects.toMatchObject({ message: expect.stringContaining(words) as string });
  });
});

describe("the change itself", () => {
  const options = { dir: "/nowhere", minFreeOctets: 0, program: "10.0.0", withCopy: false, steps: longerSteps };

  async function queueOf(messages: number): Promise<MemoryStore> {
    const store = new MemoryStore();
    const writes = Array.from({ length: messages }, (_, n): Write => {
      return { table: "message", key: `m${String(n).padStart(4, "0")}`, value: Buffer.from(JSON.stringify({ n })) };
    });
    await store.commit([...writes, meta("schema", "1")]);
    return store;
  }

  /** Each look at it is so much later. */
  function hurrying(byMs: number): Clock {
    let now = 0;
    const clock = new ManualClock();
    return { now: () => (now += byMs), sleep: async (ms, signal) => clock.sleep(ms, signal) };
  }

  it("tells how far it has come when it takes long, and nothing when it does not", async () => {
    const told = async (byMs: number): Promise<readonly number[]> => {
      const events = new EventList();
      await changeSchema(await queueOf(23), { ...options, target: 3 }, { clock: hurrying(byMs), events });
      return events.of("spool-change-progress").map(({ entries }) => entries);
    };
    expect(await told(1)).toEqual([]);
    const counts = await told(6000);
    expect(counts.length).toBeGreaterThan(1);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBeLessThanOrEqual(23);
  });

  it("on a disk that becomes full says so, and goes on when there is room", async () => {
    const store = await queueOf(23);
    const ports = { clock: new ManualClock(), events: new EventList() };
    let left = 3;
    store.faults.onCommit = () => (left-- > 0 ? undefined : new StoreError("no space left on device", true));
    await expect(changeSchema(store, { ...options, target: 3 }, ports)).rejects.toMatchObject({
      code: "SPOOL_FULL",
      message: expect.stringMatching(/no space left on device.*Nothing is lost/u) as string,
    });
    store.faults.onCommit = undefined;
    expect(await changeSchema(store, { ...options, target: 3 }, ports)).toMatchObject({ kind: "changed", from: 1 });
    const records = store.range("message", "", undefined, 99).map(({ value }) => value.toString());
    expect(records.filter((text) => text.includes("third"))).toHaveLength(23);
  });

  it("does not take a fault of the program for trouble with the disk", async () => {
    const store = await queueOf(1);
    store.faults.onCommit = async () => Promise.reject(new TypeError("a fault of the program"));
    const ports = { clock: new ManualClock(), events: new EventList() };
    await expect(changeSchema(store, { ...options, target: 3 }, ports)).rejects.toThrow(TypeError);
  });
});
