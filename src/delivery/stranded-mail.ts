/**
 * Mail whose next attempt lies further ahead than any attempt is ever put off. The clock was wrong when it came in or was
 * last tried (a machine that booted with another date, a virtual one that was moved), and has been set right since:
 * without this, it would wait until the clock gets there again.
 *
 * Looked for every few minutes, in both directions: whatever is found is due at once. Costs nothing while there is none.
 * While the spool cannot be written it waits for the next look.
 */
import type { EventSink } from "../core/events.ts";
import { lastMessageId, type MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { SpoolError, type DueEntry, type Queue } from "../spool/port.ts";
import type { Direction, MessageRecord } from "../spool/record.ts";

export interface StrandedMailPorts {
  readonly spool: Pick<Queue, "due" | "update">;
  readonly clock: Clock;
  readonly events: EventSink;
  /** The longest pause between two attempts that is configured anywhere. */
  readonly longestPauseMs: number;
}

export interface StrandedMail {
  /** Looks again and again until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Looks once. */
  tick(signal: AbortSignal): Promise<void>;
}

const everyMs = 5 * 60_000;
/** Pauses are jittered, and clocks are corrected by moments all the time. */
const toleranceFactor = 2;
const toleranceMs = 60 * 60_000;
/** Wherever a clock has been. */
const farAheadMs = 1000 * 365 * 86_400_000;
const pageSize = 100;

export function createStrandedMail(ports: StrandedMailPorts): StrandedMail {
  const tick = async (signal: AbortSignal): Promise<void> => {
    try {
      for (const direction of ["outbound", "inbound"] as const) await freeAll(direction, ports, signal);
    } catch (error) {
      // The spool tells its own trouble.
      if (error instanceof SpoolError) return;
      ports.events.emit({ kind: "internal-error", where: "looking for stranded mail", detail: String(error) });
    }
  };
  return {
    tick,
    async run(signal) {
      while (!signal.aborted) {
        await tick(signal);
        await ports.clock.sleep(everyMs, signal).catch(() => undefined);
      }
    },
  };
}

async function freeAll(direction: Direction, ports: StrandedMailPorts, signal: AbortSignal): Promise<void> {
  const { spool, clock, longestPauseMs } = ports;
  const now = clock.now();
  const latest = now + toleranceFactor * longestPauseMs + toleranceMs;
  // Behind every message of that time.
  for (let after: DueEntry | undefined = { at: latest, id: lastMessageId }; !signal.aborted;) {
    const page: readonly DueEntry[] = await spool.due(direction, now + farAheadMs, pageSize, after);
    // They share flushes.
    await Promise.all(page.map(async ({ id }) => freeOne(id, latest, ports)));
    after = page.at(-1);
    if (page.length < pageSize) return;
  }
}

async function freeOne(id: MessageId, latest: EpochMs, { spool, clock }: StrandedMailPorts): Promise<void> {
  try {
    await spool.update(id, (record) => dueAtOnce(record, latest, clock.now()));
  } catch (error) {
    if (!(error instanceof SpoolError) || error.code !== "SPOOL_NO_MESSAGE") throw error;
  }
}

function dueAtOnce(record: MessageRecord, latest: EpochMs, now: EpochMs): MessageRecord {
  const recipients = record.recipients.map((recipient) =>
    recipient.state.kind === "queued" && recipient.state.nextAttemptAt > latest
      ? { ...recipient, state: { ...recipient.state, nextAttemptAt: now } }
      : recipient,
  );
  return { ...record, recipients };
}
