/** The store fails at each of its calls in turn while the program goes on polling: afterwards each message is there once. */
import { describe, expect, it } from "vitest";
import type { AccountOptions } from "../../src/inbound/account-state.ts";
import { defaultLimits } from "../../src/inbound/limits.ts";
import { createPollLoop } from "../../src/inbound/poll-loop.ts";
import { Pop3Error } from "../../src/pop3/port.ts";
import { verifyStore } from "../../src/spool/verify.ts";
import { FaultyStore, noFaults, type Fault, type FaultPlan } from "../fakes/faulty-store.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { bench, collector, mail, type Bench } from "./bench.ts";
import { minute } from "./entries.ts";

interface World {
  readonly name: string;
  readonly options?: Partial<AccountOptions>;
  readonly keeps?: boolean;
  readonly faults: readonly Fault[];
  /** Subjects that come out, unless they are those of all messages. */
  readonly expected?: readonly string[];
}

const worlds: readonly World[] = [
  { name: "nothing kept", faults: ["fails", "breaks"] },
  { name: "kept for ever", options: { keep: { kind: "forever" } }, keeps: true, faults: ["fails"] },
  {
    name: "copies by To and Cc, each content once",
    options: { policy: { ...collector, sources: [{ kind: "to-cc" }] } },
    faults: ["fails"],
    expected: ["held", "large", "late", "one"],
  },
];

function fill({ box }: Bench): void {
  box.add(mail("one"));
  // The same content once more, as a second copy of one message.
  box.add(mail("one", { received: "copy" }));
  box.add(mail("large", { body: `${"x".repeat(76)}\r\n`.repeat(1800) }));
  box.add(mail("held", { to: undefined, visible: "someone@elsewhere.example" }));
}

interface Told {
  readonly calls: number;
  readonly faults: number;
}

async function hoursWithFault(world: World, plan: FaultPlan): Promise<Told> {
  const disk = new MemoryStore();
  const faulty = new FaultyStore(disk);
  const b = await bench({ limits: { ...defaultLimits, sessionMessages: 3 }, ...world.options }, faulty);
  fill(b);
  const begun = faulty.calls;
  faulty.plan = (call, number) => plan(call, number - begun);
  const loop = createPollLoop([b.account], {
    clock: b.clock,
    events: { emit: (event) => void b.events.push(event) },
    maxParallel: 1,
    health: () => b.spool.health(),
  });
  const stop = new AbortController();
  const running = loop.run(stop.signal);
  await b.clock.advance(2 * minute);
  const calls = faulty.calls - begun;
  faulty.plan = noFaults;
  await b.clock.advance(6 * minute);
  b.box.add(mail("late"));
  await b.clock.advance(3 * minute);
  stop.abort();
  await running;

  expect(await b.subjects()).toEqual(world.expected ?? ["held", "large", "late", "one", "one"]);
  expect(b.box.messages.length).toBe(world.keeps === true ? 5 : 0);
  // The octets are those that the box had, whatever happened while they came.
  for (const { record, raw } of await b.spooled())
    if (record.summary.subject === "large") expect(raw.length).toBeGreaterThan(140_000);
  await b.spool[Symbol.asyncDispose]();
  // What a refused message has left, and could not be removed then, goes with the next start.
  const next = await bench(world.options, disk);
  await next.spool[Symbol.asyncDispose]();
  expect(await verifyStore(disk)).toMatchObject({ faults: [], leftovers: 0, setAside: 0 });
  return { calls, faults: faulty.faults };
}

describe.each(worlds)("a store that fails under the poll loop, $name", (world) => {
  it("at no call", async () => {
    const { calls, faults } = await hoursWithFault(world, noFaults);
    expect(faults).toBe(0);
    expect(calls).toBeGreaterThan(30);
  });

  it.each(world.faults)("once, at each of its calls in turn: it %s", async (fault) => {
    const { calls } = await hoursWithFault(world, noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults } = await hoursWithFault(world, (_, number) => (number === at ? fault : "works"));
      expect({ at, faults }).toEqual({ at, faults: 1 });
    }
  });

  it("from each of its commits on, for minutes", async () => {
    const commits: number[] = [];
    await hoursWithFault(world, (call, number) => {
      if (call === "commit") commits.push(number);
      return "works";
    });
    expect(commits.length).toBeGreaterThan(5);
    for (const at of commits) {
      const { faults } = await hoursWithFault(world, (call, number) =>
        call === "commit" && number >= at ? "full" : "works",
      );
      expect({ at, hasFailed: faults > 0 }).toEqual({ at, hasFailed: true });
    }
  });
});

describe("what the administrator is told", () => {
  it("a fault of our own is told with its cause, and the box is polled again", async () => {
    const disk = new MemoryStore();
    const faulty = new FaultyStore(disk);
    const b = await bench({}, faulty);
    b.box.add(mail("one"));
    faulty.plan = (call) => (call === "range" ? "breaks" : "works");
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "internal" });
    expect(b.heard("internal-error")[0]?.detail).toContain("as planned");
    faulty.plan = noFaults;
    b.clock.set(b.clock.now() + 10 * minute);
    expect(await b.settle()).toMatchObject({ kind: "done" });
    expect(await b.subjects()).toEqual(["one"]);
  });

  it("a spool that cannot be written is the spool's trouble, not the provider's", async () => {
    const faulty = new FaultyStore(new MemoryStore());
    const b = await bench({}, faulty);
    b.box.add(mail("one"));
    faulty.plan = (call) => (call === "commit" ? "fails" : "works");
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "spool" });
    expect(b.box.logins).toBe(0);
    expect(b.heard("internal-error")).toEqual([]);
  });

  it("both a login that fails and a spool that fails then: the login, with its reason", async () => {
    const faulty = new FaultyStore(new MemoryStore());
    const b = await bench({}, faulty);
    b.box.connectErrors.push(new Pop3Error("login-delay", "too early", { retryAfterMs: 60_000 }));
    let commits = 0;
    faulty.plan = (call) => (call === "commit" && (commits += 1) > 1 ? "fails" : "works");
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "login-delay" });
    expect(b.heard("internal-error")).toEqual([]);
    faulty.plan = (call) => (call === "commit" && (commits += 1) % 2 === 0 ? "breaks" : "works");
    commits = 0;
    b.clock.set(b.clock.now() + 10 * minute);
    b.box.connectErrors.push(new Pop3Error("login-delay", "too early", { retryAfterMs: 60_000 }));
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "login-delay" });
    expect(b.heard("internal-error")).toMatchObject([{ where: "after polling sammel" }]);
  });
});
