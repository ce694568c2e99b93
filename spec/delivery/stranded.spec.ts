/** Mail that came in, or was put off, while the clock was ahead: it does not wait until the clock gets there again. */
import { expect, test } from "vitest";
import { createStrandedMail } from "../../src/delivery/stranded-mail.ts";
import { defaultRetryMs } from "../../src/delivery/retry.ts";
import { all, makeWorld, replied } from "./fixtures.ts";
import { minute, outboundWorld, whileRunning } from "./outbound-world.ts";

const hour = 60 * minute;
const year = 365 * 24 * hour;
const outside = "kunde@elsewhere.example";

test("outbound: taken in a year too early, it goes within minutes of the correction", async () => {
  await using world = await outboundWorld({ relays: [{ name: "one" }] });
  const { spool, clock, events } = world;
  const real = clock.now();
  clock.set(real + year);
  const id = await world.add({ from: "anna@firma.example", to: [outside] });
  clock.set(real);
  const sink = { emit: (event: (typeof events)[number]) => void events.push(event) };
  const stranded = createStrandedMail({ spool, clock, events: sink, longestPauseMs: hour });
  const stop = new AbortController();
  const watching = stranded.run(stop.signal);
  await whileRunning(world, async () => {
    await clock.advance(10 * minute);
    expect(await world.states(id)).toEqual({ [outside]: "delivered" });
  });
  stop.abort();
  await watching;
});

test("inbound: likewise, and what waits for its next attempt as it should is left alone", async () => {
  await using world = Object.assign(
    await makeWorld({}, (transaction) => all(transaction, replied("deferred", 451, "4.7.1"))),
    {
      [Symbol.asyncDispose]: async () => undefined,
    },
  );
  const { spool, clock } = world;
  const never = new AbortController().signal;
  const longestPauseMs = Math.max(...defaultRetryMs);
  const stranded = createStrandedMail({ spool, clock, events: { emit: () => undefined }, longestPauseMs });
  const id = await world.add(["anna@firma.example"]);
  for (let attempts = 1; attempts <= 9; attempts++) {
    await world.drain();
    const before = (await world.record(id)).recipients[0]?.state;
    expect(before).toMatchObject({ kind: "queued", attempts });
    await stranded.tick(never);
    expect((await world.record(id)).recipients[0]?.state).toEqual(before);
    clock.set(clock.now() + 2 * hour);
  }
  clock.set(clock.now() - 24 * hour);
  await stranded.tick(never);
  expect((await world.record(id)).recipients[0]?.state).toMatchObject({ nextAttemptAt: clock.now(), attempts: 9 });
});
