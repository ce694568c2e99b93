/**
 * `popgate upgrade` and `popgate downgrade`: bring a spool that no daemon uses to the schema version of this program, or
 * back to that of an older one. What happens is told as the daemon's log tells it.
 */
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { eventText } from "../core/event-words.ts";
import { systemClock } from "../runtime/clock.ts";
import { packageVersion } from "../runtime/version.ts";
import { SpoolError } from "../spool/port.ts";
import { changeSpool, type OfflineChange } from "../spool/schema-offline.ts";
import type { Surroundings } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";

export interface SchemaCommand extends Pick<OfflineChange, "to" | "withCopy"> {
  /** Without it the configured one. */
  readonly dir: string | undefined;
  readonly config: string;
}

/** Status 0: the spool has the version now; 1: it has not, and the words say why; 2: bad configuration. */
export async function runSchemaChange(
  { dir, config, to, withCopy }: SchemaCommand,
  around: Surroundings,
): Promise<number> {
  const place = dir === undefined ? await configuredSpool(config, around) : { dir, minFreeOctets: 0 };
  if (place === undefined) return exitStatus.usage;
  const say = (line: string): unknown => around.stdout.write(`${line}\n`);
  try {
    const change = { ...place, to, withCopy, program: packageVersion() };
    const events = { emit: (event: Parameters<typeof eventText>[0]) => void say(eventText(event)) };
    const done = await changeSpool(change, { clock: systemClock, events });
    if (done.kind === "unchanged") say(`spool ${place.dir}: has schema version ${done.to} already`);
    else if (done.to < done.from) say(`now start the older popgate: this one would upgrade the spool again`);
    return exitStatus.ok;
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    around.stderr.write(`popgate: ${error.message}\n`);
    return exitStatus.failed;
  }
}

async function configuredSpool(
  file: string,
  around: Surroundings,
): Promise<Pick<OfflineChange, "dir" | "minFreeOctets"> | undefined> {
  const result = await loadConfig(file, process.env);
  if (result.kind === "ok") return result.config.spool;
  for (const problem of result.problems) around.stderr.write(`${formatProblem(problem)}\n`);
  return undefined;
}
