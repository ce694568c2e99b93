import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Transaction } from "../../src/delivery/transport.ts";
import { StoreError } from "../../src/spool/store.ts";
import { MemoryStore } from "../fakes/memory-spool.ts";
import { all, delivered, replied, type Script } from "./fixtures.ts";
import { down, minute, outboundWorld, trouble, whileRunning } from "./outbound-world.ts";

const anna = "anna@firma.example";
const outside = "kunde@elsewhere.example";
const day = 24 * 60 * minute;

/** Keeps the envelopes that a transport is given. */
function keeping(script: Script = () => ({})): { readonly seen: Transaction[]; readonly script: Script } {
  const seen: Transaction[] = [];
  return {
    seen,
    script: (transaction, number) => {
      seen.push(transaction);
      return script(transaction, number);
    },
  };
}

describe("recipients", () => {
  test("one of a hundred refused: one transaction, ninety-nine delivered, a bounce owed for one", async () => {
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          script: ({ recipients }) => ({
            outcomes: recipients.map((recipient) => ({
              recipient,
              outcome: recipient.startsWith("u42@") ? replied("refused", 550, "5.1.1") : delivered,
            })),
          }),
        },
      ],
    });
    const to = Array.from({ length: 100 }, (_, index) => `u${index}@elsewhere.example`);
    const id = await world.add({ from: anna, to });
    await world.drain();
    expect(world.relay("one").transactions).toHaveLength(1);
    const states = Object.values(await world.states(id));
    expect(states.filter((state) => state === "delivered")).toHaveLength(99);
    const record = await world.record(id);
    expect(record.owed).toMatchObject([{ kind: "failed", recipients: ["u42@elsewhere.example"] }]);
    expect(world.told("ended")).toEqual([]);
  });

  test("more than the relay takes in one transaction: several, each admitted by its allowance", async () => {
    await using world = await outboundWorld({
      relays: [{ name: "one", maxRecipients: 10, rates: [{ messages: 2, perMs: 60 * minute }] }],
    });
    const id = await world.add({ from: anna, to: Array.from({ length: 25 }, (_, index) => `u${index}@x.example`) });
    await whileRunning(world, async () => {
      await world.clock.advance(minute);
      expect(world.relay("one").transactions.map(({ recipients }) => recipients.length)).toEqual([10, 10]);
      expect(Object.values(await world.states(id)).filter((state) => state === "queued")).toHaveLength(5);
      await world.clock.advance(62 * minute);
      expect(world.relay("one").transactions.map(({ recipients }) => recipients.length)).toEqual([10, 10, 5]);
    });
  });

  test("an allowance outlives a restart", async () => {
    const store = new MemoryStore();
    const relays = [{ name: "one", rates: [{ messages: 2, perMs: day }] }];
    {
      await using world = await outboundWorld({ relays, store });
      for (let index = 0; index < 3; index++) await world.add({ from: anna, to: [outside] });
      await world.drain();
      expect(world.relay("one").transactions).toHaveLength(2);
    }
    await using world = await outboundWorld({ relays, store });
    await world.drain();
    expect(world.relay("one").transactions).toHaveLength(0);
    expect(world.spool.counts().queued).toBe(1);
  });

  test("a connection that does not come about spends nothing", async () => {
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          rates: [{ messages: 2, perMs: day }],
          script: (transaction, number) => (number <= 5 ? down(transaction) : {}),
        },
      ],
    });
    const id = await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => world.clock.advance(30 * minute));
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
  });
});

describe("the envelope", () => {
  test("wishes of the sender, REQUIRETLS; own mail to Exchange is not bound by it", async () => {
    const relay = keeping();
    const exchange = keeping();
    await using world = await outboundWorld({
      relays: [{ name: "one", script: relay.script }],
      exchange: exchange.script,
    });
    await world.add({
      from: anna,
      to: [outside, "bernd@firma.example"],
      dsn: { notify: ["SUCCESS"], orcpt: "rfc822;x@y.example" },
      submission: { ret: "HDRS", envid: "abc", requireTls: true },
    });
    await world.drain();
    expect(relay.seen[0]).toMatchObject({
      reversePath: { kind: "address", address: anna },
      requireTls: true,
      dsn: { ret: "HDRS", envid: "abc" },
    });
    expect([...(relay.seen[0]?.dsn?.wishes ?? [])]).toEqual([
      [outside, { notify: ["SUCCESS"], orcpt: "rfc822;x@y.example" }],
    ]);
    expect(exchange.seen[0]?.requireTls).toBeUndefined();
    expect([...(exchange.seen[0]?.dsn?.wishes.keys() ?? [])]).toEqual(["bernd@firma.example"]);
  });

  test("with envelope_from the provider is not asked for reports that would go to another, and we owe them", async () => {
    const relay = keeping();
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          script: relay.script,
          envelopeFrom: mustAddress("konto@provider.example"),
          rewrite: new Set(["own"]),
        },
      ],
    });
    const id = await world.add({ from: anna, to: [outside], dsn: { notify: ["SUCCESS"], orcpt: undefined } });
    await world.add({ from: anna, to: [outside], dsn: { notify: ["NEVER"], orcpt: undefined } });
    await world.add({ from: "fremd@foreign.example", to: [outside] });
    await world.drain();
    expect(relay.seen.map(({ reversePath }) => reversePath)).toMatchObject([
      { address: "konto@provider.example" },
      { address: "konto@provider.example" },
      { address: "fremd@foreign.example" },
    ]);
    expect(relay.seen[0]?.dsn).toBeUndefined();
    expect([...(relay.seen[1]?.dsn?.wishes.values() ?? [])]).toEqual([{ notify: ["NEVER"], orcpt: undefined }]);
    expect((await world.record(id)).owed).toMatchObject([{ kind: "relayed" }]);
  });

  test("without wishes nothing is asked for", async () => {
    const relay = keeping();
    await using world = await outboundWorld({ relays: [{ name: "one", script: relay.script }] });
    await world.add({ from: anna, to: [outside] });
    await world.drain();
    expect(relay.seen[0]?.dsn).toBeUndefined();
  });
});

describe("whatever happens", () => {
  test("a fault of our own at one message: told once, the others go on, no other relay is given it meanwhile", async () => {
    const broken: { id?: MessageId } = {};
    const script: Script = ({ message }) => {
      if (message === broken.id) throw new TypeError("a bug");
      return {};
    };
    await using world = await outboundWorld({
      relays: [
        { name: "one", script },
        { name: "two", script },
      ],
    });
    broken.id = await world.add({ from: anna, to: [outside] });
    const good = await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(9 * minute);
      expect(world.told("internal-error")).toHaveLength(1);
      expect(await world.states(good)).toEqual({ [outside]: "delivered" });
      expect(world.relay("two").transactions).toHaveLength(0);
      await world.clock.advance(4 * minute);
      expect(world.told("internal-error")).toHaveLength(2);
    });
  });

  test("an outcome that cannot be stored is kept until it can; nothing is handed over twice, by no relay", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }, { name: "two" }] });
    const id = await world.add({ from: anna, to: [outside] });
    let failures = 5;
    world.store.faults.onCommit = (writes) =>
      writes.some(({ table }) => table === "history") && failures-- > 0
        ? new StoreError("Input/output error", false)
        : undefined;
    await whileRunning(world, async () => world.clock.advance(2 * minute));
    expect(world.relay("one").transactions.length + world.relay("two").transactions.length).toBe(1);
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
  });

  test("stopping begins nothing more, and what is under way is finished", async () => {
    const gate = Promise.withResolvers<void>();
    await using world = await outboundWorld({
      relays: [{ name: "one", concurrency: 1, script: async () => (await gate.promise, {}) }],
    });
    const first = await world.add({ from: anna, to: [outside] });
    await world.clock.advance(10);
    const second = await world.add({ from: anna, to: [outside] });
    const stop = new AbortController();
    const running = world.outbound.run(stop.signal, new AbortController().signal);
    await world.clock.advance(1000);
    stop.abort();
    gate.resolve();
    await running;
    expect(await world.states(first)).toEqual({ [outside]: "delivered" });
    expect(await world.states(second)).toEqual({ [outside]: "queued" });
    expect(world.outbound.isUnderWay(first)).toBe(false);
  });

  test("Exchange is up or down for both directions", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }], exchange: down });
    await world.add({ from: anna, to: ["bernd@firma.example"] });
    await world.drain();
    expect(world.exchange.isDown).toBe(true);
    expect(world.exchange.state()).toMatchObject({ kind: "down" });
    // It is no relay's trouble.
    expect(world.outbound.relayTrouble()).toBeUndefined();
  });
});

/** What a relay does for a while. */
const mood = fc.constantFrom("well", "down", "auth", "sender", "quota", "deferred", "mixed");
const step = fc.record({
  relay: fc.integer({ min: 0, max: 2 }),
  mood,
  mails: fc.array(
    fc.record({
      from: fc.constantFrom(anna, "bernd@firma.example", "shop@firma.example", undefined),
      to: fc.uniqueArray(fc.constantFrom(outside, "zwei@x.example", "intern@firma.example"), { minLength: 1 }),
      size: fc.constantFrom(40, 2000),
    }),
    { maxLength: 12 },
  ),
  pause: fc.constantFrom(0, 1000, minute, 7 * minute, 70 * minute),
  jump: fc.constantFrom(0, 0, 0, -10 * minute, 3 * 60 * minute),
});

function inMood(present: string, transaction: Transaction, number: number): ReturnType<Script> {
  switch (present) {
    case "down":
      return down(transaction);
    case "auth":
    case "sender":
    case "quota":
      return trouble(transaction, present);
    case "deferred":
      return all(transaction, replied("deferred", 451, "4.7.1"));
    case "mixed":
      return {
        outcomes: transaction.recipients.map((recipient, index) => ({
          recipient,
          outcome: (number + index) % 3 === 0 ? replied("deferred", 450, "4.2.1") : delivered,
        })),
      };
    default:
      return {};
  }
}

test("whatever the relays do, in the end everything has been delivered, and to each recipient once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 10 }),
      fc.integer({ min: 1, max: 12 }),
      async (steps, laneCapacity) => {
        const moods = ["well", "well", "well"];
        const given = new Map<string, number>();
        const counting =
          (index: number): Script =>
          async (transaction, number) => {
            const result = await inMood(moods[index] ?? "well", transaction, number);
            for (const { recipient, outcome } of result.outcomes ?? all(transaction, delivered).outcomes ?? []) {
              const key = `${transaction.message} ${recipient}`;
              if (outcome.kind === "delivered") given.set(key, (given.get(key) ?? 0) + 1);
            }
            return result;
          };
        await using world = await outboundWorld({
          largeOctets: 1000,
          laneCapacity,
          relays: [
            { name: "a", senders: ["*@firma.example"], script: counting(0) },
            { name: "b", senders: [anna, "*"], script: counting(1), rates: [{ messages: 40, perMs: 60 * minute }] },
          ],
          exchange: counting(2),
        });
        let recipients = 0;
        await whileRunning(world, async () => {
          for (const { relay, mood: next, mails, pause, jump } of steps) {
            moods[relay] = next;
            for (const { from, to, size } of mails) {
              recipients += to.length;
              await world.add({ from, to, size });
            }
            await world.clock.advance(pause);
            world.clock.set(world.clock.now() + jump);
          }
          moods.fill("well");
          // The longest pause is four hours.
          for (let tries = 0; tries < 24 && world.spool.counts().queued > 0; tries++)
            await world.clock.advance(30 * minute);
        });
        expect(world.spool.counts().queued).toBe(0);
        expect(given.size).toBe(recipients);
        expect([...given.values()].every((count) => count === 1)).toBe(true);
        expect(world.told("internal-error")).toEqual([]);
      },
    ),
    { numRuns: 15 },
  );
});
