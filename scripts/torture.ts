/**
 * `make torture`: popgate as a real process on a real disk, numbered mail in both directions, and faults at moments chosen
 * by a seed. At the end every message must have arrived for each recipient exactly once, or have been reported as failed
 * exactly once; `torture/ledger.ts` says what is in doubt by nature. Status 0 only then.
 *
 * SEED chooses mail, faults and moments (the moment of a kill still depends on the machine); FAULTS how many there are.
 * With KEEP=1 the directory of the run is left for a look. POPGATE_MAIN names another popgate to be tried: one with a fault
 * planted in it must be convicted.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Chance } from "./torture/chance.ts";
import { calm, faults } from "./torture/faults.ts";
import { compare, drain } from "./torture/settle.ts";
import { World } from "./torture/world.ts";

const seed = numberOf("SEED", 20_261_124);
const wanted = numberOf("FAULTS", 60);
/** Much longer than it takes: a run that hangs must end. */
const patienceMs = 180_000 + wanted * 10_000;

process.stdout.write(`seed ${seed}, ${wanted} faults\n`);
process.exitCode = await torture();

async function torture(): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-torture-"));
  const signal = AbortSignal.timeout(patienceMs);
  const begun = performance.now();
  try {
    await using world = new World(dir, new Chance(seed), signal);
    await world.open();
    await world.start();
    for (let number = 1; number <= wanted && !signal.aborted; number++) {
      const words = await oneFault(world);
      process.stdout.write(`${String(number).padStart(3)} ${words}\n`);
    }
    calm(world);
    const hung = await drain(world, signal).then(
      () => [],
      (error: unknown) => [`it does not drain: ${String(error)}`],
    );
    const verdict = world.ledger.verdict();
    const others = hung.length > 0 ? hung : await compare(world, world.ledger.verdict(), signal);
    const problems = [...world.ledger.verdict().problems, ...others];
    for (const problem of problems) process.stdout.write(`WRONG ${problem}\n`);
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    const { messages, lost, doubled, ambiguous } = verdict;
    process.stdout.write(
      `faults ${wanted}, messages ${messages}, lost ${lost}, doubled ${doubled} (ambiguous ${ambiguous}); ` +
        `audit ${others.length === 0 ? "agrees" : "does not agree"}; seed ${seed}, ${seconds} s\n`,
    );
    return problems.length === 0 ? 0 : 1;
  } finally {
    if (process.env["KEEP"] === "1") process.stdout.write(`kept in ${dir}\n`);
    else await rm(dir, { recursive: true, force: true });
  }
}

/** Mail on its way, a moment, and a fault. */
async function oneFault(world: World): Promise<string> {
  const { chance } = world;
  world.traffic(chance.whole(0, 4), chance.whole(0, 4));
  await world.pieces(chance.whole(1, 80));
  calm(world);
  return chance.weighted(faults)(world);
}

function numberOf(name: string, otherwise: number): number {
  const text = process.env[name] ?? "";
  if (text === "") return otherwise;
  if (!/^\d{1,9}$/u.test(text)) throw new TypeError(`${name} is not a number: ${text}`);
  return Number(text);
}
