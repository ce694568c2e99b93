import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { resolveHeld, type Resolution, type ResolveOptions } from "../../src/inbound/resolve.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { bench, collector, mail, type Bench } from "./bench.ts";

const silent = new AbortController().signal;
const toCc = { ...collector, sources: [{ kind: "to-cc" }] } as const;
const original = { ...collector, sources: [{ ...collector.sources[0], name: "X-Original-To" }] } as typeof collector;

async function resolve(b: Bench, more: Partial<ResolveOptions> = {}): Promise<Resolution[]> {
  const results: Resolution[] = [];
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
  for await (const result of resolveHeld(options, silent)) results.push(result);
  return results;
}

async function withHeld(...messages: readonly Buffer[]): Promise<Bench> {
  const b = await bench({ policy: original });
  for (const message of messages) b.box.add(message);
  await b.poll();
  return b;
}

const missing = (name: string, visible = "a@firma.example") => mail(name, { to: undefined, visible });
const kindsOf = (results: readonly Resolution[]) => results.map(({ kind }) => kind);

describe("resolveHeld", () => {
  it("queues what the present policy can place, with removals and evidence of its own", async () => {
    const b = await withHeld(missing("one"), missing("two", "b@firma.example"));
    expect(kindsOf(await resolve(b))).toEqual(["released", "released"]);
    const records = (await b.spooled()).map(({ record }) => record);
    expect(records.flatMap(({ recipients }) => recipients.map(({ address }) => address)).sort()).toEqual([
      "a@firma.example",
      "b@firma.example",
    ]);
    for (const record of records) {
      expect(record.hold).toBeUndefined();
      expect(record.evidence?.used?.source).toBe("to-cc");
      expect(record.edits.prepend).toMatch(/^Received:/u);
    }
    expect(b.heard("released").map(({ by }) => by)).toEqual(["resolve", "resolve"]);
    expect(await resolve(b)).toEqual([]);
  });

  it("says what it would do, and does nothing, when asked to", async () => {
    const b = await withHeld(missing("one"));
    const before = await b.spooled();
    expect(await resolve(b, { dryRun: true })).toMatchObject([{ kind: "released", recipients: ["a@firma.example"] }]);
    expect(await b.spooled()).toEqual(before);
    expect(b.heard("released")).toEqual([]);
  });

  it("keeps what is still not clear, with the newer reason and the time at which it began", async () => {
    const b = await withHeld(missing("one", "x@else.example"));
    const [before] = await b.spooled();
    b.clock.set(b.clock.now() + 1000);
    const [result] = await resolve(b);
    expect(result?.kind).toBe("held");
    const [after] = await b.spooled();
    expect(after?.record.hold?.since).toBe(before?.record.hold?.since);
    expect(after?.record.hold?.reason).toBe(result?.kind === "held" ? result.reason : undefined);
  });

  it("gives one content to one recipient once, among the held and against what went before", async () => {
    const copy = (received: string) => mail("list", { to: undefined, visible: "a@firma.example", received });
    const b = await withHeld(copy("x"), copy("y"));
    expect(kindsOf(await resolve(b))).toEqual(["released", "duplicate"]);
    expect(await b.spooled()).toHaveLength(1);
    await b.deliverAll();
    b.restart({ policy: original });
    b.box.add(copy("z"));
    await b.poll();
    expect(kindsOf(await resolve(b))).toEqual(["duplicate"]);
    expect(await b.spooled()).toEqual([]);
  });

  it("leaves alone what an administrator holds, what is gone, and what has no policy", async () => {
    const b = await withHeld(missing("one"), missing("two"));
    const [one, two] = await b.spooled();
    const hold = { reason: "by-administrator", detail: "", since: 0 } as const;
    await b.spool.update(one!.record.id, (record) => ({ ...record, hold }));
    const absent = "0".repeat(14) as MessageId;
    const results = await resolve(b, {
      which: [one!.record.id, absent, two!.record.id],
      policyOf: async () => undefined,
    });
    expect(kindsOf(results)).toEqual(["skipped", "skipped", "skipped"]);
    expect((await b.spooled()).every(({ record }) => record.hold !== undefined)).toBe(true);
  });

  it("goes on after a message that cannot be read", async () => {
    const b = await withHeld(missing("one"), missing("two"));
    const [one] = await b.spooled();
    const body = b.spool.body.bind(b.spool);
    b.spool.body = (id, start) =>
      id === one!.record.id ? failing(new SpoolError("SPOOL_DAMAGED", "digest")) : body(id, start);
    expect(kindsOf(await resolve(b))).toEqual(["skipped", "released"]);
  });

  it("changes nothing when somebody else has acted meanwhile", async () => {
    const b = await withHeld(missing("one"));
    const policyOf = async () => {
      for (const { record } of await b.spooled()) {
        await b.spool.update(record.id, (present) => ({
          ...present,
          hold: { reason: "by-administrator", detail: "mine", since: 0 },
        }));
      }
      return toCc;
    };
    expect(kindsOf(await resolve(b, { policyOf }))).toEqual(["skipped"]);
    expect((await b.spooled())[0]?.record.hold?.detail).toBe("mine");
  });

  it("keeps to one account and to the reasons it was given", async () => {
    const b = await withHeld(missing("one"));
    expect(await resolve(b, { reasons: ["profile-undecided"] })).toEqual([]);
    expect(await resolve(b, { account: "other" as never })).toEqual([]);
    expect(await resolve(b, { reasons: ["envelope-missing"] })).toHaveLength(1);
  });
});

/** A body whose first chunk cannot be read. */
async function* failing(error: Error): AsyncGenerator<Buffer> {
  if (error instanceof SpoolError) throw error;
  yield Buffer.alloc(0);
}
