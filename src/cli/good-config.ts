/** The configuration, for commands that cannot do without a good one: what is wrong with it goes to stderr. */
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import type { Environment, Screen } from "./screen.ts";

/** Throws a `CommandError` for a bad one, after its faults have been told. */
export async function goodConfig(file: string, env: Environment, aside: Screen): Promise<Config> {
  const result = await loadConfig(file, env);
  if (result.kind === "ok") return result.config;
  for (const problem of result.problems) aside.print(formatProblem(problem));
  throw new CommandError(exitStatus.usage, "the configuration is not good; nothing was done");
}
