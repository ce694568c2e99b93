/** What one look into an empty box costs on the wire, in packets and octets. */
import path from "node:path";
import { trafficOf, type Traffic } from "./capture.ts";
import { bareReader, peers, popgate, popgateCommand, popgateConfig, type Collector, type Job } from "./collectors.ts";
import { startDaemon } from "./daemon.ts";
import { userOf } from "./drain.ts";
import type { Aim, Section } from "./figures.ts";
import { runMeasured } from "./measured-run.ts";
import type { Place } from "./place.ts";

const timeoutMs = 120_000;
/** What becomes of a message makes no difference where there is none. */
const sameAsAnother = new Set(["getmail6, msmtp", "mpop, maildir"]);

interface Line {
  readonly name: string;
  readonly traffic: Traffic;
}

export async function poll(place: Place): Promise<Section> {
  const plain = await polls(place, false);
  const tls = await polls(place, true);
  const [own, ownTls] = [plain[0]?.traffic, tls[0]?.traffic];
  if (own === undefined || ownTls === undefined) throw new TypeError("nothing was measured");
  const aims: Aim[] = [
    least("plain", own, plain.slice(2)),
    least("TLS", ownTls, tls.slice(2)),
    {
      aim: "plain: no more than 12 packets and 2 kB",
      measured: `${own.packets} packets, ${own.octets} octets`,
      isMet: own.packets <= 12 && own.octets <= 2000,
    },
  ];
  return {
    name: "poll",
    title: "One empty poll",
    about:
      "Packets and octets of IP in both directions, from SYN to the last ACK, captured on loopback. All programs have looked " +
      "into the same box before. The daemon offers to resume the TLS session of its last poll; programs that are started for each poll cannot.",
    tables: [tableOf("Plain", plain), tableOf("TLS", tls)],
    aims,
    figures: { plain, tls },
  };
}

async function polls(place: Place, isTls: boolean): Promise<Line[]> {
  const lines: Line[] = [
    { name: `popgate, daemon${isTls ? "" : ", USER and PASS"}`, traffic: await byDaemon(place, isTls, userAndPass) },
  ];
  const programs = [popgate, ...peers.filter(({ name }) => !sameAsAnother.has(name)), ...(isTls ? [bareReader] : [])];
  for (const program of programs) {
    const name = program.name.replace(/,.*/u, "");
    lines.push({ name, traffic: await byProgram(place, program, isTls) });
  }
  if (!isTls) lines.push({ name: "popgate, daemon, SCRAM", traffic: await byDaemon(place, isTls, "") });
  lines[1] = { name: "popgate run --once", traffic: lines[1]?.traffic ?? { packets: 0, octets: 0 } };
  return lines;
}

async function jobOf(place: Place, name: string, isTls: boolean): Promise<Job> {
  await place.fill(name);
  return {
    dir: await place.folder(`poll-${name}-${isTls ? "tls" : "plain"}`),
    user: name,
    port: portOf(place, isTls),
    caFile: isTls ? place.certificates.caFile : undefined,
    smtpPort: place.sink.smtpPort,
    lmtpPort: place.sink.lmtpPort,
  };
}

function portOf({ dovecot }: Place, isTls: boolean): number {
  return isTls ? dovecot.tlsPort : dovecot.port;
}

/** The second run: what is to be learnt of the server has been learnt. */
async function byProgram(place: Place, program: Collector, isTls: boolean): Promise<Traffic> {
  const job = await jobOf(place, userOf(program), isTls);
  const command = await program.prepare(job);
  await runMeasured(job.dir, "first", command, timeoutMs);
  return trafficOf(job.port, path.join(job.dir, "capture"), async () =>
    runMeasured(job.dir, "second", command, timeoutMs),
  );
}

/** How the peers log in. Without TLS popgate would by itself prove that it knows the password without showing it. */
const userAndPass = 'auth = "user"';

async function byDaemon(place: Place, isTls: boolean, login: string): Promise<Traffic> {
  const job = await jobOf(place, userOf(popgate), isTls);
  const config = await popgateConfig(job, login);
  await using daemon = startDaemon(config, path.join(job.dir, "daemon.log"));
  await daemon.untilAnswers(path.join(job.dir, "admin.sock"));
  const again = popgateCommand(["poll", "sammel", "--socket", path.join(job.dir, "admin.sock")]);
  // This one may join the poll at the start; the next finds what a daemon's polls always find.
  await runMeasured(job.dir, "second", again, timeoutMs);
  return await trafficOf(job.port, path.join(job.dir, "capture"), async () =>
    runMeasured(job.dir, "third", again, timeoutMs),
  );
}

function tableOf(caption: string, lines: readonly Line[]): Section["tables"][number] {
  return {
    caption,
    head: ["", "packets", "octets"],
    rows: lines.map(({ name, traffic }) => [name, String(traffic.packets), traffic.octets.toLocaleString("en")]),
  };
}

function least(what: string, own: Traffic, others: readonly Line[]): Aim {
  // The bare reader is no peer: it is there to show what is left.
  const peersOnly = others.filter(({ name }) => name !== bareReader.name && !name.startsWith(popgate.name));
  const best = peersOnly.toSorted((a, b) => a.traffic.packets - b.traffic.packets)[0];
  return {
    aim: `${what}: no more packets than any peer`,
    measured: `${own.packets}, the best peer (${best?.name ?? "none"}) ${best?.traffic.packets ?? 0}`,
    isMet: own.packets <= (best?.traffic.packets ?? 0),
  };
}
