/** Inbound on loopback: how fast a box is drained into the target, against other collectors in the same run. */
import { bareReader, peers, popgate, slowPeers } from "./collectors.ts";
import { octetRate, rate, typical, type Drain } from "./drain.ts";
import { megabytes, round, scaled, type Aim, type Section } from "./figures.ts";
import { makeMailSet, mixPeriod, octetsOf, sizesOfMix } from "./mail-set.ts";
import type { Place } from "./place.ts";
import { atOnce, type AtOnce } from "./quick-ack.ts";
import { byName, compare, speedOf, tableOf, takeTurns, type Measured, type Turns } from "./turns.ts";

export async function loopback(place: Place, rounds: number): Promise<Section> {
  const [fewSmall, fewMix] = [scaled(100), scaled(mixPeriod)];
  const small = await makeMailSet(
    place.dir,
    "small",
    Array.from({ length: scaled(2000) }, () => 8192),
  );
  const mix = await makeMailSet(place.dir, "mix", sizesOfMix(scaled(5 * mixPeriod)));
  const all = [popgate, bareReader, ...peers];
  const turns: Turns = { port: place.dovecot.tlsPort, rounds, slow: new Set(slowPeers), fewer: fewSmall };
  const empty = await takeTurns(place, [popgate], undefined, turns);
  const bySmall = await takeTurns(place, all, small, turns);
  const byMix = await takeTurns(place, all, mix, { ...turns, fewer: fewMix });
  const quick = await atOnce(place, rounds, small.sizes.length);
  const startUp = typical(empty.get(popgate) ?? []);
  const smallTable = tableOf(`Messages of 8 kB`, bySmall);
  return {
    name: "loopback",
    title: "Inbound, loopback",
    about:
      "One box on Dovecot, over TLS, into one target; from the start of the program to its end, deletions included. " +
      `Programs that would need minutes for all had the first ${fewSmall} of the messages of 8 kB, and the first ${fewMix} of the mix, in which each size has the same share. ` +
      `popgate needs ${round(startUp.seconds)} s of it to start and to end (${round(startUp.cpuSeconds)} s of processor time). ` +
      "The last two rows: on a loopback of its own that acknowledges each segment at once, to all of the programs.",
    tables: [
      { ...smallTable, rows: [...smallTable.rows, ...quick.rows] },
      tableOf(`Messages of 3 kB to 10 MB, ${megabytes(octetsOf(mix) / mix.sizes.length)} MB on average`, byMix),
    ],
    aims: [...aimsOf("8 kB", bySmall, rate, quick), ...aimsOf("mix", byMix, octetRate)],
    figures: { startUp, small: byName(bySmall), mix: byName(byMix), atOnce: quick.figures },
  };
}

function aimsOf(what: string, measured: Measured, speed: (drain: Drain) => number, quick?: AtOnce): Aim[] {
  const { times, words } = compare(measured, speed);
  const share = speedOf(measured, popgate, speed) / speedOf(measured, bareReader, speed);
  return [
    {
      aim: `${what}: at least 3 times the best peer that hands over by SMTP`,
      measured: quick === undefined ? words : `${words}; ${quick.words}`,
      isMet: times >= 3,
    },
    {
      aim: `${what}: at least 80 % of a bare pipelined reader's rate, TLS`,
      measured: `${round(share * 100)} %`,
      isMet: share >= 0.8,
    },
  ];
}
