/**
 * `make soak`: popgate as a real process under a steady mixed load for MINUTES (60), and whether what it takes levels off:
 * memory, open files, reader slots of the spool, its file and used pages, and the delay of the event loop. The history is
 * kept for a quarter of an hour only, so that it has its full size early in the run.
 * The rule is in `soak/level.ts`, the load in `soak/load.ts`. Every ten seconds a row goes to artefacts/soak-….csv.
 *
 * At the end the ledger of the torture run judges the mail as well: nothing lost, nothing doubled. Status 0 only when all
 * series level off and the ledger agrees. POPGATE_MAIN names another popgate to be tried; CSV another file.
 */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { hashPassword } from "../src/core/password-hash.ts";
import { judged, type Finding } from "./soak/level.ts";
import { load } from "./soak/load.ts";
import { columns, sample, type Row } from "./soak/samples.ts";
import { Chance } from "./torture/chance.ts";
import { usual } from "./torture/config-text.ts";
import { freePort } from "./torture/free-port.ts";
import { consistent, drain } from "./torture/settle.ts";
import { World } from "./torture/world.ts";

const root = path.join(import.meta.dirname, "..");
const minutes = Number(process.env["MINUTES"] ?? "60");
if (!(minutes > 0)) throw new TypeError("MINUTES is not a number of minutes");
const csv =
  process.env["CSV"] ??
  path.join(root, "artefacts", `soak-${new Date().toISOString().slice(0, 16).replace(":", "")}.csv`);
/** A quarter of an hour: after the first quarter of the run, as much is forgotten as comes in. */
const historyDays = 0.01;
const sampleMs = 10_000;
const drainMs = 10 * 60_000;

process.exitCode = await soak();

async function soak(): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-soak-"));
  const ending = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort(new Error(name)));
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(minutes * 60_000 + drainMs)]);
  say(`${minutes} minutes, rows in ${csv}`);
  try {
    const web = { port: await freePort(), user: "admin", password: "soak-password" };
    const probe = path.join(dir, "loop.jsonl");
    await using world = new World(dir, new Chance(1), signal, {
      smallDisk: false,
      fakeClock: false,
      pollsAtOnce: false,
      settings: {
        ...usual,
        every: "5s",
        historyDays,
        web: { port: web.port, user: web.user, hash: await hashPassword(web.password) },
      },
      environment: {
        POPGATE_SOAK_PROBE: probe,
        NODE_OPTIONS: `--import=${path.join(root, "scripts", "soak", "probe.ts")}`,
      },
    });
    await world.open();
    await world.start();
    const rows = await measured(world, probe, web, signal);
    world.calm();
    await drain(world, signal);
    const verdict = world.ledger.verdict();
    const problems = [...verdict.problems, ...(await consistent(world, signal))];
    for (const problem of problems) say(`WRONG ${problem}`);
    const findings = findingsOf(rows);
    for (const { name, isLevel, words } of findings) say(`${isLevel ? "level " : "GROWS "} ${name}: ${words}`);
    const { messages, lost, doubled, ambiguous } = verdict;
    say(
      `soak ${minutes} min, ${messages} messages, lost ${lost}, doubled ${doubled} (ambiguous ${ambiguous}); ` +
        `processor ${cpuShare(rows)} % of one core; ${findings.filter(({ isLevel }) => !isLevel).length} series grow`,
    );
    return problems.length === 0 && findings.every(({ isLevel }) => isLevel) ? 0 : 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The load for so many minutes, and a row for each ten seconds of them. */
async function measured(
  world: World,
  probe: string,
  web: Parameters<typeof load>[1],
  signal: AbortSignal,
): Promise<Row[]> {
  const names = Object.keys(columns);
  await mkdir(path.dirname(csv), { recursive: true });
  await writeFile(csv, `${names.join(",")}\n`);
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const loading = load(world, web, until);
  // It is awaited below; a failure meanwhile ends the measuring.
  loading.catch(() => over.abort());
  const rows: Row[] = [];
  const begun = performance.now();
  const { pid } = world.daemon;
  while (!until.aborted && performance.now() - begun < minutes * 60_000) {
    await after(sampleMs, undefined, { signal: until }).catch(() => undefined);
    if (until.aborted) break;
    const seconds = Math.round((performance.now() - begun) / 1000);
    const row = await sample({ pid, spool: world.spool, probe, client: world.client }, seconds, world.count);
    rows.push(row);
    await appendFile(csv, `${Object.values(row).join(",")}\n`);
  }
  over.abort();
  await loading;
  signal.throwIfAborted();
  return rows;
}

function findingsOf(rows: readonly Row[]): Finding[] {
  return Object.entries(columns).flatMap(([name, rule]) =>
    rule === undefined
      ? []
      : [
          judged(
            name,
            rule,
            rows.map((row) => valueOf(row, name)),
          ),
        ],
  );
}

function valueOf(row: Row, name: string): number {
  const value: unknown = Reflect.get(row, name);
  return typeof value === "number" ? value : Number.NaN;
}

/** From the second row on: the start is not the load. */
function cpuShare(rows: readonly Row[]): string {
  const first = rows[1];
  const last = rows.at(-1);
  if (first === undefined || last === undefined || last.seconds <= first.seconds) return "?";
  return ((100 * (last.cpu_seconds - first.cpu_seconds)) / (last.seconds - first.seconds)).toFixed(1);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
