/**
 * The ledger of a torture run: what was handed to popgate, what arrived where, and the verdict. Pure.
 *
 * Every message for each recipient arrives exactly once, or is reported to its sender as failed, exactly once. Two doubts
 * are inherent, and are known one by one:
 *
 * - an arrival whose 250 was lost on the wire, or came to a process that was killed before it had written it down, may be
 *   followed by another one (RFC 5321 §4.5.3.2.6): `ambiguous`
 * - mail whose own 250 the driver did not get may have been taken or not: it arrives at most once
 *
 * Any other difference is a fault of popgate's, by the message's number.
 */
import type { Arrival, NumberedMail } from "./mail.ts";

interface Taken {
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

interface Tally {
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
    readonly inbound: number;
    readonly outboundLeast: number;
    readonly outboundMost: number;
    readonly reports: number;
    readonly failed: number;
  };
}

export class Ledger {
  readonly #mail = new Map<string, NumberedMail>();
  readonly #acknowledged = new Set<string>();
  readonly #doubtful = new Set<string>();
  readonly #taken: Taken[] = [];
  readonly #problems: string[] = [];
  readonly #endings = new Map<number, Ending>();

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
    const reports = this.#reports(doubted, problems, tally);
    for (const mail of this.#mail.values())
      for (const recipient of mail.recipients)
        this.#judge(mail, recipient, reports.get(recipient)?.length ?? 0, doubted, problems, tally);
    this.#strays(problems);
    const numbers = [...this.#mail.keys()];
    const outbound = numbers.filter((number) => number.startsWith("o"));
    const outboundLeast = outbound.filter((number) => this.#acknowledged.has(number)).length;
    return {
      messages: numbers.length,
      lost: tally.lost,
      doubled: tally.doubled,
      ambiguous: tally.ambiguous,
      problems,
      counts: {
        inbound: numbers.length - outbound.length,
        outboundLeast,
        outboundMost: outboundLeast + this.#doubtful.size,
        reports: new Set([...reports.values()].flat()).size,
        failed: tally.failed,
      },
    };
  }

  /** What arrived without its 250 having been written down, for a reason that excuses it. */
  #doubted(problems: string[]): ReadonlySet<Taken> {
    const doubted = new Set(this.#taken.filter(({ lost }) => lost));
    for (const [run, { written, most }] of this.#endings) {
      const unwritten = this.#taken.filter(
        (one) =>
          one.run === run &&
          !one.lost &&
          one.recipients.some((address) => !written.has(`${one.arrival.id} ${address}`)),
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

  /** Message-IDs of the reports by the recipient that they report the failure of. Each must have arrived once. */
  #reports(doubted: ReadonlySet<Taken>, problems: string[], tally: Tally): Map<string, string[]> {
    const found = new Map<string, Set<string>>();
    const arrived = Map.groupBy(
      this.#taken.filter(({ arrival }) => arrival.failed.length > 0),
      ({ arrival }) => arrival.messageId,
    );
    for (const [messageId, copies] of arrived) {
      if (copies.slice(0, -1).some((copy) => !doubted.has(copy))) {
        tally.doubled += 1;
        problems.push(`report ${messageId}: ${copies.length} times (${wordsFor(copies, doubted)})`);
      } else tally.ambiguous += copies.length - 1;
      for (const { arrival } of copies)
        for (const recipient of arrival.failed)
          found.set(recipient, (found.get(recipient) ?? new Set()).add(messageId));
    }
    return new Map([...found].map(([recipient, ids]) => [recipient, [...ids]]));
  }

  #judge(
    { number, digest }: NumberedMail,
    recipient: string,
    failures: number,
    doubted: ReadonlySet<Taken>,
    problems: string[],
    tally: Tally,
  ): void {
    const copies = this.#taken.filter((one) => one.arrival.number === number && one.recipients.includes(recipient));
    if (failures > 0) tally.failed += 1;
    if (copies.some(({ arrival }) => arrival.digest !== digest))
      problems.push(`${number} for ${recipient}: its body has changed`);
    if (copies.length + failures === 0) {
      if (!this.#acknowledged.has(number)) return;
      tally.lost += 1;
      problems.push(`${number} for ${recipient}: lost`);
      return;
    }
    if (copies.length + failures === 1) return;
    // All but the last word must be in doubt; a report is always the last word.
    const earlier = failures > 0 ? copies : copies.slice(0, -1);
    if (failures <= 1 && earlier.every((copy) => doubted.has(copy))) tally.ambiguous += 1;
    else {
      tally.doubled += 1;
      const words = wordsFor(copies, doubted);
      problems.push(`${number} for ${recipient}: ${copies.length} times (${words}), ${failures} report(s)`);
    }
  }

  /** What came to somebody whom it was not for. */
  #strays(problems: string[]): void {
    for (const { arrival, recipients, target } of this.#taken) {
      if (arrival.number === undefined) continue;
      const mail = this.#mail.get(arrival.number);
      for (const recipient of recipients)
        if (mail?.recipients.includes(recipient) !== true)
          problems.push(`${arrival.number} came to ${recipient} at ${target}, whom it is not for`);
    }
  }
}

function wordsFor(copies: readonly Taken[], doubted: ReadonlySet<Taken>): string {
  return copies
    .map((copy) => `${copy.target} by process ${copy.run}${doubted.has(copy) ? ", not written down" : ""}`)
    .join("; ");
}
