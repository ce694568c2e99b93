/** Outbound: how fast mail is taken from Exchange and relayed, beside Postfix and Haraka with the like durability. */
import path from "node:path";
import { startPostfix } from "../../spec/peer/support/postfix.ts";
import { freePorts } from "../../spec/peer/support/program.ts";
import { startDaemon } from "./daemon.ts";
import { harakaVersion, startHaraka } from "./haraka.ts";
import { median, round, scaled, type Section, type Table } from "./figures.ts";
import { boxOwner, message } from "./mail-set.ts";
import { outboundConfig } from "./outbound-config.ts";
import type { Place } from "./place.ts";
import { cpuSecondsBelow } from "./processes.ts";
import { mustBeWhole } from "./sink.ts";
import { submit } from "./submit.ts";

/** To the next hop at the same time: Postfix's default. */
const connections = 20;

const harakaName = "Haraka";

interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

interface Turn {
  /** From the first connection to the last 250. */
  readonly acceptSeconds: number;
  /** From the first connection until the next hop has had all. */
  readonly relaySeconds: number;
  readonly cpuSeconds: number;
}

export async function outbound(place: Place, rounds: number): Promise<Section> {
  // Haraka takes some 16 messages a second over one session: with more of them the run would be mostly that.
  const [many, few] = [scaled(3000), scaled(300)];
  await using stack = new AsyncDisposableStack();
  const servers = [
    await startPopgate(place, stack),
    await startPeer(place, stack),
    ...(await startOther(place, stack)),
  ];
  const [parallel, single] = [10, 1];
  const byParallel = await measure(place, servers, many, parallel, rounds);
  const bySingle = await measure(place, servers, few, single, rounds);
  return {
    name: "outbound",
    title: "Outbound, beside Postfix and Haraka",
    about:
      `Messages of 8 kB over SMTP from a client that pipelines, one recipient each, and on to the target over at most ${connections} connections. ` +
      "All flush each message to disk before the 250: Postfix and Haraka a queue file each, popgate a transaction that messages arriving together share.",
    tables: [
      tableOf(`${many} messages, ${parallel} sessions`, byParallel, many),
      tableOf(`${few} messages, one session`, bySingle, few),
    ],
    aims: [byParallel, bySingle].map((turns, index) => {
      const [own = Number.NaN, other = Number.NaN] = ["popgate", "Postfix"].map((name) =>
        median((turns.get(name) ?? []).map(({ acceptSeconds }) => acceptSeconds)),
      );
      return {
        aim: `taken from Exchange no slower than by Postfix, ${index === 0 ? `${parallel} sessions` : "one session"}`,
        measured: `${round(other / own)} times its rate`,
        isMet: own <= other,
      };
    }),
    figures: { parallel: Object.fromEntries(byParallel), single: Object.fromEntries(bySingle) },
  };
}

async function startPopgate(place: Place, stack: AsyncDisposableStack): Promise<Server> {
  const dir = await place.folder("outbound");
  const [listen = 0] = await freePorts(1);
  const config = await outboundConfig({ dir, listen, smtpPort: place.sink.smtpPort, connections });
  const daemon = stack.use(startDaemon(config, path.join(dir, "daemon.log")));
  await daemon.until("listening");
  return { name: "popgate", port: listen, pid: daemon.pid };
}

async function startPeer(place: Place, stack: AsyncDisposableStack): Promise<Server> {
  const postfix = stack.use(
    await startPostfix({
      dir: await place.folder("postfix"),
      owner: boxOwner,
      hostname: "smarthost.firma.example",
      domain: "unused.example",
      box: { kind: "catch-all", maildir: path.join(place.dir, "unused") },
      extra: `
transport_maps =
default_transport = smtp
relayhost = [127.0.0.1]:${place.sink.smtpPort}
smtp_tls_security_level = none
default_destination_concurrency_limit = ${connections}
`,
    }),
  );
  return { name: "Postfix", port: postfix.port, pid: postfix.program.pid };
}

/** None where it could not be installed: the tables then say so. */
async function startOther(place: Place, stack: AsyncDisposableStack): Promise<Server[]> {
  if (harakaVersion() === undefined) return [];
  const dir = await place.folder("haraka");
  const haraka = stack.use(await startHaraka({ dir, smtpPort: place.sink.smtpPort, connections }));
  return [{ name: harakaName, port: haraka.port, pid: haraka.program.pid }];
}

async function measure(
  place: Place,
  servers: readonly Server[],
  count: number,
  sessions: number,
  rounds: number,
): Promise<ReadonlyMap<string, readonly Turn[]>> {
  const turns = new Map<string, Turn[]>(servers.map(({ name }) => [name, []]));
  for (let turn = 0; turn < rounds; turn++) {
    for (const server of servers) turns.get(server.name)?.push(await oneTurn(place, server, count, sessions, turn));
  }
  return turns;
}

async function oneTurn(place: Place, server: Server, count: number, sessions: number, turn: number): Promise<Turn> {
  const end = Buffer.from(".\r\n");
  const mails = Array.from({ length: count }, (_, number) =>
    Buffer.concat([message(`out-${sessions}-${turn}-${number}`, 8192), end]),
  );
  await place.sink.reset();
  const cpuBefore = cpuSecondsBelow(server.pid);
  const begun = performance.now();
  await submit(server.port, count, sessions, (number) => mails[number] ?? end);
  const acceptSeconds = (performance.now() - begun) / 1000;
  const report = await place.sink.until(count, 120_000);
  const relaySeconds = (performance.now() - begun) / 1000;
  mustBeWhole(report, count, server.name);
  const cpuSeconds = cpuSecondsBelow(server.pid) - cpuBefore;
  process.stderr.write(
    `  ${server.name}: ${count} messages, ${sessions} session(s): taken in ${acceptSeconds.toFixed(2)} s, relayed after ${relaySeconds.toFixed(2)} s\n`,
  );
  return { acceptSeconds, relaySeconds, cpuSeconds };
}

function tableOf(caption: string, turns: ReadonlyMap<string, readonly Turn[]>, count: number): Table {
  const missing = turns.has(harakaName) ? [] : [[`${harakaName}: not installed`, "-", "-", "-", "0"]];
  return {
    caption,
    head: ["", "taken, messages/s", "taken and relayed, messages/s", "CPU s", "runs"],
    rows: [
      ...[...turns].map(([name, list]) => [
        name,
        round(count / median(list.map(({ acceptSeconds }) => acceptSeconds))),
        round(count / median(list.map(({ relaySeconds }) => relaySeconds))),
        round(median(list.map(({ cpuSeconds }) => cpuSeconds))),
        String(list.length),
      ]),
      ...missing,
    ],
  };
}
