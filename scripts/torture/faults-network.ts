/** What providers, Exchange, relays and the network between do to popgate. */
import { setTimeout as after } from "node:timers/promises";
import type { StandInFaults } from "../../src/demo/pop3-stand-in-box.ts";
import type { StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import { usual } from "./config-text.ts";
import { anyServer, anyTarget, armed, type Fault } from "./fault.ts";
import { reload } from "./faults-process.ts";
import { wireNames } from "./peers.ts";
import type { World } from "./world.ts";

export const networkFaults: readonly Fault[] = [
  { name: "drop within RETR", weight: 3, strike: droppedInRetr },
  { name: "drop before QUIT", weight: 2, strike: provider("drops at QUIT, nothing deleted", { dropAtQuit: true }) },
  { name: "drop during QUIT", weight: 2, strike: provider("deletes, and drops during QUIT", { dropAfterQuit: true }) },
  { name: "QUIT refused", weight: 1, strike: provider("refuses QUIT, nothing deleted", { refuseQuit: true }) },
  { name: "deletions taken back", weight: 1, strike: provider("takes deletions back", { rollBackDeletions: true }) },
  { name: "box in use", weight: 1, strike: provider("says IN-USE", { refuseLogin: "-ERR [IN-USE] try later" }) },
  {
    name: "RETR refused",
    weight: 1,
    strike: provider("refuses every second RETR", {
      refuseRetrieve: ({ number }) => (number % 2 === 0 ? "[SYS/TEMP] disk trouble" : undefined),
    }),
  },
  { name: "250 lost, taken", weight: 4, strike: async (world) => lostAtDot(world, true) },
  { name: "250 lost, not taken", weight: 3, strike: async (world) => lostAtDot(world, false) },
  { name: "drop within the body", weight: 2, strike: lostInBody },
  { name: "storm of 4yz", weight: 3, strike: stormTemporary },
  { name: "storm of 5yz", weight: 3, strike: stormPermanent },
  { name: "relay refuses the login", weight: 1, strike: loginRefused },
  { name: "relay is down", weight: 1, strike: relayDown },
  { name: "TLS breaks off", weight: 1, strike: brokenTls },
  { name: "network stands still", weight: 3, strike: stalled },
];

/** A fault of one provider's server, and mail that meets it. */
function provider(words: string, faults: StandInFaults): Fault["strike"] {
  return async (world) => {
    const server = anyServer(world);
    Object.assign(world.peers.server(server).faults, faults);
    world.traffic(2, 1);
    await world.pieces(world.chance.whole(10, 60));
    return `the provider (${server}) ${words}`;
  };
}

async function droppedInRetr(world: World): Promise<string> {
  const octets = world.chance.whole(400, 8000);
  return provider(`drops after ${octets} octets`, { dropAfterOctets: octets })(world);
}

async function lostAtDot(world: World, taken: boolean): Promise<string> {
  const { chance } = world;
  const target = anyTarget(world);
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
  await world.configure(usual);
  await reload(world, "reloaded");
  const line = "535 5.7.8 wrong password";
  const relay = world.chance.pick(["relay", "zweit"]);
  const met = await armed(world, relay, "auth", Infinity, () => ({ do: "reply", line }));
  return `${relay}: the login is refused${met}`;
}

async function relayDown(world: World): Promise<string> {
  const relay = world.chance.pick(["relay", "zweit"]);
  const met = await armed(world, relay, "connect", Infinity, () => ({ do: "drop" }));
  return `${relay}: takes no connection${met}`;
}

async function brokenTls(world: World): Promise<string> {
  await world.configure(usual);
  await reload(world, "reloaded");
  const target = world.chance.pick(["exchange", "relay"]);
  const how = world.chance.pick(["drop", "refusal"]);
  const met = await armed(world, target, "starttls", 1, () =>
    how === "drop" ? { do: "drop" } : { do: "reply", line: "454 4.7.0 TLS not available" },
  );
  return `${target}: ${how} at STARTTLS${met}`;
}

async function stalled(world: World): Promise<string> {
  const name = world.chance.pick([...wireNames]);
  const ms = world.chance.whole(100, 800);
  world.peers.wire(name).stall(true);
  await after(ms);
  world.peers.wire(name).stall(false);
  return `the network to ${name} stood still for ${ms} ms`;
}
