import { expect, test, describe } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { all, replied, type Script } from "./fixtures.ts";
import { down, minute, outboundWorld, trouble, whileRunning } from "./outbound-world.ts";

const anna = "anna@firma.example";
const bernd = "bernd@firma.example";
const outside = "kunde@elsewhere.example";

/** Behaves as `present` says at that moment. */
function switchable(): { present: Script; readonly script: Script } {
  const behaviour = { present: (() => ({})) as Script, script: (async () => ({})) as Script };
  behaviour.script = (transaction, number) => behaviour.present(transaction, number);
  return behaviour;
}

describe("failover", () => {
  test("a relay that is down: its mail goes by the next of the same sender, at once and within one drain", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", script: down }, { name: "two" }] });
    const id = await world.add({ from: anna, to: [outside] });
    await world.drain();
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
    expect(world.relay("one").transactions).toHaveLength(1);
    expect(world.relay("two").transactions).toHaveLength(1);
    expect(world.told("destination-down").map(({ destination }) => destination)).toEqual(["relay one"]);
  });

  test("the night's mail goes by the second relay, one message at a time tries the first, and comes back to it", async () => {
    const first = switchable();
    first.present = down;
    await using world = await outboundWorld({ relays: [{ name: "one", script: first.script }, { name: "two" }] });
    await whileRunning(world, async () => {
      for (let index = 0; index < 50; index++) await world.add({ from: anna, to: [outside] });
      await world.clock.advance(30 * minute);
      expect(world.spool.counts().queued).toBe(0);
      const tried = world.relay("one").transactions.length;
      expect(world.relay("two").transactions).toHaveLength(50);
      expect(tried).toBeLessThan(10);
      first.present = () => ({});
      // Trials need mail: the next message is one.
      await world.add({ from: anna, to: [outside] });
      await world.clock.advance(minute);
      await world.add({ from: anna, to: [outside] });
      await world.clock.advance(minute);
      expect(world.relay("one").transactions).toHaveLength(tried + 2);
      expect(world.told("destination-up")).toHaveLength(1);
    });
  });

  test.each(["auth", "quota"] as const)(
    "trouble with the account (%s) pauses it, and nothing bounces",
    async (kind) => {
      const only = switchable();
      only.present = (transaction) => trouble(transaction, kind);
      await using world = await outboundWorld({ relays: [{ name: "one", script: only.script }] });
      const id = await world.add({ from: anna, to: [outside] });
      await whileRunning(world, async () => {
        await world.clock.advance(24 * 60 * minute);
        const tried = world.relay("one").transactions.length;
        // Doubling to an hour, or to four.
        expect(tried).toBeGreaterThanOrEqual(kind === "auth" ? 24 : 8);
        expect(tried).toBeLessThanOrEqual(kind === "auth" ? 28 : 11);
        expect(await world.states(id)).toEqual({ [outside]: "queued" });
        expect((await world.record(id)).owed).toBeUndefined();
        expect(world.told("relay-paused")).toHaveLength(tried);
        expect(world.outbound.relayTrouble()?.since).toBeLessThan(world.clock.now() - 23 * 60 * minute);
        only.present = () => ({});
        await world.clock.advance(4 * 60 * minute);
        expect(await world.states(id)).toEqual({ [outside]: "delivered" });
        expect(world.told("relay-resumed")).toHaveLength(1);
        expect(world.outbound.relayTrouble()).toBeUndefined();
      });
    },
  );

  test("a wrong password at the first relay: everything goes by the second, and the first is not asked again for minutes", async () => {
    await using world = await outboundWorld({
      relays: [{ name: "one", concurrency: 1, script: (transaction) => trouble(transaction, "auth") }, { name: "two" }],
    });
    for (let index = 0; index < 20; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => world.clock.advance(4 * minute));
    expect(world.spool.counts().queued).toBe(0);
    expect(world.relay("one").transactions).toHaveLength(1);
    expect(world.relay("two").transactions).toHaveLength(20);
  });

  test("a sender that one relay refuses goes by the other, everybody else's mail stays", async () => {
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          script: (transaction) =>
            transaction.reversePath.kind === "address" && transaction.reversePath.address === anna
              ? trouble(transaction, "sender")
              : {},
        },
        { name: "two" },
      ],
    });
    const ids: MessageId[] = [];
    for (let index = 0; index < 10; index++) {
      ids.push(await world.add({ from: anna, to: [outside] }));
      ids.push(await world.add({ from: bernd, to: [outside] }));
    }
    await world.drain();
    for (const id of ids) expect(await world.states(id)).toEqual({ [outside]: "delivered" });
    expect(world.relay("two").transactions).toHaveLength(10);
    const paused = world.told("relay-paused");
    expect(paused.map(({ sender, trouble: kind }) => [sender, kind])).toEqual([[anna, "sender"]]);
    expect(world.outbound.states()[0]).toMatchObject({ state: { kind: "up" }, pausedSenders: [anna] });
  });

  test("three different senders refused with nothing accepted between: the account is paused as a whole", async () => {
    await using world = await outboundWorld({
      relays: [{ name: "one", concurrency: 1, script: (transaction) => trouble(transaction, "sender") }],
    });
    for (const name of ["a", "b", "c", "d", "e"]) await world.add({ from: `${name}@firma.example`, to: [outside] });
    await whileRunning(world, async () => world.clock.advance(minute));
    expect(world.relay("one").transactions).toHaveLength(3);
    expect(world.outbound.states()[0]?.state).toMatchObject({ kind: "paused", trouble: "sender" });
    expect(world.spool.counts().queued).toBe(5);
  });

  test("the pause of a sender ends after an hour, and with acceptance it is forgotten", async () => {
    const only = switchable();
    only.present = (transaction) => trouble(transaction, "sender");
    await using world = await outboundWorld({ relays: [{ name: "one", script: only.script }] });
    const id = await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(59 * minute);
      expect(world.relay("one").transactions).toHaveLength(1);
      only.present = () => ({});
      await world.clock.advance(3 * minute);
      expect(await world.states(id)).toEqual({ [outside]: "delivered" });
      expect(world.told("relay-resumed").map(({ sender }) => sender)).toEqual([anna]);
    });
  });

  test("both relays down: the mail waits for whichever comes back first", async () => {
    const one = switchable();
    const two = switchable();
    one.present = down;
    two.present = down;
    await using world = await outboundWorld({
      relays: [
        { name: "one", script: one.script },
        { name: "two", script: two.script },
      ],
    });
    const ids: MessageId[] = [];
    for (let index = 0; index < 20; index++) ids.push(await world.add({ from: anna, to: [outside] }));
    await whileRunning(world, async () => {
      await world.clock.advance(60 * minute);
      expect(world.outbound.relayTrouble()?.detail).toContain("two: ");
      for (const id of ids) expect((await world.record(id)).recipients[0]?.state).toMatchObject({ attempts: 0 });
      two.present = () => ({});
      await world.clock.advance(7 * minute);
      expect(world.spool.counts().queued).toBe(0);
      expect(world.told("destination-up").map(({ destination }) => destination)).toEqual(["relay two"]);
    });
  });

  test("a relay that is down does not take along who has no other: senders of their own stay with it", async () => {
    await using world = await outboundWorld({
      relays: [
        { name: "one", senders: [anna], script: down },
        { name: "two", senders: [bernd] },
      ],
    });
    const id = await world.add({ from: anna, to: [outside] });
    const other = await world.add({ from: bernd, to: [outside] });
    await world.drain();
    expect(await world.states(id)).toEqual({ [outside]: "queued" });
    expect(await world.states(other)).toEqual({ [outside]: "delivered" });
    expect(world.relay("two").transactions.map(({ message }) => message)).toEqual([other]);
  });

  test("an allowance that is spent for long: the next relay takes over; when it is soon free, it is waited for", async () => {
    await using world = await outboundWorld({
      relays: [
        { name: "one", rates: [{ messages: 3, perMs: 24 * 60 * minute }] },
        { name: "two", rates: [{ messages: 4, perMs: minute }] },
      ],
    });
    for (let index = 0; index < 12; index++) await world.add({ from: anna, to: [outside] });
    await whileRunning(world, async () => {
      await world.clock.advance(1000);
      expect(world.relay("one").transactions).toHaveLength(3);
      expect(world.relay("two").transactions).toHaveLength(4);
      expect(world.outbound.states()[0]?.state).toMatchObject({ kind: "spent" });
      await world.clock.advance(3 * minute);
      expect(world.relay("two").transactions).toHaveLength(9);
      expect(world.spool.counts().queued).toBe(0);
    });
  });

  test("REQUIRETLS that the first relay does not offer: the next attempt goes by the second", async () => {
    await using world = await outboundWorld({
      relays: [
        {
          name: "one",
          script: (transaction) =>
            all(transaction, {
              kind: "refused",
              cause: { kind: "extension", missing: "REQUIRETLS", message: "asked" },
            }),
        },
        { name: "two" },
      ],
    });
    const id = await world.add({ from: anna, to: [outside], submission: { requireTls: true } });
    await whileRunning(world, async () => world.clock.advance(3 * minute));
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
    expect(world.told("deferred")).toHaveLength(1);
    expect(world.relay("two").transactions).toHaveLength(1);
  });

  test("a refused recipient bounces at the relay that refused it; the next relay is not asked", async () => {
    await using world = await outboundWorld({
      relays: [
        { name: "one", script: (transaction) => all(transaction, replied("refused", 550, "5.1.1")) },
        { name: "two" },
      ],
    });
    const id = await world.add({ from: anna, to: [outside] });
    await world.drain();
    expect(await world.states(id)).toEqual({ [outside]: "bounced" });
    expect((await world.record(id)).owed).toMatchObject([{ kind: "failed", recipients: [outside] }]);
    expect(world.relay("two").transactions).toHaveLength(0);
    expect(world.told("refused")).toMatchObject([{ consequence: "bounced" }]);
  });
});
