/**
 * Has a running daemon leave an account alone for as long as a command needs its box. Resuming does not end with the
 * command's signal: it comes on failure and Ctrl-C as well. An account that was paused before stays so, and without a
 * daemon there is nothing to do.
 */
import * as schema from "../admin/schemas.ts";
import { textOf } from "../config/failure.ts";
import type { Clock } from "../core/ports.ts";
import { AdminClient, anyAnswer, isNotRunning } from "./admin-client.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import type { Screen } from "./screen.ts";

export interface PauseSurroundings {
  readonly socket: string;
  readonly user: string;
  readonly clock: Clock;
  readonly aside: Screen;
}

/** A poll that is under way is waited for so long. */
const longestPollMs = 5 * 60_000;
const lookAgainMs = 1000;

/** Resolves when no poll of it is under way. Throws a `CommandError` when the daemon cannot be asked. */
export async function pauseAccount(
  name: string,
  { socket, user, clock, aside }: PauseSurroundings,
  signal: AbortSignal,
): Promise<AsyncDisposable> {
  const client = new AdminClient({ socket, user, signal: new AbortController().signal });
  const account = await accountOf(name, client);
  if (account === undefined || account.paused || !account.enabled) return nothingToResume;
  const path = (verb: string): string => `/v1/accounts/${encodeURIComponent(name)}/${verb}`;
  await client.post(anyAnswer, path("pause"), {});
  const resume = async (): Promise<void> => {
    try {
      await client.post(anyAnswer, path("resume"), {});
    } catch (error) {
      aside.clearProgress();
      aside.print(`popgate: ${name} is still paused (${textOf(error)}). Run: popgate resume ${name}`);
    }
  };
  await using stack = new AsyncDisposableStack();
  stack.defer(resume);
  const until = clock.now() + longestPollMs;
  while ((await accountOf(name, client))?.polling === true) {
    if (clock.now() >= until)
      throw new CommandError(exitStatus.refused, `${name} is being polled, and that takes long`);
    aside.progress(`waiting for the poll of ${name} that is under way`);
    await clock.sleep(lookAgainMs, signal);
  }
  return stack.move();
}

const nothingToResume: AsyncDisposable = { [Symbol.asyncDispose]: async () => undefined };

async function accountOf(name: string, client: AdminClient): Promise<schema.Status["accounts"][number] | undefined> {
  try {
    const { accounts } = await client.get(schema.status, "/v1/status");
    return accounts.find((account) => account.name === name);
  } catch (error) {
    if (isNotRunning(error)) return undefined;
    throw error;
  }
}
