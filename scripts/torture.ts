/**
 * `make torture`: popgate as a real process with a real spool, numbered mail in both directions, and faults at moments
 * chosen by a seed. At the end every message must have arrived for each recipient exactly once, or have been reported as
 * failed exactly once; `torture/ledger.ts` says what is in doubt by nature. Status 0 only then. docs/torture.md tells more.
 *
 * SEED chooses mail, faults and moments (the moment of a kill still depends on the machine); FAULTS how many there are:
 * each kind once, as far as they reach, then by weight. With EVERY=1 it is a failure if a kind was not drawn, since this
 * machine cannot show it or there were too few. KINDS draws only those named, parted by semicolons. With KEEP=1 the directory of the run is left for a look. POPGATE_MAIN names
 * another popgate to be tried: one with a fault planted in it must be convicted.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Chance } from "./torture/chance.ts";
import { Deck } from "./torture/deck.ts";
import type { Fault } from "./torture/fault.ts";
import { faults } from "./torture/faults.ts";
import { compare, drain } from "./torture/settle.ts";
import { World } from "./torture/world.ts";

const seed = numberOf("SEED", 20_261_124);
const wanted = numberOf("FAULTS", 60);
/** Much longer than it takes: a run that hangs must end. */
const patienceMs = 180_000 + wanted * 10_000;

process.exitCode = await torture();

async function torture(): Promise<number> {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-torture-"));
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupted.abort(new Error(name)));
  const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(patienceMs)]);
  const begun = performance.now();
  say(`seed ${seed}, ${wanted} faults`);
  try {
    await using world = new World(dir, new Chance(seed), signal);
    await world.open();
    await world.start();
    const deck = deckOf(world);
    for (let number = 1; number <= wanted; number++) {
      signal.throwIfAborted();
      say(`${String(number).padStart(3)} ${await oneFault(world, deck.draw())}`);
    }
    world.calm();
    const hung = await drain(world, signal).then(
      () => [],
      (error: unknown) => [`it does not drain: ${String(error)}`],
    );
    const verdict = world.ledger.verdict();
    const others = hung.length > 0 ? hung : await compare(world, verdict, signal);
    const problems = [...world.ledger.verdict().problems, ...others, ...missing(deck)];
    for (const problem of problems) say(`WRONG ${problem}`);
    say(
      `drawn: ${deck
        .counts()
        .map(([name, drawn]) => `${name} ${drawn}`)
        .join(", ")}`,
    );
    const seconds = ((performance.now() - begun) / 1000).toFixed(0);
    const { messages, lost, doubled, ambiguous } = verdict;
    say(
      `faults ${wanted}, messages ${messages}, lost ${lost}, doubled ${doubled} (ambiguous ${ambiguous}); ` +
        `audit ${others.length === 0 ? "agrees" : "does not agree"}; seed ${seed}, ${seconds} s`,
    );
    if (process.env["KEEP"] === "1") await cp(world.disk.dir, path.join(dir, "kept"), { recursive: true });
    return problems.length === 0 ? 0 : 1;
  } finally {
    if (process.env["KEEP"] === "1") say(`kept in ${dir}`);
    else await rm(dir, { recursive: true, force: true });
  }
}

/** Of what this machine can show; says what it cannot. */
function deckOf(world: World): Deck<Fault> {
  const names = (process.env["KINDS"] ?? "").split(";").filter((name) => name !== "");
  const unknown = names.find((name) => !faults.some((fault) => fault.name === name));
  if (unknown !== undefined) throw new TypeError(`there is no kind of fault called ${unknown}`);
  const chosen = faults.filter(({ name }) => names.length === 0 || names.includes(name));
  const possible = chosen.filter(({ name, impossible }) => {
    const why = impossible?.(world);
    if (why !== undefined) say(`NOT DRAWN: ${name}: ${why}`);
    return why === undefined;
  });
  return new Deck(possible, world.chance);
}

/** Kinds that should have been drawn and were not. */
function missing(deck: Deck<Fault>): string[] {
  if (process.env["EVERY"] !== "1") return [];
  const counts = new Map(deck.counts());
  return faults.filter(({ name }) => (counts.get(name) ?? 0) === 0).map(({ name }) => `not drawn: ${name}`);
}

/** Mail on its way, a moment, and a fault. */
async function oneFault(world: World, { strike }: Fault): Promise<string> {
  const { chance } = world;
  world.traffic(chance.whole(0, 4), chance.whole(0, 4));
  await world.pieces(chance.whole(1, 80));
  world.calm();
  return strike(world);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function numberOf(name: string, otherwise: number): number {
  const text = process.env[name] ?? "";
  if (text === "") return otherwise;
  if (!/^\d{1,9}$/u.test(text)) throw new TypeError(`${name} is not a number: ${text}`);
  return Number(text);
}
