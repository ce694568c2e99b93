/**
 * The ledger of a torture run: what was handed to popgate, what was done to it, what arrived where, and the verdict. Pure.
 *
 * Every message for each recipient arrives exactly once, or is reported to its sender as failed, exactly once; whoever was
 * dropped by an administrator gets nothing, and who took another's place gets it once. Two doubts are inherent, and are
 * known one by one:
 *
 * - an arrival whose 250 was lost on the wire, or came to a process that was killed before it had written it down, may be
 *   followed by another one (RFC 5321 §4.5.3.2.6): `ambiguous`
 * - mail whose own 250 the driver did not get may have been taken or not: it arrives at most once
 *
 * Any other difference is a fault of popgate's, by the message's number. Reports are judged in `ledger-reports.ts`.
 */
import { judgeReports, type Reports } from "./ledger-reports.ts";
import type { Arrival, NumberedMail } from "./mail.ts";

export interface Taken {
  readonly arrival: Arrival;
  readonly target: string;
  readonly recipients: readonly string[];
  /** Of the process that handed it over. */
  readonly run: number;
  /** Its 250 did not come to be written down. */
  readonly lost: boolean;
}

interface Ending {
  readonly written: ReadonlySet<string>;
  readonly most: Readonly<Record<string, number>>;
}

/** `on-its-way`: the attempt that may have been under way can still have delivered it. */
type Dropping = "at-rest" | "on-its-way";

export interface Tally {
  lost: number;
  doubled: number;
  ambiguous: number;
  failed: number;
}

export interface Verdict {
  readonly messages: number;
  readonly lost: number;
  readonly doubled: number;
  readonly ambiguous: number;
  /** One line each, with the number of the message. */
  readonly problems: readonly string[];
  /** What an audit must count. */
  readonly counts: {
    /** Messages by account; what the provider stores twice counts twice. */
    readonly inbound: Readonly<Record<string, number>>;
    readonly outboundLeast: number;
    readonly outboundMost: number;
    readonly reports: number;
    readonly failed: number;
    readonly droppedLeast: number;
    readonly droppedMost: number;
  };
}

export class Ledger {
  readonly #mail = new Map<string, NumberedMail>();
  readonly #acknowledged = new Set<string>();
  readonly #doubtful = new Set<string>();
  readonly #taken: Taken[] = [];
  readonly #problems: string[] = [];
  readonly #endings = new Map<number, Ending>();
  /** By number and recipient. */
  readonly #dropped = new Map<string, Dropping>();

  /** In the provider's box, or about to be handed to the listener. */
  put(mail: NumberedMail): void {
    this.#mail.set(mail.number, mail);
  }

  /** It is popgate's from now on. */
  acknowledged(number: string): void {
    this.#acknowledged.add(number);
  }

  /** The final dot was sent, and no reply came. */
  doubtful(number: string): void {
    this.#doubtful.add(number);
  }

  /** An administrator has dropped it for this recipient, and popgate has said so. */
  dropped(number: string, recipient: string, when: Dropping): void {
    this.#dropped.set(`${number} ${recipient}`, when);
  }

  /** Another one takes the place, and the wishes (RFC 3461 §5.2.7.2), of one who was dropped for it. */
  joined(number: string, recipient: string, inPlaceOf: string): void {
    const mail = this.#mail.get(number);
    if (mail === undefined) return;
    const wish = mail.wishes.get(inPlaceOf);
    const wishes = wish === undefined ? mail.wishes : new Map([...mail.wishes, [recipient, wish]]);
    this.#mail.set(number, { ...mail, recipients: [...mail.recipients, recipient], wishes });
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  taken(target: string, recipients: readonly string[], arrival: Arrival, run: number, lost: boolean): void {
    this.#taken.push({ target, recipients, arrival, run, lost });
  }

  /**
   * A process has ended. `written`: id and recipient of what it said was delivered, which it says once that is durable.
   * `most`: so many deliveries to each target may not have been written down, one on each connection after a kill; none
   * after a stop.
   */
  ended(run: number, written: ReadonlySet<string>, most: Readonly<Record<string, number>>): void {
    this.#endings.set(run, { written, most });
  }

  verdict(): Verdict {
    const problems = [...this.#problems];
    const tally = { lost: 0, doubled: 0, ambiguous: 0, failed: 0 };
    const doubted = this.#doubted(problems);
    const reports = judgeReports(this.#taken, doubted, this.#mail, problems, tally);
    const arrived = Map.groupBy(this.#taken, ({ arrival }) => arrival.number ?? "");
    for (const mail of this.#mail.values())
      for (const recipient of mail.recipients) {
        const copies = (arrived.get(mail.number) ?? []).filter((one) => one.recipients.includes(recipient));
        this.#judge(mail, recipient, copies, { reports, doubted, problems, tally });
      }
    this.#strays(problems);
    const { lost, doubled, ambiguous } = tally;
    return { messages: this.#mail.size, lost, doubled, ambiguous, problems, counts: this.#counts(reports, tally) };
  }

  #counts(reports: Reports, tally: Tally): Verdict["counts"] {
    const all = [...this.#mail.values()];
    const outbound = all.filter(({ origin }) => origin === "listener");
    const outboundLeast = outbound.filter(({ number }) => this.#acknowledged.has(number)).length;
    const inbound: Record<string, number> = {};
    for (const { origin, copies } of all)
      if (origin !== "listener") inbound[origin] = (inbound[origin] ?? 0) + copies.length;
    return {
      inbound,
      outboundLeast,
      outboundMost: outboundLeast + this.#doubtful.size,
      reports: reports.messages,
      failed: tally.failed,
      droppedLeast: [...this.#dropped.values()].filter((when) => when === "at-rest").length,
      droppedMost: this.#dropped.size,
    };
  }

  /** What arrived without its 250 having been written down, for a reason that excuses it. */
  #doubted(problems: string[]): ReadonlySet<Taken> {
    const doubted = new Set(this.#taken.filter(({ lost }) => lost));
    const byRun = Map.groupBy(this.#taken, ({ run }) => run);
    for (const [run, { written, most }] of this.#endings) {
      const unwritten = (byRun.get(run) ?? []).filter(
        (one) => !one.lost && one.recipients.some((address) => !written.has(`${one.arrival.id} ${address}`)),
      );
      for (const [target, group] of Map.groupBy(unwritten, (one) => one.target)) {
        const limit = most[target] ?? 0;
        const names = group.map(({ arrival }) => arrival.messageId).join(", ");
        if (group.length > limit)
          problems.push(`process ${run} ended with ${group.length} deliveries to ${target} not written down: ${names}`);
        if (limit > 0) for (const one of group) doubted.add(one);
      }
    }
    return doubted;
  }

  #judge(
    { number, digest, origin, wishes }: NumberedMail,
    recipient: string,
    copies: readonly Taken[],
    { reports, doubted, problems, tally }: Judging,
  ): void {
    const failures = reports.failed.get(recipient)?.size ?? 0;
    if (failures > 0) tally.failed += 1;
    if (copies.some(({ arrival }) => arrival.digest !== digest))
      problems.push(`${number} for ${recipient}: its body has changed`);
    const dropping = this.#dropped.get(`${number} ${recipient}`);
    const words = `${number} for ${recipient}: ${copies.length} times (${wordsFor(copies, doubted)}), ${failures} report(s)`;
    if (dropping !== undefined) {
      const sure = copies.filter((copy) => !doubted.has(copy)).length;
      if (sure > (dropping === "at-rest" ? 0 : 1) || failures > 0) {
        tally.doubled += 1;
        problems.push(`${words}, although it was dropped`);
      } else if (copies.length > 0) tally.ambiguous += 1;
      return;
    }
    if (copies.length + failures === 0) {
      if (!this.#acknowledged.has(number)) return;
      tally.lost += 1;
      problems.push(`${number} for ${recipient}: lost`);
      return;
    }
    if (copies.length + failures > 1) {
      // All but the last word must be in doubt; a report is always the last word.
      const earlier = failures > 0 ? copies : copies.slice(0, -1);
      if (failures <= 1 && earlier.every((copy) => doubted.has(copy))) tally.ambiguous += 1;
      else {
        tally.doubled += 1;
        problems.push(words);
      }
      return;
    }
    // The second relay offers no DSN: popgate itself has to tell of the success that was asked for (RFC 3461 §5.2.2).
    const asked = origin === "listener" && wishes.get(recipient)?.includes("SUCCESS") === true;
    if (
      asked &&
      copies.some((copy) => copy.target === "zweit" && !doubted.has(copy)) &&
      !reports.relayed.has(recipient)
    )
      problems.push(`${number} for ${recipient}: its success was not told`);
  }

  /** What came to somebody whom it was not for, and fields that should not have come. */
  #strays(problems: string[]): void {
    for (const { arrival, recipients, target } of this.#taken) {
      if (arrival.leak !== undefined)
        problems.push(`${arrival.messageId} came to ${target} with the field ${arrival.leak}`);
      if (arrival.number === undefined) continue;
      const mail = this.#mail.get(arrival.number);
      for (const recipient of recipients)
        if (mail?.recipients.includes(recipient) !== true)
          problems.push(`${arrival.number} came to ${recipient} at ${target}, whom it is not for`);
    }
  }
}

interface Judging {
  readonly reports: Reports;
  readonly doubted: ReadonlySet<Taken>;
  readonly problems: string[];
  readonly tally: Tally;
}

function wordsFor(copies: readonly Taken[], doubted: ReadonlySet<Taken>): string {
  return copies
    .map((copy) => `${copy.target} by process ${copy.run}${doubted.has(copy) ? ", not written down" : ""}`)
    .join("; ");
}
