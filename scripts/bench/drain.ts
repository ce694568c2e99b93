/** Drains a box once by one program, and says how fast. The target's books must balance afterwards. */
import type { Collector } from "./collectors.ts";
import { median } from "./figures.ts";
import { octetsOf, type MailSet } from "./mail-set.ts";
import { runMeasured, type Cost } from "./measured-run.ts";
import type { Place } from "./place.ts";
import { mustBeWhole } from "./sink.ts";

export interface Drain extends Cost {
  readonly messages: number;
  readonly octets: number;
}

export interface DrainOptions {
  readonly port: number;
  readonly isTls: boolean;
  readonly timeoutMs: number;
  /** Fewer than the set has. */
  readonly count?: number;
}

export async function drainOnce(
  place: Place,
  collector: Collector,
  set: MailSet | undefined,
  options: DrainOptions,
): Promise<Drain> {
  const user = userOf(collector);
  const messages = options.count ?? set?.sizes.length ?? 0;
  await place.fill(user, set, messages);
  const dir = await place.folder(user);
  const command = await collector.prepare({
    dir,
    user,
    port: options.port,
    caFile: options.isTls ? place.certificates.caFile : undefined,
    smtpPort: place.sink.smtpPort,
    lmtpPort: place.sink.lmtpPort,
  });
  await place.sink.reset();
  const cost = await runMeasured(dir, user, command, options.timeoutMs);
  if (collector.handsOver !== "not") mustBeWhole(await place.sink.report(), messages, collector.name);
  process.stderr.write(
    `  ${collector.name}: ${messages} messages in ${cost.seconds.toFixed(2)} s, ${cost.cpuSeconds.toFixed(2)} s of processor time\n`,
  );
  return { ...cost, messages, octets: set === undefined ? 0 : octetsOf(set, messages) };
}

/** The box of a program. */
export function userOf({ name }: Collector): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/gu, "-");
}

/** The median of each figure. */
export function typical(drains: readonly Drain[]): Drain {
  const [first] = drains;
  if (first === undefined) throw new TypeError("nothing was measured");
  const of = (figure: (drain: Drain) => number): number => median(drains.map(figure));
  return {
    messages: first.messages,
    octets: first.octets,
    seconds: of(({ seconds }) => seconds),
    cpuSeconds: of(({ cpuSeconds }) => cpuSeconds),
    peakOctets: of(({ peakOctets }) => peakOctets),
  };
}

export const rate = ({ messages, seconds }: Drain): number => messages / seconds;
export const octetRate = ({ octets, seconds }: Drain): number => octets / seconds;
