/** How much waits for which destination, as the status tells it. */
import { expect, test } from "vitest";
import { queuedByDestination } from "../../src/app/queue-counts.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";
import { delivered, draft, EventList, octets, seededRandom, stored } from "../spool/support.ts";

test("each message counts where its queued recipients would go, once for each destination", async () => {
  const ports = { clock: new ManualClock(), random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports);
  const away = (address: string): string => (address.endsWith("@firma.example") ? "exchange" : "relay");
  const counted = async () => {
    const counts = await queuedByDestination(spool, (_record, { address }) => away(address));
    return counts === undefined ? undefined : Object.fromEntries(counts);
  };
  expect(await counted()).toEqual({});
  await stored(spool, octets(1), draft({ to: ["a@firma.example", "b@firma.example"] }));
  await stored(spool, octets(1), draft({ to: ["a@firma.example", "x@else.example"] }));
  await stored(spool, octets(1), draft({ held: "loop" }));
  const { id } = await stored(spool, octets(1), draft({ to: ["x@else.example"] }));
  expect(await counted()).toEqual({ exchange: 2, relay: 2 });
  await spool.update(id, delivered);
  expect(await counted()).toEqual({ exchange: 2, relay: 1 });
});
