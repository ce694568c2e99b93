/** The hours of the statistics: what is counted where, what is forgotten, and the queue that is looked at. */
import { expect, test } from "vitest";
import { HourlyStatistics } from "../../src/app/statistics.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import { statistics as schema } from "../../src/admin/schemas.ts";
import { parseAccountName, parseMessageId } from "../../src/core/ids.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";
import { draft, EventList, octets, seededRandom, stored } from "../spool/support.ts";

const start = Date.UTC(2026, 10, 24, 8, 30);
const hourMs = 3_600_000;
const account = parseAccountName("box")!;
const message = parseMessageId("0123456789BCDF")!;

const received: PopgateEvent = {
  kind: "received",
  message,
  account,
  uidl: "u",
  size: 1000,
  recipients: ["chef@firma.example"],
  source: "Envelope-To",
};

function delivered(destination: string): PopgateEvent {
  return { kind: "delivered", message, account, recipients: ["a@b.example"], destination, reply: "250 ok", ms: 3 };
}

test("counts events in the hour in which they happen, destinations apart", async () => {
  const clock = new ManualClock(start);
  const statistics = new HourlyStatistics(clock);
  statistics.note(received);
  statistics.note(received);
  statistics.note(delivered("exchange"));
  await clock.advance(hourMs);
  statistics.note(delivered("exchange"));
  statistics.note(delivered("relay"));
  statistics.note({ kind: "poll-failed", account, failure: "auth", detail: "no", retryAt: 0 });

  const page = schema.parse(statistics.page());
  expect(page.since).toBe(start);
  expect(page.hours).toHaveLength(48);
  const [before, now] = page.hours.slice(-2);
  expect(before).toMatchObject({ at: start - hourMs / 2, received: 2, octets: 2000, handedOver: { exchange: 1 } });
  expect(now).toMatchObject({ received: 0, failedPolls: 1, handedOver: { exchange: 1, relay: 1 } });
  expect(now).not.toHaveProperty("mostQueued");
});

test("forgets what is older than 48 hours, and shows hours in which nothing happened", async () => {
  const clock = new ManualClock(start);
  const statistics = new HourlyStatistics(clock);
  statistics.note(received);
  await clock.advance(47 * hourMs);
  expect(statistics.page().hours[0]?.received).toBe(1);
  await clock.advance(hourMs);
  const { hours } = statistics.page();
  expect(hours.map((hour) => hour.received)).toEqual(Array(48).fill(0));
  expect(hours.map(({ at }, index) => at - (hours[0]?.at ?? 0) - index * hourMs)).toEqual(Array(48).fill(0));
});

test("a clock that is set back counts on in the latest hour", () => {
  const clock = new ManualClock(start);
  const statistics = new HourlyStatistics(clock);
  statistics.note(received);
  clock.set(start - 5 * hourMs);
  statistics.note(received);
  expect(statistics.page().hours.at(-1)?.received).toBe(2);
});

test("looks at the queue every five minutes and keeps the worst of the hour, until it is told to end", async () => {
  const clock = new ManualClock(start);
  const ports = { clock, random: seededRandom(), events: new EventList() };
  await using spool = await openMemorySpool(ports);
  await stored(spool, octets(100), draft({ at: start }));
  const statistics = new HourlyStatistics(clock);
  const stop = new AbortController();
  const watching = statistics.watchQueue(spool, stop.signal);
  await clock.advance(10 * 60_000);
  expect(statistics.page().hours.at(-1)).toMatchObject({ mostQueued: 1, oldestMs: 10 * 60_000 });
  stop.abort();
  await watching;
});
