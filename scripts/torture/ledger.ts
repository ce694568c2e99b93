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
  lost: boolean;
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
   * After a kill at most one message on each connection can have arrived without that; after a stop none.
   */
  ended(run: number, written: ReadonlySet<string>, most: Readonly<Record<string, number>>): void {
    const unwritten = this.#taken.filter(
      (one) =>
        one.run === run && !one.lost && one.recipients.some((address) => !written.has(`${one.arrival.id} ${address}`)),
    );
    for (const [target, group] of Map.groupBy(unwritten, (one) => one.target)) {
      const limit = most[target] ?? 0;
      if (group.length > limit)
        this.problem(
          `process ${run} ended with ${group.length} deliveries to ${target} not written down: ${group.map((one) => one.arrival.messageId).join(", ")}`,
        );
      if (limit > 0) for (const one of group) one.lost = true;
    }
  }

  verdict(): Verdict {
    const problems = [...this.#problems];
    const tally = { lost: 0, doubled: 0, ambiguous: 0, failed: 0 };
    const reports = this.#reports(problems, tally);
    for (const mail of this.#mail.values())
      for (const recipient of mail.recipients) this.#judge(mail, recipient, reports, problems, tally);
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

  /** Message-IDs of the reports by the recipient that they report the failure of. Each must have arrived once. */
  #reports(problems: string[], tally: { doubled: number; ambiguous: number }): Map<string, string[]> {
    const found = new Map<string, Set<string>>();
    const arrived = Map.groupBy(
      this.#taken.filter(({ arrival }) => arrival.failed.length > 0),
      ({ arrival }) => arrival.messageId,
    );
    for (const [messageId, copies] of arrived) {
      if (copies.slice(0, -1).some(({ lost }) => !lost)) {
        tally.doubled += 1;
        problems.push(`report ${messageId} came ${copies.length} times`);
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
    reports: ReadonlyMap<string, readonly string[]>,
    problems: string[],
    tally: { lost: number; doubled: number; ambiguous: number; failed: number },
  ): void {
    const copies = this.#taken.filter((one) => one.arrival.number === number && one.recipients.includes(recipient));
    const failures = reports.get(recipient)?.length ?? 0;
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
    const doubted = failures > 0 ? copies : copies.slice(0, -1);
    if (failures <= 1 && doubted.every(({ lost }) => lost)) tally.ambiguous += 1;
    else {
      tally.doubled += 1;
      const runs = copies.map(({ target, run, lost }) => `${target} by process ${run}${lost ? ", 250 lost" : ""}`);
      problems.push(`${number} for ${recipient}: ${copies.length} times (${runs.join("; ")}), ${failures} report(s)`);
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
