import { describe, expect, it } from "vitest";
import { makeMessageId, type MessageId } from "../../src/core/ids.ts";
import { createOverdueSweep } from "../../src/delivery/overdue-sweep.ts";
import { createStrandedMail } from "../../src/delivery/stranded-mail.ts";
import { SpoolError, type DueEntry, type Queue, type SpoolErrorCode } from "../../src/spool/port.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { EventList } from "../spool/support.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { outboundRecord } from "./outbound-records.ts";

const day = 86_400_000;
const hour = 3_600_000;
const never = new AbortController().signal;
const down = { cause: { kind: "connection", phase: "connect", code: "ECONNREFUSED", message: "" } } as const;

/** A queue of so many messages of the year 2020 that are due in a hundred years, with faults where a spec wants them. */
class FaultyQueue implements Pick<Queue, "due" | "update"> {
  readonly records = new Map<MessageId, MessageRecord>();
  onDue: (() => void) | undefined;
  onUpdate: ((id: MessageId) => void) | undefined;
  updates = 0;
  readonly #at: number;

  constructor(count: number, at: number) {
    this.#at = at;
    for (let n = 0; n < count; n++) {
      const id = makeMessageId(Date.UTC(2020, 0, 1) + n, { next: () => 0 });
      this.records.set(id, { ...outboundRecord({ at }), id, receivedAt: Date.UTC(2020, 0, 1) });
    }
  }

  async due(direction: "inbound" | "outbound", _now: number, limit: number, after?: DueEntry): Promise<DueEntry[]> {
    this.onDue?.();
    const ids = direction === "inbound" ? [] : [...this.records.keys()].toSorted();
    return ids
      .filter((id) => after === undefined || this.#at > after.at || id > after.id)
      .slice(0, limit)
      .map((id) => ({ id, at: this.#at }));
  }

  async update(id: MessageId, change: (record: MessageRecord) => MessageRecord): Promise<MessageRecord> {
    this.updates += 1;
    this.onUpdate?.(id);
    const record = this.records.get(id);
    if (record === undefined) throw new SpoolError("SPOOL_NO_MESSAGE", "it has ended");
    const next = change(record);
    this.records.set(id, next);
    return next;
  }
}

function trouble(code: SpoolErrorCode): () => never {
  return () => {
    throw new SpoolError(code, "as planned");
  };
}

function bug(): never {
  throw new TypeError("a bug, as planned");
}

const sweeps = [
  [
    "overdue",
    (spool: FaultyQueue, clock: ManualClock, events: EventList) => {
      const rules = { delayNoticeMs: hour, giveUpMs: 5 * day };
      return createOverdueSweep({ spool, clock, events, rules, isUnderWay: () => false, hindranceOf: () => down });
    },
  ],
  [
    "stranded",
    (spool: FaultyQueue, clock: ManualClock, events: EventList) =>
      createStrandedMail({ spool, clock, events, longestPauseMs: hour }),
  ],
] as const;

describe.each(sweeps)("the sweep for %s mail", (name, create) => {
  function world(count = 3) {
    const clock = new ManualClock();
    const events = new EventList();
    // For the one too old, for the other too far ahead.
    const queue = new FaultyQueue(count, name === "overdue" ? 5 : clock.now() + 100 * 365 * day);
    return { clock, events, queue, sweep: create(queue, clock, events) };
  }
  const isDone = ({ recipients }: MessageRecord, clock: ManualClock): boolean =>
    recipients.every(
      ({ state }) => state.kind !== "queued" || (name === "stranded" && state.nextAttemptAt === clock.now()),
    );

  it("goes through more than a page of them", async () => {
    const { clock, queue, sweep } = world(1250);
    await sweep.tick(never);
    expect(queue.updates).toBe(1250);
    expect([...queue.records.values()].every((record) => isDone(record, clock))).toBe(true);
  });

  it("leaves its round to the next when the queue cannot be read, and says nothing: the spool does", async () => {
    const { clock, events, queue, sweep } = world();
    queue.onDue = trouble("SPOOL_DAMAGED");
    await sweep.tick(never);
    expect(events.all).toEqual([]);
    queue.onDue = undefined;
    await sweep.tick(never);
    expect([...queue.records.values()].every((record) => isDone(record, clock))).toBe(true);
  });

  it("tells a fault of our own, and runs again", async () => {
    const { clock, events, queue, sweep } = world();
    queue.onDue = bug;
    const stop = new AbortController();
    const running = sweep.run(stop.signal);
    await clock.advance(10 * 60_000);
    expect(events.of("internal-error").length).toBeGreaterThan(0);
    expect(events.of("internal-error")[0]?.detail).toContain("a bug, as planned");
    queue.onDue = undefined;
    await clock.advance(30 * 60_000);
    stop.abort();
    await running;
    expect(queue.updates).toBeGreaterThanOrEqual(3);
  });

  it("passes over a message that ends while it looks", async () => {
    const { clock, events, queue, sweep } = world();
    const [first] = queue.records.keys();
    queue.onUpdate = (id) => {
      if (id === first) trouble("SPOOL_NO_MESSAGE")();
    };
    await sweep.tick(never);
    expect(events.of("internal-error")).toEqual([]);
    const others = [...queue.records].filter(([id]) => id !== first);
    expect(others.every(([, record]) => isDone(record, clock))).toBe(true);
  });

  it("ends its round when a change cannot be written, and says nothing: the spool does", async () => {
    const { events, queue, sweep } = world();
    queue.onUpdate = trouble("SPOOL_FAILED");
    await sweep.tick(never);
    expect(events.all).toEqual([]);
  });

  it("begins nothing when it is to stop", async () => {
    const { queue, sweep } = world();
    await sweep.tick(AbortSignal.abort());
    expect(queue.updates).toBe(0);
  });
});

describe("the sweep for overdue mail", () => {
  it("tells of each message at which it fails once, also when there are very many", async () => {
    const clock = new ManualClock();
    const events = new EventList();
    const queue = new FaultyQueue(1005, 5);
    const rules = { delayNoticeMs: hour, giveUpMs: 5 * day };
    const sweep = createOverdueSweep({ spool: queue, clock, events, rules, isUnderWay: () => false, hindranceOf: bug });
    await sweep.tick(never);
    expect(events.of("internal-error")).toHaveLength(1005);
    // What it has told is forgotten at a thousand: some are told again, and never all of them.
    await sweep.tick(never);
    expect(events.of("internal-error").length).toBeLessThanOrEqual(2 * 1005);
  });

  it("leaves alone what a worker takes up between the look and the change", async () => {
    const clock = new ManualClock();
    const events = new EventList();
    const queue = new FaultyQueue(1, 5);
    const rules = { delayNoticeMs: hour, giveUpMs: 5 * day };
    let looks = 0;
    const isUnderWay = (): boolean => (looks += 1) > 1;
    const sweep = createOverdueSweep({ spool: queue, clock, events, rules, isUnderWay, hindranceOf: () => down });
    await sweep.tick(never);
    expect(looks).toBe(2);
    expect([...queue.records.values()][0]?.recipients[0]?.state.kind).toBe("queued");
    expect(events.all).toEqual([]);
  });
});
