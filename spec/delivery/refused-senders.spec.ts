/** Senders that a relay refuses must not keep the mail of others from it for long, whoever they are and how many. */
import { expect, test } from "vitest";
import type { Script } from "./fixtures.ts";
import { minute, outboundWorld, trouble, whileRunning } from "./outbound-world.ts";

const anna = "anna@firma.example";
const outside = "kunde@elsewhere.example";

/** Takes mail of Anna's only. */
const annasOnly: Script = (transaction) => {
  const { reversePath } = transaction;
  return reversePath.kind === "address" && reversePath.address === anna ? {} : trouble(transaction, "sender");
};

test("senders of other companies, whose mail Exchange forwards, are not the account's trouble", async () => {
  await using world = await outboundWorld({ relays: [{ name: "one", concurrency: 1, script: annasOnly }] });
  for (const name of ["a", "b", "c", "d"]) await world.add({ from: `${name}@spammer.example`, to: [outside] });
  await whileRunning(world, async () => {
    await world.clock.advance(minute);
    const id = await world.add({ from: anna, to: [outside] });
    await world.clock.advance(minute);
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
  });
  expect(world.told("relay-paused").map(({ sender }) => sender)).toEqual(
    ["a", "b", "c", "d"].map((name) => `${name}@spammer.example`),
  );
});

test("three machines of ours that may not send: by day people's mail goes within minutes", async () => {
  await using world = await outboundWorld({ relays: [{ name: "one", concurrency: 1, script: annasOnly }] });
  for (const name of ["scanner", "ups", "backup"]) await world.add({ from: `${name}@firma.example`, to: [outside] });
  await whileRunning(world, async () => {
    await world.clock.advance(8 * 60 * minute);
    const id = await world.add({ from: anna, to: [outside] });
    await world.clock.advance(11 * minute);
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
    expect(world.outbound.states()[0]?.state.kind).toBe("up");
  });
  // Nobody's password is at stake here, but a provider is not to be annoyed either: once an hour for each of them.
  expect(world.relay("one").transactions.length).toBeLessThan(3 * 9 + 2);
});
