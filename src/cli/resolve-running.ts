/** `popgate resolve`, asked of the running daemon; without one it is done here (`resolve.ts`). */
import * as schema from "../admin/schemas.ts";
import type { ResolutionResult } from "../admin/schemas.ts";
import { isNotRunning, longMs } from "./admin-client.ts";
import { askDaemon, type AskingOptions, type Surroundings } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import { runResolve } from "./resolve.ts";

export interface ResolveOptions extends AskingOptions {
  readonly dryRun: boolean;
}

/** Resolves with the exit status. */
export async function runResolveAnywhere(
  ids: readonly string[],
  options: ResolveOptions,
  around: Surroundings,
): Promise<number> {
  const { dryRun } = options;
  let isOffline = false;
  const status = await askDaemon(options, around, async ({ client, screen, json }) => {
    try {
      const body = { ...(ids.length === 0 ? {} : { ids: [...ids] }), dryRun };
      const results = await client.post(schema.resolution.array(), "/v1/resolve", body, longMs);
      if (json) screen.json(results);
      else for (const result of results) screen.print(`${dryRun ? "would be " : ""}${wordsOf(result)}`);
      if (!json && results.length === 0) screen.print("nothing is held that could be decided again");
      return exitStatus.ok;
    } catch (error) {
      // A socket that was named is meant.
      if (options.socket !== undefined || !isNotRunning(error)) throw error;
      isOffline = true;
      return exitStatus.ok;
    }
  });
  return isOffline ? runResolve(options.config, ids, dryRun) : status;
}

function wordsOf({ id, kind, recipients = [], detail }: ResolutionResult): string {
  switch (kind) {
    case "released":
      return `released: ${id} to ${recipients.join(", ")}`;
    case "duplicate":
      return `dropped: ${id} is ${detail}`;
    case "held":
      return `held: ${id}: ${detail}`;
    case "skipped":
      return `left as it is: ${id}: ${detail}`;
  }
}
