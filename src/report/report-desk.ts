/**
 * Makes the reports that senders are owed, and spools them.
 *
 * Guarantees: the report and the record that owes it no more are one transaction, so whatever crashes when, there is
 * exactly one. Recipients of one message that fail shortly after each other share a report. Mail without a reverse path is
 * never reported of (RFC 5321 §4.5.5), and reports have none. While the spool cannot take a report it stays owed.
 *
 * A report that cannot be made by a fault of ours is told once and left alone for a while: it must not stop the others,
 * nor be tried without end.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { SpoolError, type Inspection, type Intake, type Queue } from "../spool/port.ts";
import { isEnded, nextDue, type MessageRecord, type OwedReport } from "../spool/record.ts";
import { NoLongerOwed, without } from "./owed.ts";
import { recipientFacts, type ReportKind } from "./report-facts.ts";
import { spoolReport, type ReportOptions } from "./spool-report.ts";

export interface ReportPorts {
  readonly spool: Intake & Queue & Inspection;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly options: ReportOptions;
  /**
   * Whether a recipient is just being handed the message: a person may have returned it meanwhile, and whether it was
   * delivered all the same is still to come. Unless given, nobody is.
   */
  readonly isUnderWay?: ((id: MessageId, recipient: Address) => boolean) | undefined;
}

export interface ReportDesk {
  /** Makes reports as they fall due, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Makes those that are due now. Resolves with how many were spooled. Never rejects. */
  tick(signal: AbortSignal): Promise<number>;
}

export function createReportDesk(ports: ReportPorts): ReportDesk {
  return new Desk(ports);
}

const lookEveryMs = 5_000;
/** A report waits at most so long for other recipients of its message. */
const gatherMs = 30_000;
/** Nor for an attempt that is under way with its own recipients, unless that takes as long as no attempt should. */
const attemptMs = 15 * 60_000;
const pageSize = 100;
/** How long a report that we failed to make is left alone. */
const afterFaultMs = 60 * 60_000;
/** So many faults are remembered; what is forgotten is tried, and told, again. */
const faultsAtMost = 1_000;

class Desk implements ReportDesk {
  readonly #ports: ReportPorts;
  /** Messages whose report failed by a fault of ours, and when it is tried again. */
  readonly #faults = new Map<MessageId, EpochMs>();
  /** Rounds follow each other: two at once would make the same report. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: ReportPorts) {
    this.#ports = ports;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.tick(signal);
      await this.#ports.clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  async tick(signal: AbortSignal): Promise<number> {
    const mine = this.#turn.then(async () => this.#round(signal));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { spool } = this.#ports;
    let made = 0;
    for (let after: MessageId | undefined; !signal.aborted; await nextTurn()) {
      if (spool.health().kind !== "ok") return made;
      const ids = await this.#page(after);
      for (const id of ids) {
        if (signal.aborted) return made;
        const count = await this.#reportsOf(id);
        if (count === "later") return made;
        made += count;
      }
      after = ids.at(-1);
      if (ids.length < pageSize) return made;
    }
    return made;
  }

  async #page(after: MessageId | undefined): Promise<readonly MessageId[]> {
    try {
      return await this.#ports.spool.owed(after, pageSize);
    } catch (error) {
      this.#tellFault("reports", error);
      return [];
    }
  }

  /** How many reports of this message were spooled; `later` when the spool takes nothing now. */
  async #reportsOf(id: MessageId): Promise<number | "later"> {
    const { clock } = this.#ports;
    const pausedUntil = this.#faults.get(id);
    if (pausedUntil !== undefined && clock.now() < pausedUntil && clock.now() >= pausedUntil - afterFaultMs) return 0;
    try {
      const made = await this.#settle(id);
      this.#faults.delete(id);
      return made;
    } catch (error) {
      if (error instanceof NoLongerOwed) return 0;
      if (error instanceof SpoolError && error.code === "SPOOL_NO_MESSAGE") return 0;
      if (error instanceof SpoolError && error.code !== "SPOOL_DAMAGED") return "later";
      if (pausedUntil === undefined) this.#tellFault(`the report of ${id}`, error);
      this.#pause(id);
      return 0;
    }
  }

  async #settle(id: MessageId): Promise<number> {
    const { spool, clock } = this.#ports;
    let made = 0;
    for (const kind of ["failed", "delayed", "relayed"] as const) {
      const record = await spool.load(id);
      if (record === undefined) return made;
      const owed = dueRecipients(record, kind, clock.now(), this.#ports.isUnderWay);
      if (owed.length > 0 && (await this.#settleKind(record, kind, owed))) made++;
    }
    return made;
  }

  /** True when a report was spooled; without anything to tell, what was owed is only struck off. */
  async #settleKind(record: MessageRecord, kind: ReportKind, owed: readonly Address[]): Promise<boolean> {
    const { spool, clock, events, options } = this.#ports;
    const { id, reversePath } = record;
    let after: MessageRecord | undefined;
    const change = (present: MessageRecord): MessageRecord => (after = without(present, kind, owed));
    const [first, ...others] = reversePath.kind === "null" ? [] : recipientFacts(record, kind, owed);
    const told = reversePath.kind === "address" && first !== undefined;
    if (told) {
      const recipients = [first, ...others] as const;
      const to = reversePath.address;
      const message = await spoolReport(spool, options, clock.now(), { record, kind, to, recipients, change });
      const names = recipients.map(({ address }) => address);
      events.emit({ kind: "report-spooled", message, of: id, report: kind, recipients: names });
    } else await spool.update(id, change);
    if (after !== undefined && isEnded(after)) events.emit({ kind: "ended", message: id, account: undefined });
    return told;
  }

  #pause(id: MessageId): void {
    const oldest = this.#faults.size >= faultsAtMost ? this.#faults.keys().next().value : undefined;
    if (oldest !== undefined) this.#faults.delete(oldest);
    this.#faults.set(id, this.#ports.clock.now() + afterFaultMs);
  }

  #tellFault(where: string, error: unknown): void {
    // The spool tells its own trouble.
    if (error instanceof SpoolError && error.code !== "SPOOL_DAMAGED") return;
    this.#ports.events.emit({ kind: "internal-error", where, detail: String(error) });
  }
}

/**
 * The recipients of that kind of report, once it is due: when no recipient is being tried, or when it has waited long
 * enough. A clock that was set back makes it due.
 */
function dueRecipients(
  record: MessageRecord,
  kind: ReportKind,
  now: EpochMs,
  isUnderWay: ReportPorts["isUnderWay"],
): readonly Address[] {
  const entries = (record.owed ?? []).filter((entry) => entry.kind === kind);
  const isUndecided = ({ since, recipients }: OwedReport): boolean =>
    since <= now && now - since < attemptMs && recipients.some((one) => isUnderWay?.(record.id, one) === true);
  if (entries.some(isUndecided)) return [];
  const next = nextDue(record);
  const quiet = next === undefined || next > now;
  const due = quiet || entries.some(({ since }) => now - since >= gatherMs || since > now);
  return due ? entries.flatMap(({ recipients }) => recipients) : [];
}
