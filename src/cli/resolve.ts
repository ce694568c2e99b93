/** `popgate resolve`: decides held mail again under the present configuration. The daemon must not own the spool. */
import { openApp } from "../app/app.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { parseMessageId, type MessageId } from "../core/ids.ts";
import type { Resolution } from "../inbound/resolve.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import { SpoolError } from "../spool/port.ts";

const badStatus = 2;
const failedStatus = 1;

/** `ids`: only these; none: everything that is held for a reason of the envelope. Resolves with the exit status. */
export async function runResolve(file: string, ids: readonly string[], dryRun: boolean): Promise<number> {
  const chosen: MessageId[] = [];
  for (const text of ids) {
    const id = parseMessageId(text);
    if (id === undefined) {
      process.stderr.write(
        `popgate: ${JSON.stringify(text)} is not a message id: it has 14 digits and capital letters\n`,
      );
      return badStatus;
    }
    chosen.push(id);
  }
  const result = await loadConfig(file, process.env);
  if (result.kind === "bad") {
    for (const problem of result.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return badStatus;
  }
  await using shutdown = listenForShutdown();
  try {
    const events = { emit: () => undefined };
    await using app = await openApp(result.config, { clock: systemClock, random: systemRandom, events });
    const which = chosen.length === 0 ? "all" : chosen;
    for await (const resolution of app.resolve({ which, dryRun }, shutdown.signal))
      process.stdout.write(`${dryRun ? "would be " : ""}${wordsOf(resolution)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    process.stderr.write(`popgate: ${error.message}\n`);
    return failedStatus;
  }
}

function wordsOf(resolution: Resolution): string {
  const { id } = resolution;
  switch (resolution.kind) {
    case "released":
      return `released: ${id} to ${resolution.recipients.join(", ")}`;
    case "duplicate":
      return `dropped: ${id} is a copy of what its recipients have been given`;
    case "held":
      return `held: ${id}: ${resolution.reason}: ${resolution.detail}`;
    case "skipped":
      return `left as it is: ${id}: ${resolution.why}`;
  }
}
