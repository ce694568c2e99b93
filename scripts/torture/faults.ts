/**
 * The faults of a torture run, each with its weight. A fault that lasts is ended by `calm`, before the next one begins.
 * What it says of itself is printed with the run.
 */
import { setTimeout as after } from "node:timers/promises";
import type { StandInAction, StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import type { Target, World } from "./world.ts";

type Fault = (world: World) => Promise<string>;

const reloadMs = 30_000;

export const faults: readonly (readonly [weight: number, fault: Fault])[] = [
  [5, killed],
  [2, killedWhileStalled],
  [2, stopped],
  [2, reloaded],
  [3, droppedInRetr],
  [
    2,
    async ({ box }) => (Object.assign(box.faults, { dropAtQuit: true }), "the provider drops at QUIT, nothing deleted"),
  ],
  [
    2,
    async ({ box }) => (
      Object.assign(box.faults, { dropAfterQuit: true }),
      "the provider deletes, and drops during QUIT"
    ),
  ],
  [1, async ({ box }) => (Object.assign(box.faults, { rollBackDeletions: true }), "the provider takes deletions back")],
  [5, lostAtDot],
  [2, lostInBody],
  [3, stormTemporary],
  [3, stormPermanent],
  [2, loginRefused],
  [3, stalled],
];

/** Everybody behaves again. */
export function calm(world: World): void {
  const names = ["dropAfterOctets", "dropAtQuit", "dropAfterQuit", "rollBackDeletions"] as const;
  for (const name of names) world.box.faults[name] = undefined;
  for (const target of ["exchange", "relay"] as const) world.target(target).set({ at: {} });
  for (const wire of ["pop3", "listener", "exchange", "relay"] as const) world.wire(wire).stall(false);
}

async function killed(world: World): Promise<string> {
  await world.kill();
  await world.start();
  return "killed, started again";
}

/** What is on its way stays there for good. */
async function killedWhileStalled(world: World): Promise<string> {
  const name = world.chance.pick(["pop3", "listener", "exchange", "relay"]);
  world.wire(name).stall(true);
  await world.pieces(world.chance.whole(1, 10));
  await world.kill();
  world.wire(name).stall(false);
  await world.start();
  return `killed while the network to ${name} stood still`;
}

async function stopped(world: World): Promise<string> {
  await world.stop();
  await world.start();
  return "stopped, started again";
}

async function reloaded(world: World): Promise<string> {
  const { daemon } = world;
  const times = daemon.count("reloaded") + 1;
  daemon.signal("SIGHUP");
  if (!(await daemon.said("reloaded", times, AbortSignal.timeout(reloadMs))))
    world.ledger.problem("a reload was not answered");
  return "reloaded";
}

async function droppedInRetr({ box, chance }: World): Promise<string> {
  const octets = chance.whole(400, 8000);
  box.faults.dropAfterOctets = octets;
  return `the provider drops after ${octets} octets`;
}

async function lostAtDot(world: World): Promise<string> {
  const { chance } = world;
  const target = anyTarget(world);
  const taken = chance.next() < 0.5;
  const how = chance.pick(["drop", "reset"]);
  once(world, target, "dot", () => {
    if (taken) world.loseReply(target);
    return { do: how, taken };
  });
  return `${target}: ${how} after the final dot, ${taken ? "taken" : "not taken"}`;
}

async function lostInBody(world: World): Promise<string> {
  const target = anyTarget(world);
  once(world, target, "body", () => ({ do: "drop" }));
  return `${target}: drop within the body`;
}

async function stormTemporary(world: World): Promise<string> {
  const target = anyTarget(world);
  const phase = world.chance.pick(["connect", "mail", "rcpt", "data", "dot"]);
  return storm(world, target, phase, phase === "connect" ? "421 4.3.2 not now" : "451 4.3.0 try again later");
}

async function stormPermanent(world: World): Promise<string> {
  return storm(world, anyTarget(world), world.chance.pick(["rcpt", "dot"]), "550 5.7.1 not wanted here");
}

async function loginRefused(world: World): Promise<string> {
  world.target("relay").set({ at: { auth: { do: "reply", line: "535 5.7.8 wrong password" } } });
  return "relay: the login is refused";
}

async function stalled(world: World): Promise<string> {
  const name = world.chance.pick(["pop3", "listener", "exchange", "relay"]);
  const ms = world.chance.whole(100, 800);
  world.wire(name).stall(true);
  await after(ms);
  world.wire(name).stall(false);
  return `the network to ${name} stood still for ${ms} ms`;
}

function anyTarget({ chance }: World): Target {
  return chance.pick(["exchange", "relay"]);
}

function once(world: World, target: Target, phase: StandInPhase, action: () => StandInAction): void {
  let isOver = false;
  const rule = (): StandInAction | undefined => {
    if (isOver) return undefined;
    isOver = true;
    return action();
  };
  world.target(target).set({ at: { [phase]: rule } });
}

function storm(world: World, target: Target, phase: StandInPhase, line: string): string {
  let rest = world.chance.whole(1, 12);
  const words = `${target}: ${line.slice(0, 3)} at ${phase}, ${rest} times`;
  world.target(target).set({ at: { [phase]: () => (rest-- > 0 ? { do: "reply", line } : undefined) } });
  return words;
}
