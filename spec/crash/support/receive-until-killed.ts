/**
 * A program for the specs of crashes: takes submitted messages of all sizes in, several at a time, and breaks some of them
 * off, until it is killed. What it answers is said on standard output, each by one write(2).
 *
 *   receive-until-killed.ts DIR SEED
 */
import { writeSync } from "node:fs";
import { createReceiver } from "../../../src/outbound/receiver.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../../src/spool/spool.ts";
import { exchange, hostname, pieces, request, to } from "../../outbound/receiving.ts";
import { digestOf, EventList, octets, seededRandom } from "../../spool/support.ts";

const [dir = "", seed = "1"] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const options = { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 };
await using spool = await openSpool(
  { ...options, chunkOctets: 65_536 },
  { clock: systemClock, random, events: new EventList() },
);
const receiver = createReceiver(
  { hostname, maxOctets: 1e9, maxHeaderOctets: 100_000 },
  {
    spool,
    clock: systemClock,
    events: { emit: () => undefined },
    pressure: () => ({ kind: "ok" }),
    maxRelayOctets: () => undefined,
  },
);
writeSync(1, "open\n");

const never = new AbortController().signal;
const bodies = [10, 3000, 65_536, 200_000, 400_000].map((size) => octets(size).map((octet) => octet || 1));
async function client(number: number): Promise<never> {
  for (let n = 0; ; n++) {
    const content = bodies[Math.floor(random.next() * bodies.length)] ?? Buffer.alloc(0);
    const head = `Message-ID: <${seed}-${number}-${n}@x>\r\nFrom: a@firma.example\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(head), content]);
    const lost = random.next() < 0.3;
    const drop = async (): Promise<void> => {
      if (lost) throw new Error("ECONNRESET");
    };
    const recipients = [to(`x${n}@kunde.example`), to("y@kunde.example")] as const;
    const received = await receiver.receive(exchange, request, recipients, pieces(body, 50_000, drop), never);
    if (received.kind === "stored") writeSync(1, `stored ${received.id} ${digestOf(body)} ${n}\n`);
    else if (!lost) throw new Error(received.answer.text);
  }
}
await Promise.all(Array.from({ length: 8 }, async (_, number) => client(number)));
