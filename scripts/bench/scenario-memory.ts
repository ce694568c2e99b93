/** How much memory popgate needs with a message of 150 MB in flight, in either direction. */
import path from "node:path";
import { freePorts } from "../../spec/peer/support/program.ts";
import { popgate } from "./collectors.ts";
import { startDaemon } from "./daemon.ts";
import { drainOnce } from "./drain.ts";
import { megabytes, round, scaled, type Section } from "./figures.ts";
import { idField, makeMailSet } from "./mail-set.ts";
import { outboundConfig } from "./outbound-config.ts";
import type { Place } from "./place.ts";
import { memoryOf } from "./processes.ts";
import { mustBeWhole } from "./sink.ts";
import { submitLarge } from "./submit.ts";

const limitOctets = 150e6;

export async function memory(place: Place): Promise<Section> {
  const size = scaled(149_000_000);
  const set = await makeMailSet(place.dir, "large", [size]);
  const port = place.dovecot.tlsPort;
  const none = await drainOnce(place, popgate, undefined, { port, isTls: true, timeoutMs: 120_000 });
  const one = await drainOnce(place, popgate, set, { port, isTls: true, timeoutMs: 600_000 });
  const out = await outward(place, size);
  const peaks = [one.peakOctets, out.peakOctets];
  return {
    name: "memory",
    title: "Memory, one message of 150 MB",
    about:
      "The most that was ever resident, pages of the spool's file included (the kernel takes those back when it needs them).",
    tables: [
      {
        caption: "",
        head: ["", "peak MB", "seconds"],
        rows: [
          ["inbound, nothing in the box", megabytes(none.peakOctets), round(none.seconds)],
          [`inbound, one message of ${megabytes(size)} MB`, megabytes(one.peakOctets), round(one.seconds)],
          ["outbound, daemon idle", megabytes(out.idleOctets), ""],
          [`outbound, one message of ${megabytes(size)} MB`, megabytes(out.peakOctets), round(out.seconds)],
        ],
      },
    ],
    aims: [
      {
        aim: "under 150 MB resident with a message of 150 MB in flight",
        measured: `${peaks.map(megabytes).join(" MB in, ")} MB out`,
        isMet: peaks.every((peak) => peak < limitOctets),
      },
    ],
    figures: { none, one, out },
  };
}

async function outward(
  place: Place,
  size: number,
): Promise<{ readonly idleOctets: number; readonly peakOctets: number; readonly seconds: number }> {
  const dir = await place.folder("large-out");
  const [listen = 0] = await freePorts(1);
  const config = await outboundConfig({ dir, listen, smtpPort: place.sink.smtpPort, connections: 2 });
  await using daemon = startDaemon(config, path.join(dir, "daemon.log"));
  await daemon.until("listening");
  await daemon.untilAnswers(path.join(dir, "admin.sock"));
  const idleOctets = memoryOf(daemon.pid).residentOctets;
  await place.sink.reset();
  const begun = performance.now();
  await submitLarge(listen, largeMessage(size));
  const report = await place.sink.until(1, 300_000);
  mustBeWhole(report, 1, "popgate");
  const seconds = (performance.now() - begun) / 1000;
  return { idleOctets, peakOctets: memoryOf(daemon.pid).peakOctets, seconds };
}

function* largeMessage(size: number): Generator<Buffer> {
  yield Buffer.from(
    `From: anna@firma.example\r\nTo: kunde@kunden.example\r\nSubject: large\r\n${idField}: large-out\r\n` +
      "Message-ID: <large-out@firma.example>\r\nDate: Tue, 03 Nov 2026 09:15:00 +0100\r\n\r\n",
  );
  const block = Buffer.from(`${"x".repeat(76)}\r\n`.repeat(800));
  for (let left = size; left > 0; left -= block.length) yield block;
}
