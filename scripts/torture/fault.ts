/** What a fault of a torture run is, and how one is set up so that mail meets it. */
import { setTimeout as after } from "node:timers/promises";
import type { StandInAction, StandInPhase } from "../../src/demo/smtp-stand-in-knobs.ts";
import type { Kind } from "./deck.ts";
import { senders } from "./mail.ts";
import { targets, type ServerName, type TargetName } from "./peers.ts";
import type { World } from "./world.ts";

export interface Fault extends Kind {
  /** Why this machine cannot show it, if so. */
  readonly impossible?: (world: World) => string | undefined;
  /** Makes it happen, and says what has happened. What lasts is ended by `World.calm`, before the next one begins. */
  readonly strike: (world: World) => Promise<string>;
}

/** Mail that can meet a fault takes about half a second. */
const meetMs = 1_500;

export function anyTarget({ chance }: World): TargetName {
  return chance.pick([...targets]);
}

export function anyServer({ chance }: World): ServerName {
  return chance.pick(["implicit", "stls"]);
}

/** Resolves when the promise does, or after a while: then with false. */
export async function within(ms: number, met: Promise<unknown>): Promise<boolean> {
  const patience = new AbortController();
  const isMet = await Promise.race([
    met.then(() => true),
    after(ms, false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  return isMet;
}

/** Sets the rule, sends mail that can meet it, and waits a while for that. Says so when nothing has met it by then. */
export async function armed(
  world: World,
  target: TargetName,
  phase: StandInPhase,
  times: number,
  action: () => StandInAction,
): Promise<string> {
  let rest = times;
  const met = Promise.withResolvers<void>();
  /** Transactions that were seen to begin, and are no report: nobody hears of a report that is refused for good. */
  const ordinary = new Set<string>();
  const rule = ({ connection, transaction }: At): StandInAction | undefined => {
    if (rest <= 0) return undefined;
    const act = action();
    const isRefusal = act.do === "reply" && act.line.startsWith("550");
    if (isRefusal && !ordinary.has(`${connection}/${transaction}`)) return undefined;
    rest -= 1;
    met.resolve();
    return act;
  };
  const mail = (at: At): StandInAction | undefined => {
    if (at.argument !== "") ordinary.add(`${at.connection}/${at.transaction}`);
    return phase === "mail" ? rule(at) : undefined;
  };
  world.peers.target(target).set({ at: { [phase]: rule, mail } });
  if (target === "exchange") world.traffic(2, 1);
  else world.traffic(1, 2, { from: senders[target] });
  return (await within(meetMs, met.promise)) ? "" : " (met by nothing at first)";
}

/** Of a stand-in's rule. */
interface At {
  readonly connection: number;
  readonly transaction: number;
  readonly argument: string;
}
