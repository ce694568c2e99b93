/**
 * The faults of a torture run, each with its weight. A fault that lasts is ended by `calm`, before the next one begins.
 * What it says of itself is printed with the run.
 */
import { setTimeout as after } from "node:timers/promises";
import type { StandInAction, StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import type { Target, World } from "./world.ts";

type Fault = (world: World) => Promise<string>;

const reloadMs = 30_000;
/** A poll comes every second. */
const meetMs = 1_500;

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
  const met = await armed(world, target, "dot", 1, () => {
    if (taken) world.loseReply(target);
    return { do: how, taken };
  });
  return `${target}: ${how} after the final dot, ${taken ? "taken" : "not taken"}${met}`;
}

async function lostInBody(world: World): Promise<string> {
  const target = anyTarget(world);
  const met = await armed(world, target, "body", 1, () => ({ do: "drop" }));
  return `${target}: drop within the body${met}`;
}

async function stormTemporary(world: World): Promise<string> {
  const phase = world.chance.pick(["connect", "mail", "rcpt", "data", "dot"]);
  return storm(world, phase, phase === "connect" ? "421 4.3.2 not now" : "451 4.3.0 try again later");
}

async function stormPermanent(world: World): Promise<string> {
  return storm(world, world.chance.pick(["rcpt", "dot"]), "550 5.7.1 not wanted here");
}

async function storm(world: World, phase: StandInPhase, line: string): Promise<string> {
  const target = anyTarget(world);
  const times = world.chance.whole(1, 12);
  const met = await armed(world, target, phase, times, () => ({ do: "reply", line }));
  return `${target}: ${line.slice(0, 3)} at ${phase}, at most ${times} times${met}`;
}

/** A login is needed for it, and after a reload there is one. The account is left in peace until popgate begins anew. */
async function loginRefused(world: World): Promise<string> {
  await reloaded(world);
  const line = "535 5.7.8 wrong password";
  const met = await armed(world, "relay", "auth", Infinity, () => ({ do: "reply", line }));
  return `relay: the login is refused${met}`;
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

/** Sets the rule, sends mail that can meet it, and waits a while for that. Says so when nothing has met it by then. */
async function armed(
  world: World,
  target: Target,
  phase: StandInPhase,
  times: number,
  action: () => StandInAction,
): Promise<string> {
  let rest = times;
  let isMet = false;
  const met = Promise.withResolvers<void>();
  const rule = (): StandInAction | undefined => {
    if (rest <= 0) return undefined;
    rest -= 1;
    isMet = true;
    met.resolve();
    return action();
  };
  world.target(target).set({ at: { [phase]: rule } });
  world.traffic(1, 1);
  const patience = new AbortController();
  await Promise.race([met.promise, after(meetMs, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  return isMet ? "" : " (met by nothing at first)";
}
