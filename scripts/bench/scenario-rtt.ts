/** Inbound over a line with 40 ms round trip. */
import { bareReader, peers, popgate, type Collector } from "./collectors.ts";
import { drainOnce, octetRate, rate, typical, type Drain } from "./drain.ts";
import { megabytes, round, scaled, type Section } from "./figures.ts";
import { openLink } from "./link.ts";
import { makeMailSet, sizesOfMix, type MailSet } from "./mail-set.ts";
import type { Place } from "./place.ts";
import { bestOf, tableOf } from "./scenario-loopback.ts";

const roundTripMs = 40;
const timeoutMs = 600_000;
/** Those who wait a round trip for each command would need minutes for all: a tenth shows their rate as well. */
const share = 10;
const slow = new Set(["fetchmail", "getmail6", "mpop, msmtp"]);

export async function rtt(place: Place, rounds: number): Promise<Section> {
  const small = await makeMailSet(
    place.dir,
    "far",
    Array.from({ length: scaled(2000) }, () => 8192),
  );
  const mix = await makeMailSet(place.dir, "far-mix", sizesOfMix(scaled(200)));
  await using link = await openLink(place.dovecot.tlsPort, roundTripMs);
  const bySmall = await measure(place, link.port, small, rounds);
  const byMix = await measure(place, link.port, mix, 1);
  const own = rate(typical(bySmall.get(popgate) ?? []));
  const bare = rate(typical(bySmall.get(bareReader) ?? []));
  const [best, bestPeer] = bestOf(bySmall, rate);
  const mixOwn = octetRate(typical(byMix.get(popgate) ?? []));
  const mixBare = octetRate(typical(byMix.get(bareReader) ?? []));
  return {
    name: "rtt",
    title: `Inbound, ${roundTripMs} ms round trip`,
    about:
      `As on loopback, with a proxy between the program and Dovecot that holds everything back by ${roundTripMs / 2} ms each way. ` +
      `Programs that wait for each reply had a box of ${Math.round(small.count / share)} messages (of the mix, all), so that the start weighs more with them than with the others, if at all.`,
    tables: [
      tableOf(`${small.count} messages of 8 kB`, bySmall),
      tableOf(`${mix.count} messages of 3 kB to 10 MB, ${megabytes(mix.octets)} MB`, byMix),
    ],
    aims: [
      {
        aim: "at least 10 times the best peer that delivers to the target",
        measured: `${round(own / best)} times ${bestPeer}`,
        isMet: own >= 10 * best,
      },
      {
        aim: "at least 80 % of a bare pipelined reader's rate, TLS",
        measured: `${round((own / bare) * 100)} % (of the mix, ${round((mixOwn / mixBare) * 100)} %)`,
        isMet: own >= 0.8 * bare,
      },
    ],
    figures: {
      small: Object.fromEntries([...bySmall].map(([{ name }, drains]) => [name, drains])),
      mix: Object.fromEntries([...byMix].map(([{ name }, drains]) => [name, drains])),
    },
  };
}

async function measure(
  place: Place,
  port: number,
  set: MailSet,
  rounds: number,
): Promise<ReadonlyMap<Collector, readonly Drain[]>> {
  const drains = new Map<Collector, Drain[]>([popgate, bareReader, ...peers].map((collector) => [collector, []]));
  const isMix = set.octets / set.count > 10_000;
  for (let turn = 0; turn < rounds; turn++) {
    for (const [collector, done] of drains) {
      const isSlow = slow.has(collector.name);
      if (isSlow && turn > 0) continue;
      const count = isSlow && !isMix ? Math.max(1, Math.round(set.count / share)) : set.count;
      done.push(await drainOnce(place, collector, set, { port, isTls: true, timeoutMs, count }));
    }
  }
  return drains;
}
