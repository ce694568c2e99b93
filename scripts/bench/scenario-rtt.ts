/** Inbound over a line with 40 ms round trip. */
import { bareReader, getmailLmtp, peers, popgate, slowPeers } from "./collectors.ts";
import { octetRate, rate } from "./drain.ts";
import { megabytes, round, scaled, type Section } from "./figures.ts";
import { openLink } from "./link.ts";
import { makeMailSet, mixPeriod, octetsOf, sizesOfMix } from "./mail-set.ts";
import type { Place } from "./place.ts";
import { byName, compare, speedOf, tableOf, takeTurns, type Turns } from "./turns.ts";

const roundTripMs = 40;
export async function rtt(place: Place, rounds: number): Promise<Section> {
  const small = await makeMailSet(
    place.dir,
    "far",
    Array.from({ length: scaled(2000) }, () => 8192),
  );
  const mix = await makeMailSet(place.dir, "far-mix", sizesOfMix(scaled(2 * mixPeriod)));
  await using link = await openLink(place.dovecot.tlsPort, roundTripMs);
  const [fewSmall, fewMix] = [scaled(100), scaled(mixPeriod)];
  const all = [popgate, bareReader, ...peers];
  // They wait a round trip for each command, or a program for each message.
  const slow = new Set([...slowPeers, getmailLmtp]);
  const turns: Turns = { port: link.port, rounds, slow, fewer: fewSmall };
  const bySmall = await takeTurns(place, all, small, turns);
  const byMix = await takeTurns(place, all, mix, { ...turns, rounds: 1, fewer: fewMix });
  const { times, words } = compare(bySmall, rate);
  const share = speedOf(bySmall, popgate, rate) / speedOf(bySmall, bareReader, rate);
  const mixShare = speedOf(byMix, popgate, octetRate) / speedOf(byMix, bareReader, octetRate);
  return {
    name: "rtt",
    title: `Inbound, ${roundTripMs} ms round trip`,
    about:
      `As on loopback, with a proxy between the program and Dovecot that holds everything back by ${roundTripMs / 2} ms each way. ` +
      `Programs that would need minutes for all had the first ${fewSmall} of the messages of 8 kB, and the first ${fewMix} of the mix, in which each size has the same share; their start weighs more with so few, if at all.`,
    tables: [
      tableOf("Messages of 8 kB", bySmall),
      tableOf(`Messages of 3 kB to 10 MB, ${megabytes(octetsOf(mix) / mix.sizes.length)} MB on average`, byMix),
    ],
    aims: [
      { aim: "at least 10 times the best peer that hands over by SMTP", measured: words, isMet: times >= 10 },
      {
        aim: "at least 80 % of a bare pipelined reader's rate, TLS",
        measured: `${round(share * 100)} % (of the mix, ${round(mixShare * 100)} %)`,
        isMet: share >= 0.8,
      },
    ],
    figures: { small: byName(bySmall), mix: byName(byMix) },
  };
}
