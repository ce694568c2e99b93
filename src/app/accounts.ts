/** Makes the accounts that are polled of the `[[collector]]` and `[[mailbox]]` tables. */
import { randomBytes } from "node:crypto";
import type { AccountConfig, Config } from "../config/config.ts";
import { createAccount, type Account } from "../inbound/account.ts";
import { defaultLimits as inboundLimits } from "../inbound/limits.ts";
import { createPollLoop, type PollLoop } from "../inbound/poll-loop.ts";
import { pop3Connect } from "../pop3/connect.ts";
import { defaultLimits, defaultTimeouts } from "../pop3/options.ts";
import { boxOptions } from "./box-options.ts";
import { openCredentials } from "./credentials.ts";
import type { PartSurroundings } from "./surroundings.ts";

export interface OpenAccounts extends AsyncDisposable {
  readonly all: readonly Account[];
  readonly loop: PollLoop;
}

/** All accounts that are switched on. */
export function accountsOf(config: Config, around: PartSurroundings): OpenAccounts {
  const stack = new AsyncDisposableStack();
  const all = config.accounts.filter(({ enabled }) => enabled).map((account) => openAccount(account, around, stack));
  const loop = createPollLoop(all, {
    clock: around.clock,
    events: around.events,
    maxParallel: config.pollParallel,
    health: () => around.spool.health(),
  });
  return { all, loop, [Symbol.asyncDispose]: async () => stack.disposeAsync() };
}

/** What of a message the client reads beyond an account's `max_size`, before it takes the server for mad. */
const oversizeMargin = 64 * 1024 * 1024;

/** What it opens is put on `stack`. */
function openAccount(config: AccountConfig, around: PartSurroundings, stack: AsyncDisposableStack): Account {
  const { clock, random, events, spool, sessions } = around;
  const credentials = stack.use(openCredentials(config.credentials, clock));
  const connect = pop3Connect(
    {
      ...boxOptions(config, credentials.sasl),
      limits: { ...defaultLimits, messageOctets: config.maxOctets + oversizeMargin },
      timeouts: { ...defaultTimeouts, commandMs: config.timeoutMs, dataMs: config.timeoutMs },
    },
    { clock, randomBytes, sessions },
  );
  return createAccount(
    {
      name: config.name,
      connect,
      server: { host: config.host, secure: config.tls.mode !== "off" },
      policy: config.policy,
      keep: config.keep,
      initial: config.initial,
      maxOctets: config.maxOctets,
      rules: { times: config.schedule, minIntervalMs: config.minIntervalMs },
      limits: { ...inboundLimits, sessionMessages: config.sessionMessages },
    },
    { spool, clock, random, events },
  );
}
