/**
 * Looks through the waiting outbound mail, every minute or so, for what has become late or too old (`overdue.ts`): also for
 * messages that no worker ever takes up, since their relay is down or their sender has none.
 *
 * Guarantees
 * - A message that is under way is left alone: its outcome decides.
 * - What is found is durable with the report that it makes owed; a crash repeats nothing, and loses nothing.
 * - Only messages that are old enough are read. Others have their turn between pages, and a round that took long is
 *   followed by a longer pause.
 *
 * While the spool cannot be written the round ends, and the next one goes on. A fault of our own at one message is told
 * once, and leaves the others alone.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventSink, PopgateEvent } from "../core/events.ts";
import { makeMessageId, type MessageId } from "../core/ids.ts";
import { causeText } from "../core/outcome.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { traceOf } from "../core/thrown.ts";
import { SpoolError, type DueEntry, type Queue } from "../spool/port.ts";
import { isEnded, type MessageRecord } from "../spool/record.ts";
import { overdue, type HindranceOf, type OverdueRules } from "./overdue.ts";

export interface OverdueSweepPorts {
  readonly spool: Pick<Queue, "due" | "update">;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly rules: OverdueRules;
  /** True while a worker has it in hand. */
  readonly isUnderWay: (id: MessageId) => boolean;
  readonly hindranceOf: HindranceOf;
}

export interface OverdueSweep {
  /** Makes rounds until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** One round; resolves when it is done. */
  tick(signal: AbortSignal): Promise<void>;
}

const everyMs = 60_000;
/** After a start, what has waited meanwhile is tried before anybody is told that it is late. */
const graceMs = 5 * 60_000;
/** A round may take so much of the time: one part in twenty. */
const restFactor = 20;
/** However long it seems to have taken: the clock may have been set forward meanwhile. */
const longestPauseMs = 30 * 60_000;
const pageSize = 500;
/** Messages changed at once: they share flushes. */
const changesInFlight = 50;
/** No attempt is ever so far ahead, whatever the clock does: everything that is queued. */
const farAheadMs = 100 * 365 * 86_400_000;
const toldAtMost = 1000;

export function createOverdueSweep(ports: OverdueSweepPorts): OverdueSweep {
  const sweep = new Sweep(ports);
  const { clock } = ports;
  return {
    tick: async (signal) => sweep.round(signal),
    async run(signal) {
      let pause = graceMs;
      while (!signal.aborted) {
        await clock.sleep(pause, signal).catch(() => undefined);
        const begun = clock.now();
        await sweep.round(signal);
        pause = Math.min(longestPauseMs, Math.max(everyMs, restFactor * (clock.now() - begun)));
      }
    },
  };
}

class Sweep {
  readonly #ports: OverdueSweepPorts;
  /** Messages at which we have failed, and have said so. */
  readonly #told = new Set<MessageId>();

  constructor(ports: OverdueSweepPorts) {
    this.#ports = ports;
  }

  async round(signal: AbortSignal): Promise<void> {
    const { spool, clock, rules } = this.#ports;
    const now = clock.now();
    // Ids begin with the time of arrival: those below this one are old enough.
    const young = makeMessageId(now - Math.min(rules.delayNoticeMs, rules.giveUpMs) + 1, { next: () => 0 });
    try {
      for (let after: DueEntry | undefined; !signal.aborted;) {
        const page: readonly DueEntry[] = await spool.due("outbound", now + farAheadMs, pageSize, after);
        await this.#lookAt(
          page.filter(({ id }) => id < young).map(({ id }) => id),
          now,
          signal,
        );
        after = page.at(-1);
        if (page.length < pageSize) return;
        await nextTurn();
      }
    } catch (error) {
      // The spool's own trouble is told by the spool.
      if (!(error instanceof SpoolError)) this.#ports.events.emit(fault("looking for overdue mail", error));
    }
  }

  async #lookAt(ids: readonly MessageId[], now: EpochMs, signal: AbortSignal): Promise<void> {
    for (let begin = 0; begin < ids.length && !signal.aborted; begin += changesInFlight)
      await Promise.all(ids.slice(begin, begin + changesInFlight).map(async (id) => this.#lookAtOne(id, now)));
  }

  async #lookAtOne(id: MessageId, now: EpochMs): Promise<void> {
    const { spool, rules, isUnderWay, hindranceOf } = this.#ports;
    if (isUnderWay(id)) return;
    let before: MessageRecord | undefined;
    try {
      const after = await spool.update(id, (record) => {
        before = record;
        // It may have been taken up since.
        return isUnderWay(id) ? record : overdue(record, now, rules, hindranceOf);
      });
      this.#told.delete(id);
      if (before !== undefined) this.#tell(before, after);
    } catch (error) {
      if (error instanceof SpoolError) {
        if (error.code === "SPOOL_NO_MESSAGE") return;
        throw error;
      }
      this.#tellFault(id, error);
    }
  }

  #tell(before: MessageRecord, after: MessageRecord): void {
    const { events } = this.#ports;
    const message = after.id;
    const expired = new Map<string, string[]>();
    after.recipients.forEach(({ address, state }, index) => {
      if (state === before.recipients[index]?.state) return;
      if (state.kind === "expired") {
        const cause = causeText(state.cause);
        expired.set(cause, [...(expired.get(cause) ?? []), address]);
      } else if (state.kind === "held") {
        const { reason, detail } = state.hold;
        events.emit({ kind: "held", message, account: undefined, recipient: address, reason, detail });
      }
    });
    for (const [cause, recipients] of expired) events.emit({ kind: "expired", message, recipients, cause });
    if (expired.size > 0 && isEnded(after)) events.emit({ kind: "ended", message, account: undefined });
  }

  #tellFault(id: MessageId, error: unknown): void {
    if (this.#told.has(id)) return;
    if (this.#told.size >= toldAtMost) this.#told.clear();
    this.#told.add(id);
    this.#ports.events.emit(fault(`looking whether ${id} is overdue`, error));
  }
}

function fault(where: string, error: unknown): PopgateEvent {
  const detail = traceOf(error);
  return { kind: "internal-error", where, detail };
}
