/**
 * Fills a spool with queued inbound mail, in a process of its own, through popgate's own intake; only the flush is left
 * out, since nothing of it has to survive a power failure.
 *
 * Arguments: directory, number of messages.
 */
import { mustAddress } from "../../src/core/address.ts";
import { parseAccountName } from "../../src/core/ids.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { Health } from "../../src/spool/health.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { queuedRecipient, type MessageDraft } from "../../src/spool/record.ts";
import { defaultSpoolOptions, openOn } from "../../src/spool/spool.ts";
import { message, recipient } from "./mail-set.ts";

const [dir = "", wanted = ""] = process.argv.slice(2);
const count = Number(wanted);
const account = parseAccountName("sammel");
if (account === undefined) throw new TypeError("not a name");
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30 };
const ports = { clock: systemClock, random: systemRandom, events: { emit: () => undefined } };
const store = openLmdbStore({ dir, unsafeNoSync: true });
await using spool = await openOn(store, new Health(dir, options, ports), options, ports);
const atOnce = 2000;

for (let begin = 0; begin < count; begin += atOnce) {
  const numbers = Array.from({ length: Math.min(atOnce, count - begin) }, (_, index) => begin + index);
  await Promise.all(numbers.map(add));
}

async function add(number: number): Promise<void> {
  const ingest = spool.begin();
  await ingest.write(message(`million-${number}`, 1024));
  await ingest.commit(draftOf(number), undefined);
}

function draftOf(number: number): MessageDraft {
  const now = systemClock.now();
  return {
    direction: "inbound",
    origin: { kind: "pop3", account: account ?? raise(), uidl: `u${number}` },
    reversePath: { kind: "address", address: mustAddress("kunde@kunden.example") },
    recipients: [queuedRecipient(mustAddress(recipient), now)],
    hold: undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: {
      messageId: `<million-${number}@kunden.example>`,
      from: "Kunde <kunde@kunden.example>",
      subject: `Angebot ${number}`,
      date: "Tue, 03 Nov 2026 09:15:00 +0100",
    },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: "0".repeat(64),
  };
}

function raise(): never {
  throw new TypeError("no account");
}
