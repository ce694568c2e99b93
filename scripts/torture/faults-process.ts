/** popgate itself is killed, stopped, started, and told of other configurations. */
import { writeFile } from "node:fs/promises";
import { setTimeout as after } from "node:timers/promises";
import { anyAnswer } from "../../src/cli/admin-client.ts";
import type { Chance } from "./chance.ts";
import { connections, usual, type Settings } from "./config-text.ts";
import { within, type Fault } from "./fault.ts";
import { wireNames } from "./peers.ts";
import type { World } from "./world.ts";

const answerMs = 120_000;
/** For a moment to come at which to kill. */
const momentMs = 20_000;

export const processFaults: readonly Fault[] = [
  { name: "kill", weight: 6, strike: killed },
  { name: "kill right after a 250", weight: 2, strike: killedAfterAcknowledgement },
  { name: "kill right after QUIT", weight: 2, strike: killedAfterQuit },
  { name: "kill while the network stands still", weight: 2, strike: killedWhileStalled },
  { name: "kill while it starts", weight: 1, strike: killedWhileStarting },
  { name: "stop", weight: 2, strike: stopped },
  { name: "reload, nothing changed", weight: 1, strike: reloadedAsItWas },
  { name: "reload, changed", weight: 3, strike: reloadedChanged },
  { name: "reload, bad", weight: 2, strike: reloadedBad },
];

async function killed(world: World): Promise<string> {
  await world.kill();
  await world.start();
  return "killed, started again";
}

/** The moment at which what was promised must be durable. */
async function killedAfterAcknowledgement(world: World): Promise<string> {
  const acknowledged = world.acknowledged();
  world.traffic(0, 3);
  const isMet = await within(momentMs, acknowledged);
  await after(world.chance.whole(0, 20));
  await world.kill();
  await world.start();
  return `killed right after a 250${isMet ? "" : " (none came)"}, started again`;
}

/** When the provider has deleted it, only we have it. */
async function killedAfterQuit(world: World): Promise<string> {
  world.traffic(3, 0);
  const end = performance.now() + momentMs;
  while (!world.peers.areBoxesEmpty && performance.now() < end) await after(2);
  const isMet = world.peers.areBoxesEmpty;
  await world.kill();
  await world.start();
  return `killed right after QUIT${isMet ? "" : " (none came)"}, started again`;
}

/** What is on its way stays there for good. */
async function killedWhileStalled(world: World): Promise<string> {
  const name = world.chance.pick([...wireNames]);
  world.peers.wire(name).stall(true);
  await world.pieces(world.chance.whole(1, 10));
  await world.kill();
  world.peers.wire(name).stall(false);
  await world.start();
  return `killed while the network to ${name} stood still`;
}

/** At a moment of its start that it logs, or just after it. */
async function killedWhileStarting(world: World): Promise<string> {
  await world.kill();
  const moment = world.chance.pick(["spool-opened", "started", "admin-listening", "poll-started", "listening"]);
  const daemon = world.launch();
  await daemon.said(moment, 1, AbortSignal.timeout(answerMs));
  await world.kill();
  await world.start();
  return `killed, and killed again at "${moment}"`;
}

async function stopped(world: World): Promise<string> {
  await world.stop();
  await world.start();
  return "stopped, started again";
}

async function reloadedAsItWas(world: World): Promise<string> {
  return `reloaded as it was, ${await reload(world, "reloaded")}`;
}

/** Other limits, other relays: what is on its way must come through all the same. */
async function reloadedChanged(world: World): Promise<string> {
  const { chance } = world;
  const settings: Settings = {
    ...usual,
    relays: chance.pick([usual.relays, ["zweit", "relay"], ["relay"], ["zweit"]]),
    exchangeConnections: chance.whole(1, connections.exchange),
    relayConnections: chance.whole(1, connections.relay),
    keep: chance.pick(["never", "until-delivered"]),
    sessionMessages: chance.pick([1, 3, 200]),
    pipelining: chance.pick([true, false]),
    pollsLager: chance.next() < 0.8,
    recipientsAtOnce: chance.pick([1, 2, 100]),
    auth: chance.pick(["auto", "plain", "login", "cram-md5"]),
  };
  await world.configure(settings);
  const how = await reload(world, "reloaded");
  return `reloaded, changed: relays ${settings.relays.join(", ")}, keep ${settings.keep}, ${how}`;
}

/** The old one stays in force; the good file comes back before anything else happens. */
async function reloadedBad(world: World): Promise<string> {
  const [what, text] = badText(world.textOf(usual), world.chance);
  await writeFile(world.config, text);
  const how = await reload(world, "reload-refused");
  await world.configure(usual);
  return `reloaded, bad: ${what}, ${how}`;
}

function badText(good: string, chance: Chance): readonly [what: string, text: string] {
  const strings = [...good.matchAll(/= "./gu)];
  const within = (strings[chance.whole(0, strings.length - 1)]?.index ?? 0) + 4;
  return chance.pick<readonly [string, string]>([
    ["cut off", good.slice(0, within)],
    ["a key that there is not", `${good}\nlevle = "info"\n`],
    ["no CA file", good.replace(/ca = "[^"]*"/u, 'ca = "/nonexistent/ca.pem"')],
    ["empty", ""],
    ["no TOML", `${good}\n= = =\n`],
  ]);
}

/** By signal or by the admin interface. Says which; a reload that goes unanswered is popgate's fault. */
export async function reload(world: World, event: "reloaded" | "reload-refused"): Promise<string> {
  const { daemon, client, ledger, chance } = world;
  const times = daemon.count(event) + 1;
  const bySignal = chance.next() < 0.5;
  if (bySignal) daemon.signal("SIGHUP");
  // A refusal is an answer as well; what the log says of it is what counts.
  else await client.post(anyAnswer, "/v1/reload", {}).catch(() => undefined);
  if (!(await daemon.said(event, times, AbortSignal.timeout(answerMs)))) ledger.problem(`${event} was not said`);
  return bySignal ? "by SIGHUP" : "by the admin interface";
}
