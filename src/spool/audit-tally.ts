/**
 * The sums of an audit, and what does not add up. Memory is bounded: of inconsistencies the first are kept and all are
 * counted, of those who dropped recipients the first are named.
 */
import { contradictionsOf, dropperText, failureNews, originText } from "./audit-record.ts";
import type { Direction, HistoryRecord, MessageRecord } from "./record.ts";

/** What every message of a spool has come to. */
export interface AuditReport {
  /** Messages taken, as far as the history reaches back. */
  readonly messages: number;
  readonly open: number;
  readonly ended: number;
  readonly ways: AuditWay[];
  /** Recipients of all of them by their state. */
  readonly recipients: Record<RecipientKind, number>;
  /** Messages held as a whole: their recipients are not established. */
  readonly undecided: number;
  /** Bounced and expired recipients by what became of the news. */
  readonly failures: { reported: number; owed: number; unwished: number };
  /** Reports to senders that were made, delays and successes included. */
  readonly reports: number;
  readonly droppedBy: Record<string, number>;
  /** Taken from a provider so long ago that the history has forgotten them. */
  readonly forgotten: number;
  /** False: mail came in all the while, and the sums were not compared with the tables. */
  readonly steady: boolean;
  /** How many there are; the first of them are named. */
  readonly wrong: number;
  readonly inconsistencies: AuditFinding[];
}

interface AuditWay {
  readonly direction: Direction;
  readonly origin: string;
  messages: number;
  open: number;
  ended: number;
}

interface AuditFinding {
  /** Queue id; empty for what concerns the spool as a whole. */
  readonly id: string;
  readonly detail: string;
}

type RecipientKind = MessageRecord["recipients"][number]["state"]["kind"];

const mostNamed = 1000;
const mostDroppers = 50;

export class AuditTally {
  forgotten = 0;
  readonly #ways = new Map<string, AuditWay>();
  readonly #recipients = { queued: 0, held: 0, delivered: 0, bounced: 0, expired: 0, dropped: 0 };
  readonly #failures = { none: 0, reported: 0, owed: 0, unwished: 0 };
  readonly #droppers = new Map<string, number>();
  readonly #found: AuditFinding[] = [];
  #wrong = 0;
  #undecided = 0;
  #reports = 0;
  /** Messages whose sender has been told of a failure. */
  #told = 0;

  open(record: MessageRecord): void {
    this.#way(record).open += 1;
    this.#count(record, undefined);
  }

  ended(record: HistoryRecord): void {
    this.#way(record).ended += 1;
    this.#count(record, record);
  }

  wrong(id: string, detail: string): void {
    this.#wrong += 1;
    if (this.#found.length < mostNamed) this.#found.push({ id, detail });
  }

  /** `entries`: how many records the tables have; `undefined` when that changed while they were read. */
  finish(entries: number | undefined): AuditReport {
    const ways = [...this.#ways.values()].toSorted(
      (a, b) => a.direction.localeCompare(b.direction) || a.origin.localeCompare(b.origin),
    );
    const sum = (of: (way: AuditWay) => number): number => ways.reduce((total, way) => total + of(way), 0);
    const messages = sum((way) => way.messages);
    if (entries !== undefined && this.#wrong === 0 && entries !== messages)
      this.wrong("", `${messages} messages were accounted for, and the tables have ${entries}`);
    if (entries !== undefined && this.#told > this.#reports)
      this.wrong(
        "",
        `the senders of ${this.#told} messages were told of a failure, and there are ${this.#reports} reports`,
      );
    const { reported, owed, unwished } = this.#failures;
    return {
      messages,
      open: sum((way) => way.open),
      ended: sum((way) => way.ended),
      ways,
      recipients: this.#recipients,
      undecided: this.#undecided,
      failures: { reported, owed, unwished },
      reports: this.#reports,
      droppedBy: Object.fromEntries(this.#droppers),
      forgotten: this.forgotten,
      steady: entries !== undefined,
      wrong: this.#wrong,
      inconsistencies: this.#found,
    };
  }

  #way(record: MessageRecord): AuditWay {
    const origin = originText(record);
    const key = `${record.direction} ${origin}`;
    const way = this.#ways.get(key) ?? { direction: record.direction, origin, messages: 0, open: 0, ended: 0 };
    this.#ways.set(key, way);
    way.messages += 1;
    return way;
  }

  #count(record: MessageRecord, ended: HistoryRecord | undefined): void {
    for (const detail of contradictionsOf(record, ended)) this.wrong(record.id, detail);
    if (record.hold !== undefined) this.#undecided += 1;
    if (record.origin.kind === "local" && record.origin.purpose === "report") this.#reports += 1;
    let told = false;
    for (const recipient of record.recipients) {
      this.#recipients[recipient.state.kind] += 1;
      const news = failureNews(record, recipient);
      this.#failures[news] += 1;
      told ||= news === "reported";
      if (recipient.state.kind === "dropped") this.#dropped(dropperText(recipient.state.by));
    }
    if (told) this.#told += 1;
  }

  #dropped(by: string): void {
    const name = this.#droppers.has(by) || this.#droppers.size < mostDroppers ? by : "others";
    this.#droppers.set(name, (this.#droppers.get(name) ?? 0) + 1);
  }
}
