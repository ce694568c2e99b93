/**
 * `popgate login ACCOUNT` and `popgate login relay NAME`: gets the refresh token of an OAuth account. Shows a page and a
 * code, waits until somebody has typed it and said yes (RFC 8628), and puts the token into the account's file.
 *
 * Exit status: 0 stored, 1 refused or too late, 2 bad configuration or wrong use, 3 no such account, 4 the account is not
 * one that this can be done for. The token is shown nowhere.
 */
import { deviceLogin, type DevicePrompt, type LoginOutcome } from "../app/device-login.ts";
import type { AccountConfig, Config, RelayConfig } from "../config/config.ts";
import type { Clock } from "../core/ports.ts";
import { systemClock } from "../runtime/clock.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import type { Surroundings } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { goodConfig } from "./good-config.ts";
import { Screen, styled } from "./screen.ts";
import { spanText } from "./time-words.ts";

export interface LoginArguments {
  readonly config: string;
  /** An account's name, or `relay` and a relay's. */
  readonly what: readonly string[];
}

/** Resolves with the exit status. `clock`: what specs put in the place of time. */
export async function runLogin(
  args: LoginArguments,
  around: Surroundings,
  clock: Clock = systemClock,
): Promise<number> {
  const screen = new Screen(around.stdout, around.env);
  const aside = new Screen(around.stderr, around.env);
  await using shutdown = listenForShutdown();
  const signal = AbortSignal.any([shutdown.signal, around.signal]);
  try {
    const config = await goodConfig(args.config, around.env, aside);
    const target = targetOf(args.what, config);
    const show = (prompt: DevicePrompt): void => ask(prompt, target, clock, screen);
    const use = target.isRelay ? "smtp" : "pop3";
    const outcome = await deviceLogin(target.keys.credentials, use, { clock, show }, signal);
    return tell(outcome, target, screen, aside);
  } catch (error) {
    if (signal.aborted) {
      aside.print("popgate: given up; nothing was changed");
      return exitStatus.failed;
    }
    if (!(error instanceof CommandError)) throw error;
    aside.print("popgate: ", error.message);
    return error.status;
  }
}

interface Target {
  readonly isRelay: boolean;
  readonly keys: AccountConfig | RelayConfig;
}

/** An account that is called `relay` is meant by `login relay`. */
function targetOf(what: readonly string[], { accounts, relays }: Config): Target {
  const [first = "", second, ...more] = what;
  if (more.length === 0) {
    const account = second === undefined ? accounts.find(({ name }) => name === first) : undefined;
    if (account !== undefined) return { isRelay: false, keys: account };
    const relay = first === "relay" ? relays.find(({ name }) => name === second) : undefined;
    if (relay !== undefined) return { isRelay: true, keys: relay };
  }
  const known = [
    ...accounts.filter(({ credentials }) => credentials.kind === "oauth").map(({ name }): string => name),
    ...relays.filter(({ credentials }) => credentials?.kind === "oauth").map(({ name }) => `relay ${name}`),
  ];
  const there = known.length === 0 ? "no account has an oauth table" : `with OAuth there is: ${known.join(", ")}`;
  throw new CommandError(exitStatus.notFound, `there is no ${what.join(" ")}; ${there}`);
}

function ask(
  { uri, code, completeUri, expiresAt }: DevicePrompt,
  { keys }: Target,
  clock: Clock,
  screen: Screen,
): void {
  screen.print("Open this page, on any machine, logged in as ", styled("bold", keys.credentials?.user ?? ""), ":");
  screen.print("  ", styled("bold", uri));
  screen.print("and type this code:");
  screen.print("  ", styled("bold", code));
  if (completeUri !== undefined && completeUri !== uri) screen.print("or, with the code in it: ", completeUri);
  screen.print(`Waiting; the code is good for ${spanText(expiresAt - clock.now())}. Ctrl-C gives up.`);
}

function tell(outcome: LoginOutcome, { isRelay, keys }: Target, screen: Screen, aside: Screen): number {
  const name = isRelay ? `relay ${keys.name}` : keys.name;
  if (outcome.kind === "stored") {
    screen.print(styled("good", `${name} is logged in`), `: the refresh token is ${outcome.origin}.`);
    screen.print(`Whether its server takes it: popgate doctor ${name}`);
    return exitStatus.ok;
  }
  aside.print("popgate: ", styled("bad", `${name}: ${outcome.what}`));
  for (const step of outcome.remedy) if (step !== "") aside.paragraph(2, step);
  return outcome.kind === "failed" ? exitStatus.failed : exitStatus.refused;
}
