/** What a person does to outbound mail, and what time does, while an attempt is under way. */
import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { returnToSender } from "../../src/delivery/return-to-sender.ts";
import { drop, holdRecipients, redirect } from "../../src/spool/transitions.ts";
import type { Script } from "./fixtures.ts";
import { minute, outboundWorld, whileRunning } from "./outbound-world.ts";

const anna = "anna@firma.example";
const first = "a@x.example";
const second = "b@x.example";
const third = "c@x.example";

/** A script whose transactions wait: `entered` gives the number of each as it begins, `open` lets all of them end. */
function gate(): {
  readonly script: Script;
  readonly entered: (number: number) => Promise<void>;
  readonly open: () => void;
} {
  const opened = Promise.withResolvers<void>();
  const begun = new Map<number, PromiseWithResolvers<void>>();
  const at = (number: number): PromiseWithResolvers<void> => {
    const known = begun.get(number) ?? Promise.withResolvers<void>();
    begun.set(number, known);
    return known;
  };
  return {
    script: async (_transaction, number) => {
      at(number).resolve();
      await opened.promise;
      return {};
    },
    entered: async (number) => at(number).promise,
    open: () => opened.resolve(),
  };
}

describe("recipients of a later transaction of a message under way", () => {
  const acts = {
    dropped: { act: drop, state: "dropped" },
    held: {
      act: (...[record, whom, { by, at }]: Parameters<typeof drop>) =>
        holdRecipients(record, whom, { reason: "by-administrator", detail: "", since: at }, by),
      state: "held",
    },
    redirected: {
      act: (...[record, whom, act]: Parameters<typeof drop>) => redirect(record, whom, mustAddress(third), act),
      state: "dropped",
    },
    returned: { act: returnToSender, state: "bounced" },
  } as const;

  test.each(["dropped", "held", "redirected", "returned"] as const)("%s meanwhile: do not get it", async (name) => {
    const { script, entered, open } = gate();
    await using world = await outboundWorld({ relays: [{ name: "one", maxRecipients: 1, script }] });
    const id = await world.add({ from: anna, to: [first, second] });
    await whileRunning(world, async () => {
      await entered(1);
      const act = { by: "root", at: world.clock.now() };
      await world.spool.update(id, (record) => acts[name].act(record, [mustAddress(second)], act));
      open();
      await world.clock.advance(minute);
    });
    const asked = world.relay("one").transactions.flatMap(({ recipients }) => recipients);
    expect(asked).toContain(first);
    expect(asked).not.toContain(second);
    expect(await world.states(id)).toMatchObject({ [first]: "delivered", [second]: acts[name].state });
  });
});

test("a message that is under way twice at one relay: a stop waits for both", async () => {
  const slow = gate();
  const quick = gate();
  await using world = await outboundWorld({
    relays: [
      {
        name: "one",
        script: async (transaction, number) => (number === 1 ? slow : quick).script(transaction, number),
      },
    ],
  });
  const id = await world.add({ from: anna, to: [first] });
  const stop = new AbortController();
  const running = world.outbound.run(stop.signal);
  let hasEnded = false;
  const ended = running.then(() => (hasEnded = true));
  await slow.entered(1);
  // Another recipient falls due meanwhile.
  const now = world.clock.now();
  await world.spool.update(id, (record) =>
    redirect(record, [mustAddress(first)], mustAddress(second), { by: "", at: now }),
  );
  await quick.entered(2);
  quick.open();
  await world.clock.advance(minute);
  expect(await world.states(id)).toMatchObject({ [second]: "delivered" });
  stop.abort();
  await world.clock.advance(minute);
  const endedEarly = hasEnded;
  slow.open();
  await ended;
  expect(endedEarly).toBe(false);
  expect(world.told("delivered").flatMap(({ recipients }) => recipients)).toEqual([second, first]);
});

test("dropped while it is being handed over: that it was delivered all the same is told", async () => {
  const { script, entered, open } = gate();
  await using world = await outboundWorld({ relays: [{ name: "one", script }] });
  const id = await world.add({ from: anna, to: [first] });
  await whileRunning(world, async () => {
    await entered(1);
    await world.spool.update(id, (record) => drop(record, "all", { by: "root", at: world.clock.now() }));
    open();
    await world.clock.advance(minute);
  });
  expect(world.told("delivered")).toMatchObject([{ message: id, recipients: [first] }]);
});
