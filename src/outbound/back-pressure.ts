/**
 * Whether new mail is taken at all. What is refused by a 4xx at MAIL stays with Exchange, in its own queue, where the
 * sender is told of a delay; what is taken is ours. So nothing more is taken when it could not be stored, or when what has
 * been taken does not get out:
 *
 *   spool full | spool cannot be written ──▶ 452 4.3.1 | 451 4.3.0
 *   all relays in trouble for a while ─────▶ 451 4.4.1 ┐ one message is let in
 *   queued mail older than the limit, and  ▶ 451 4.3.2 ┘ every few minutes
 *   nothing delivered in as long a time
 *
 * The one that is let in finds out whether mail gets out again: with an empty queue nobody else would, and a message
 * that waits for a reason of its own (its recipient's server, a sender without a relay) must not keep out all others. Old
 * mail alone is no trouble while other mail is delivered.
 *
 * Asking costs nothing: the spool is looked at by `run`. The event is emitted once when pressure begins, whatever its
 * causes then become, and once when it has been gone for a while.
 */
import type { EventSink } from "../core/events.ts";
import { makeMessageId, type MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { DueEntry, Inspection, Queue } from "../spool/port.ts";
import { nextDue } from "../spool/record.ts";
import * as answers from "./message-answers.ts";
import type { Verdict } from "./port.ts";

export interface BackPressureOptions {
  /** 0: the age of the queue does not matter. */
  readonly queueAgeLimitMs: number;
  /** Trouble of all relays that lasts no longer than this is nobody's business. */
  readonly relayTroubleMs: number;
}

export const defaultRelayTroubleMs = 15 * 60_000;

export interface BackPressurePorts {
  readonly spool: Pick<Queue & Inspection, "due" | "load" | "health">;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Set while no relay can be used: what is wrong, and since when. Asked for each message: it must be cheap. */
  readonly relayTrouble: () => { readonly detail: string; readonly since: EpochMs } | undefined;
  /** When a destination last took a message of the outbound queue; `undefined`: not since the start. */
  readonly lastDelivery: () => EpochMs | undefined;
}

export interface BackPressure {
  /** To be asked once for each message that a client wants to send: now and then one is let in under pressure. */
  verdict(): Verdict;
  /** Looks at the age of the queue, and emits what is due. */
  look(): Promise<void>;
  /** Looks again and again, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
}

const minute = 60_000;
const lookEveryMs = minute / 4;
/** Under pressure one message is let in so often. Exchange tries again every five to ten minutes. */
const trialEveryMs = 5 * minute;
/** Pressure that comes back sooner has not been gone. */
const calmMs = minute;
const pageSize = 1000;
/** Of the messages that came in before the limit so many are looked at: some may have been released lately. */
const mostCandidates = 100;
/** No attempt is put off any further. */
const furthestAttemptMs = 10 * 365 * 86_400_000;

interface OldMail {
  readonly id: MessageId;
  readonly since: EpochMs;
}

interface Cause {
  readonly refusal: Extract<Verdict, { readonly kind: "no" }>;
  readonly detail: string;
  /** When the first message may be let in, once the cause is known; `undefined`: none may. */
  readonly firstTrialAfterMs: number | undefined;
}

export function createBackPressure(options: BackPressureOptions, ports: BackPressurePorts): BackPressure {
  return new Pressure(options, ports);
}

class Pressure implements BackPressure {
  readonly #options: BackPressureOptions;
  readonly #ports: BackPressurePorts;
  /** Mail that has waited longer than the limit, when last looked. */
  #old: OldMail | undefined;
  #told = false;
  #calmSince: EpochMs | undefined;
  #nextTrialAt: EpochMs | undefined;

  constructor(options: BackPressureOptions, ports: BackPressurePorts) {
    this.#options = options;
    this.#ports = ports;
  }

  verdict(): Verdict {
    const cause = this.#judge();
    if (cause === undefined || this.#takeTrial(cause)) return { kind: "ok" };
    return cause.refusal;
  }

  async look(): Promise<void> {
    this.#old = await this.#findOld();
    this.#judge();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#ports;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        events.emit({ kind: "internal-error", where: "looking at the age of the queue", detail: String(error) });
      }
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  #judge(): Cause | undefined {
    const now = this.#ports.clock.now();
    const cause = this.#cause(now);
    const { events } = this.#ports;
    if (cause !== undefined) {
      this.#calmSince = undefined;
      if (this.#told) return cause;
      this.#told = true;
      events.emit({ kind: "back-pressure", detail: cause.detail });
      return cause;
    }
    this.#nextTrialAt = undefined;
    if (!this.#told) return undefined;
    this.#calmSince = Math.min(this.#calmSince ?? now, now);
    if (now - this.#calmSince < calmMs) return undefined;
    this.#told = false;
    events.emit({ kind: "back-pressure", detail: "" });
    return undefined;
  }

  #cause(now: EpochMs): Cause | undefined {
    const { spool, relayTrouble } = this.#ports;
    const health = spool.health();
    if (health.kind === "full") return cause(answers.spoolFull, `the spool is full: ${health.detail}`, undefined);
    if (health.kind === "failed")
      return cause(answers.spoolFailed, `the spool cannot be written: ${health.detail}`, undefined);
    const trouble = relayTrouble();
    if (trouble !== undefined && now - trouble.since >= this.#options.relayTroubleMs) {
      const since = time(trouble.since);
      // What is queued is being tried already.
      return cause(answers.relaysInTrouble(since), `${trouble.detail}, since ${since}`, trialEveryMs);
    }
    const old = this.#old;
    if (old === undefined || !this.#stalled(now)) return undefined;
    const detail = `${old.id} has been waiting since ${time(old.since)}, and nothing has been delivered meanwhile`;
    return cause(answers.queueTooOld(detail), detail, 0);
  }

  /** The one message that is let in now and then. */
  #takeTrial({ firstTrialAfterMs }: Cause): boolean {
    if (firstTrialAfterMs === undefined) return false;
    const now = this.#ports.clock.now();
    this.#nextTrialAt ??= now + firstTrialAfterMs;
    // A clock that went back must not put it off for long.
    this.#nextTrialAt = Math.min(this.#nextTrialAt, now + trialEveryMs);
    if (now < this.#nextTrialAt) return false;
    this.#nextTrialAt = now + trialEveryMs;
    return true;
  }

  /** Nothing has been delivered for as long as mail may wait. */
  #stalled(now: EpochMs): boolean {
    const { queueAgeLimitMs } = this.#options;
    const last = this.#ports.lastDelivery();
    // A delivery in the future was told by a clock that was ahead: nobody knows how long ago it was.
    return queueAgeLimitMs > 0 && (last === undefined || last > now || now - last > queueAgeLimitMs);
  }

  /** The oldest message, or nearly, that has waited longer than the limit. The spool is only looked at in a stall. */
  async #findOld(): Promise<OldMail | undefined> {
    const { spool, clock } = this.#ports;
    const now = clock.now();
    if (!this.#stalled(now)) return undefined;
    const limit = now - this.#options.queueAgeLimitMs;
    const waiting = async (id: MessageId): Promise<OldMail | undefined> => {
      const record = await spool.load(id);
      if (record === undefined || nextDue(record) === undefined) return undefined;
      const since = record.queuedSince ?? record.receivedAt;
      return since < limit ? { id, since } : undefined;
    };
    const still = this.#old === undefined ? undefined : await waiting(this.#old.id);
    if (still !== undefined) return still;
    for (const id of await this.#cameBefore(limit, now)) {
      const found = await waiting(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Queued messages that came in before `limit`, by their ids, which sort by time of arrival: the oldest first. */
  async #cameBefore(limit: EpochMs, now: EpochMs): Promise<readonly MessageId[]> {
    const bound = makeMessageId(limit, { next: () => 0 });
    let oldest: MessageId[] = [];
    let after: DueEntry | undefined;
    for (;;) {
      const page = await this.#ports.spool.due("outbound", now + furthestAttemptMs, pageSize, after);
      const old = page.flatMap(({ id }) => (id < bound ? [id] : []));
      if (old.length > 0) oldest = [...oldest, ...old].sort().slice(0, mostCandidates);
      after = page.at(-1);
      if (page.length < pageSize) return oldest;
    }
  }
}

function cause(refusal: Cause["refusal"], detail: string, firstTrialAfterMs: number | undefined): Cause {
  return { refusal, detail, firstTrialAfterMs };
}

function time(at: EpochMs): string {
  return new Date(at).toISOString();
}
