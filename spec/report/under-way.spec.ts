/** Mail that a person returns to its sender while it is being handed over: no report says that it failed if it did not. */
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { returnToSender } from "../../src/delivery/return-to-sender.ts";
import { createReportDesk } from "../../src/report/report-desk.ts";
import { replied, all, type Script } from "../delivery/fixtures.ts";
import { minute, outboundWorld, whileRunning } from "../delivery/outbound-world.ts";

const outside = "kunde@elsewhere.example";
const never = new AbortController().signal;

async function returnedMeanwhile(ending: Script, waitMs = minute) {
  const begun = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const world = await outboundWorld({
    relays: [
      {
        name: "one",
        script: async (transaction, number) => {
          begun.resolve();
          await opened.promise;
          return ending(transaction, number);
        },
      },
    ],
  });
  const { spool, clock } = world;
  const desk = createReportDesk({
    spool,
    clock,
    events: { emit: (event) => void world.events.push(event) },
    options: {
      hostname: "mail.firma.example",
      postmaster: mustAddress("postmaster@firma.example"),
      domains: ["firma.example"],
      language: "en",
      giveUpMs: 5 * 24 * 60 * minute,
    },
    isUnderWay: (id, recipient) => world.outbound.isUnderWay(id, recipient),
  });
  const id = await world.add({ from: "anna@firma.example", to: [outside] });
  const early: { reports?: number } = {};
  await whileRunning(world, async () => {
    await begun.promise;
    await spool.update(id, (record) => returnToSender(record, "all", { by: "root", at: clock.now() }));
    await clock.advance(waitMs);
    early.reports = await desk.tick(never);
    opened.resolve();
    await clock.advance(minute);
  });
  return { world, id, early: early.reports, late: await desk.tick(never) };
}

test("delivered all the same: it is delivered, and there is no report", async () => {
  const { world, id, early, late } = await returnedMeanwhile(() => ({}));
  await using _world = world;
  expect([early, late]).toEqual([0, 0]);
  expect(await world.states(id)).toEqual({ [outside]: "delivered" });
});

test("deferred: it stays returned, and the report follows", async () => {
  const { world, id, early, late } = await returnedMeanwhile((transaction) =>
    all(transaction, replied("deferred", 451, "4.7.1")),
  );
  await using _world = world;
  expect([early, late]).toEqual([0, 1]);
  expect(await world.states(id)).toEqual({ [outside]: "bounced" });
});

test("under way for very long: the sender is not kept waiting for it", async () => {
  const { world, early } = await returnedMeanwhile(() => ({}), 16 * minute);
  await using _world = world;
  expect(early).toBe(1);
});
