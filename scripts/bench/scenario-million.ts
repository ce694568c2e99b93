/** popgate's start, and its memory, with a million messages in the queue. */
import { rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { popgateConfig } from "./collectors.ts";
import { startDaemon } from "./daemon.ts";
import { megabytes, round, scaled, type Section } from "./figures.ts";
import { runMeasured } from "./measured-run.ts";
import type { Place } from "./place.ts";
import { memoryOf, type Memory } from "./processes.ts";

const startLimitSeconds = 5;
const memoryLimitOctets = 200e6;
const deliverForMs = 15_000;

export async function million(place: Place): Promise<Section> {
  const count = scaled(1_000_000);
  const dir = await place.folder("million");
  const script = fileURLToPath(new URL("./fill-spool.ts", import.meta.url));
  const spool = path.join(dir, "spool");
  const filling = await runMeasured(
    dir,
    "fill",
    { command: process.execPath, args: [script, spool, String(count)] },
    600_000,
  );
  process.stderr.write(`  filled with ${count} messages in ${filling.seconds.toFixed(0)} s\n`);
  const { started, idle, busy, delivered } = await start(place, dir);
  await rm(spool, { recursive: true });
  return {
    name: "million",
    title: `${count.toLocaleString("en")} messages in the queue`,
    about:
      `Started as a daemon, all of it due. Ready: its admin socket answers and delivery goes on. Memory is read at that moment and after ${deliverForMs / 1000} s of delivering (${delivered.toLocaleString("en")} messages). ` +
      "What is resident holds pages of the spool's file, which the kernel takes back when it needs them; its own is what the program itself has taken.",
    tables: [
      {
        caption: "",
        head: ["", "seconds", "resident MB", "of it its own MB"],
        rows: [
          ["ready", round(started), megabytes(idle.residentOctets), megabytes(idle.ownOctets)],
          ["delivering", "", megabytes(busy.residentOctets), megabytes(busy.ownOctets)],
        ],
      },
    ],
    aims: [
      { aim: "start in under 5 s", measured: `${round(started)} s`, isMet: started < startLimitSeconds },
      {
        aim: "under 200 MB resident",
        measured: `${megabytes(busy.residentOctets)} MB, of it ${megabytes(busy.ownOctets)} MB its own`,
        isMet: busy.residentOctets < memoryLimitOctets,
      },
    ],
    figures: { count, started, idle, busy, delivered },
  };
}

interface Started {
  readonly started: number;
  readonly idle: Memory;
  readonly busy: Memory;
  readonly delivered: number;
}

async function start(place: Place, dir: string): Promise<Started> {
  await place.fill("popgate");
  await place.sink.reset();
  const config = await popgateConfig({
    dir,
    user: "popgate",
    port: place.dovecot.tlsPort,
    caFile: place.certificates.caFile,
    smtpPort: place.sink.smtpPort,
    lmtpPort: place.sink.lmtpPort,
  });
  await using daemon = startDaemon(config, path.join(dir, "daemon.log"));
  await daemon.untilAnswers(path.join(dir, "admin.sock"));
  await place.sink.until(1);
  const started = (performance.now() - daemon.begun) / 1000;
  const idle = memoryOf(daemon.pid);
  await delay(deliverForMs);
  const { messages, doubled } = await place.sink.report();
  if (doubled > 0) throw new Error(`${doubled} messages came more than once`);
  return { started, idle, busy: memoryOf(daemon.pid), delivered: messages };
}
