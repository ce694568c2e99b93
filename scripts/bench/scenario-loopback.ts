/** Inbound on loopback: how fast a box is drained into the target, against other collectors in the same run. */
import { bareReader, peers, popgate, type Collector } from "./collectors.ts";
import { drainOnce, octetRate, rate, typical, type Drain } from "./drain.ts";
import { megabytes, round, scaled, type Aim, type Section, type Table } from "./figures.ts";
import { makeMailSet, sizesOfMix, type MailSet } from "./mail-set.ts";
import type { Place } from "./place.ts";

const timeoutMs = 600_000;
/** A program that needs longer for one run is not made to repeat it. */
const longRunSeconds = 15;

export async function loopback(place: Place, rounds: number): Promise<Section> {
  const small = await makeMailSet(
    place.dir,
    "small",
    Array.from({ length: scaled(2000) }, () => 8192),
  );
  const mix = await makeMailSet(place.dir, "mix", sizesOfMix(scaled(400)));
  const empty = await measure(place, [popgate], undefined, rounds);
  const bySmall = await measure(place, [popgate, bareReader, ...peers], small, rounds);
  const byMix = await measure(place, [popgate, bareReader, ...peers], mix, rounds);
  const startUp = typical(empty.get(popgate) ?? []);
  return {
    name: "loopback",
    title: "Inbound, loopback",
    about:
      "One box on Dovecot, over TLS, into one target; from the start of the program to its end, deletions included. " +
      `popgate needs ${round(startUp.seconds)} s of it to start and to end (${round(startUp.cpuSeconds)} s of processor time).`,
    tables: [
      tableOf(`${small.count} messages of 8 kB`, bySmall),
      tableOf(`${mix.count} messages of 3 kB to 10 MB, ${megabytes(mix.octets)} MB`, byMix),
    ],
    aims: [...aimsOf("8 kB", bySmall, rate), ...aimsOf("mix", byMix, octetRate)],
    figures: { startUp, small: Object.fromEntries(named(bySmall)), mix: Object.fromEntries(named(byMix)) },
  };
}

type Measured = ReadonlyMap<Collector, readonly Drain[]>;

/** One after the other, and all of them again. */
async function measure(
  place: Place,
  collectors: readonly Collector[],
  set: MailSet | undefined,
  rounds: number,
): Promise<Measured> {
  const drains = new Map<Collector, Drain[]>(collectors.map((collector) => [collector, []]));
  const port = place.dovecot.tlsPort;
  for (let round = 0; round < rounds; round++) {
    for (const [collector, done] of drains) {
      if ((done[0]?.seconds ?? 0) > longRunSeconds) continue;
      done.push(await drainOnce(place, collector, set, { port, isTls: true, timeoutMs }));
    }
  }
  return drains;
}

function named(measured: Measured): [string, readonly Drain[]][] {
  return [...measured].map(([{ name }, drains]) => [name, drains]);
}

export function tableOf(caption: string, measured: Measured): Table {
  const own = typical(measured.get(popgate) ?? []);
  return {
    caption,
    head: ["", "messages/s", "MB/s", "popgate is", "CPU s", "peak MB", "runs"],
    rows: [...measured].map(([{ name }, drains]) => {
      const drain = typical(drains);
      const ratio =
        name === popgate.name ? "" : `${round(drain.seconds / drain.messages / (own.seconds / own.messages))} ×`;
      return [
        name,
        round(rate(drain)),
        round(octetRate(drain) / 1e6),
        ratio,
        round(drain.cpuSeconds),
        megabytes(drain.peakOctets),
        String(drains.length),
      ];
    }),
  };
}

function aimsOf(what: string, measured: Measured, speed: (drain: Drain) => number): Aim[] {
  const of = (collector: Collector): number => speed(typical(measured.get(collector) ?? []));
  const [best, bestPeer] = bestOf(measured, speed);
  const own = of(popgate);
  const share = own / of(bareReader);
  return [
    {
      aim: `${what}: at least 3 times the best peer that delivers to the target`,
      measured: `${round(own / best)} times ${bestPeer}`,
      isMet: own >= 3 * best,
    },
    {
      aim: `${what}: at least 80 % of a bare pipelined reader's rate, TLS`,
      measured: `${round(share * 100)} %`,
      isMet: share >= 0.8,
    },
  ];
}

/** The best of those that deliver where popgate delivers. */
export function bestOf(measured: Measured, speed: (drain: Drain) => number): [number, string] {
  let best: [number, string] = [0, "none"];
  for (const [collector, drains] of measured) {
    if (collector === popgate || !collector.hasTarget) continue;
    const value = speed(typical(drains));
    if (value > best[0]) best = [value, collector.name];
  }
  return best;
}
