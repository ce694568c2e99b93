/** Several programs drain the same box in turns; the table and the comparisons that come of it. */
import { getmailLmtp, popgate, type Collector } from "./collectors.ts";
import { drainOnce, rate, octetRate, typical, type Drain } from "./drain.ts";
import { megabytes, round, type Table } from "./figures.ts";
import type { MailSet } from "./mail-set.ts";
import type { Place } from "./place.ts";

export type Measured = ReadonlyMap<Collector, readonly Drain[]>;

/** A program that needs longer for one run is not made to repeat it. */
const longRunSeconds = 15;
/** The same for those who get fewer messages: else most of a run's time would be theirs. */
const longSlowRunSeconds = 5;
const timeoutMs = 600_000;

export interface Turns {
  readonly port: number;
  readonly rounds: number;
  /** Those who would need minutes for all get fewer messages. */
  readonly slow: ReadonlySet<Collector>;
  readonly fewer: number;
}

/** One after the other, and all of them again. */
export async function takeTurns(
  place: Place,
  collectors: readonly Collector[],
  set: MailSet | undefined,
  { port, rounds, slow, fewer }: Turns,
): Promise<Measured> {
  const drains = new Map<Collector, Drain[]>(collectors.map((collector) => [collector, []]));
  for (let turn = 0; turn < rounds; turn++) {
    for (const [collector, done] of drains) {
      const isSlow = slow.has(collector);
      if ((done[0]?.seconds ?? 0) > (isSlow ? longSlowRunSeconds : longRunSeconds)) continue;
      const count = isSlow ? { count: Math.min(fewer, set?.sizes.length ?? 0) } : {};
      done.push(await drainOnce(place, collector, set, { port, isTls: true, timeoutMs, ...count }));
    }
  }
  return drains;
}

export function byName(measured: Measured): Record<string, readonly Drain[]> {
  return Object.fromEntries([...measured].map(([{ name }, drains]) => [name, drains]));
}

/** Rates and processor time are for one message or second, so that a smaller box can stand beside a larger one. */
export function tableOf(caption: string, measured: Measured): Table {
  const own = typical(measured.get(popgate) ?? []);
  return {
    caption,
    head: ["", "messages", "messages/s", "MB/s", "popgate is", "CPU ms a message", "peak MB", "runs"],
    rows: [...measured].map(([collector, drains]) => {
      const drain = typical(drains);
      return [
        collector === getmailLmtp ? `${collector.name} (not the target's protocol)` : collector.name,
        drain.messages.toLocaleString("en"),
        round(rate(drain)),
        round(octetRate(drain) / 1e6),
        collector === popgate ? "" : `${round(rate(own) / rate(drain))} ×`,
        round((drain.cpuSeconds * 1000) / drain.messages),
        megabytes(drain.peakOctets),
        String(drains.length),
      ];
    }),
  };
}

/** By how much popgate is faster. */
export interface Comparison {
  readonly times: number;
  /** With the others that a reader must know of as well. */
  readonly words: string;
}

/** With the best of those that hand over as Exchange takes it; getmail6 by LMTP is said beside it. */
export function compare(measured: Measured, speed: (drain: Drain) => number): Comparison {
  const own = speedOf(measured, popgate, speed);
  let [best, name] = [0, "no peer"];
  for (const collector of measured.keys()) {
    if (collector === popgate || collector.handsOver !== "SMTP") continue;
    const value = speedOf(measured, collector, speed);
    if (value > best) [best, name] = [value, collector.name];
  }
  const byLmtp = own / speedOf(measured, getmailLmtp, speed);
  return {
    times: own / best,
    words: `${round(own / best)} times ${name}; against getmail6 by LMTP: ${round(byLmtp)} times`,
  };
}

export function speedOf(measured: Measured, collector: Collector, speed: (drain: Drain) => number): number {
  return speed(typical(measured.get(collector) ?? []));
}
