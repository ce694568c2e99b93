/** `popgate poll [ACCOUNT]`: looks into the boxes now, shows how it gets on, and says what it came to. */
import * as schema from "../admin/schemas.ts";
import type { EventMessage, PollResult } from "../admin/schemas.ts";
import { longMs } from "./admin-client.ts";
import type { Asking } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { serverEvents } from "./server-events.ts";
import { styled, type Style } from "./screen.ts";

const styles: Readonly<Record<PollResult["kind"], Style>> = {
  done: "good",
  failed: "bad",
  delayed: "warning",
  "not-polled": "warning",
};

/** Resolves with the exit status: 1 when a poll failed, 4 when the account that was named could not be polled now. */
export async function runPoll(account: string | undefined, asking: Asking): Promise<number> {
  const { client, screen, json } = asking;
  const path = account === undefined ? "/v1/poll" : `/v1/accounts/${encodeURIComponent(account)}/poll`;
  const results = await withProgress(account, asking, async () =>
    client.post(schema.pollResult.array(), path, {}, longMs),
  );
  if (json) screen.json(results);
  else if (results.length === 0) screen.print("no account is configured");
  else
    screen.table(
      [{ title: "ACCOUNT" }, { title: "RESULT" }, { title: "WHAT IT CAME TO", least: 20 }],
      results.map(({ account: name, kind, detail }) => [name, styled(styles[kind], kind), detail]),
    );
  if (results.some(({ kind }) => kind === "failed")) return exitStatus.failed;
  const isRefused = account !== undefined && results.some(({ kind }) => kind !== "done");
  return isRefused ? exitStatus.refused : exitStatus.ok;
}

/** On a terminal, one line that counts while the daemon works. Its failure does not matter. */
async function withProgress<T>(account: string | undefined, asking: Asking, work: () => Promise<T>): Promise<T> {
  const { client, aside, json } = asking;
  if (!aside.isTerminal || json) return work();
  const stream = await client.open("/v1/events");
  const showing = showProgress(account, serverEvents(stream), asking);
  try {
    return await work();
  } finally {
    stream.destroy();
    await showing;
    aside.clearProgress();
  }
}

async function showProgress(
  account: string | undefined,
  events: AsyncIterable<EventMessage>,
  { aside }: Asking,
): Promise<void> {
  const fetched = new Map<string, number>();
  try {
    for await (const event of events) {
      if (event.account === undefined || (account !== undefined && event.account !== account)) continue;
      if (event.kind === "poll-started") fetched.set(event.account, 0);
      else if (event.kind === "received") fetched.set(event.account, (fetched.get(event.account) ?? 0) + 1);
      else continue;
      aside.progress([...fetched].map(([name, count]) => `${name}: ${count} fetched`).join(", "));
    }
  } catch (error) {
    // Destroyed, because the work is done or has failed, which `work` itself tells.
    if (error instanceof CommandError) throw error;
  }
}
