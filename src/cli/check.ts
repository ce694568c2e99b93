/**
 * `popgate check --config FILE [--json]`: is the configuration good, and what does it mean?
 *
 * Errors and warnings go to stderr, one per line, with their place; what a good configuration means goes to stdout in
 * plain words. With --json one object on stdout says the same. Nothing is started, connected to or changed.
 * Exit status: 0 good (perhaps with warnings), 2 bad.
 */
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { configWords } from "./config-words.ts";

export interface CheckArguments {
  readonly config: string;
  readonly json: boolean;
}

/** Where the command writes, and the environment that secrets may come from. */
export interface CheckSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

const goodStatus = 0;
const badStatus = 2;

/** Resolves with the exit status. */
export async function runCheck(args: CheckArguments, around: CheckSurroundings = process): Promise<number> {
  const result = await loadConfig(args.config, around.env);
  const status = result.kind === "ok" ? goodStatus : badStatus;
  if (args.json) {
    const answer =
      result.kind === "ok"
        ? { ok: true, problems: [], warnings: result.warnings, meaning: configWords(result.config) }
        : { ok: false, problems: result.problems, warnings: result.warnings, meaning: [] };
    around.stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
    return status;
  }
  if (result.kind === "bad") {
    for (const problem of result.problems) around.stderr.write(`${formatProblem(problem)}\n`);
  }
  for (const warning of result.warnings) around.stderr.write(`warning: ${formatProblem(warning)}\n`);
  if (result.kind === "bad") return status;
  for (const line of configWords(result.config)) around.stdout.write(`${line}\n`);
  around.stdout.write("The configuration is good.\n");
  return status;
}
