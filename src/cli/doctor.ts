/**
 * `popgate doctor [what] [name] --config FILE [--json] [--strict]`: would it work, and if not, why not?
 *
 * Goes out to every server as the daemon would, and says what it finds, most important first, with the lines that help.
 * Nothing is fetched, deleted, sent or changed. What is wrong with the configuration itself is a finding, too.
 *
 * Exit status: 0 nothing that stops mail, 5 findings (with --strict also warnings), 2 bad configuration or wrong use.
 */
import { doctor, type DoctorAround, type DoctorPart } from "../app/doctoring.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import type { ConfigProblem } from "../config/problem.ts";
import { byImportance, type Finding, type Severity } from "../doctor/finding.ts";
import { reportLines, statusOf, summaryOf } from "../doctor/report.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import { exitStatus } from "./exit-status.ts";

export interface DoctorArguments {
  readonly config: string;
  readonly json: boolean;
  readonly strict: boolean;
  /** `exchange`, `listener`, `host`, `relay NAME`, an account's name; empty for everything. */
  readonly what: readonly string[];
}

/** Where the command writes, and the environment that secrets may come from. */
export interface DoctorSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Resolves with the exit status. `parts`: what specs put in the place of time and disk. */
export async function runDoctor(
  args: DoctorArguments,
  around: DoctorSurroundings = process,
  parts: Partial<DoctorAround> = {},
): Promise<number> {
  const result = await loadConfig(args.config, around.env);
  const found = result.warnings.map((problem) => problemFinding(problem, "warning"));
  if (result.kind === "bad") {
    found.push(...result.problems.map((problem) => problemFinding(problem, "error")));
    print(found, args, around);
    return exitStatus.usage;
  }
  const { config } = result;
  const part = partOf(args.what, config);
  if (part === undefined) {
    around.stderr.write(`popgate: there is no ${args.what.join(" ")}. There is: ${namesOf(config).join(", ")}\n`);
    return exitStatus.usage;
  }
  await using shutdown = listenForShutdown();
  const whole = { clock: systemClock, random: systemRandom, ...parts };
  const findings = await doctor(config, part, whole, shutdown.signal);
  const all = [...(part.kind === "all" ? found : []), ...findings];
  print(all, args, around);
  return statusOf(all, args.strict);
}

function print(findings: readonly Finding[], { json }: DoctorArguments, { stdout }: DoctorSurroundings): void {
  if (json) {
    const answer = { summary: summaryOf(findings), findings: byImportance(findings) };
    stdout.write(`${JSON.stringify(answer, undefined, 2)}\n`);
  } else stdout.write(`${reportLines(findings).join("\n")}\n`);
}

function problemFinding(problem: ConfigProblem, severity: Severity): Finding {
  const { file, line, key, message, hint } = problem;
  return {
    id: "configuration",
    severity,
    about: "configuration",
    what: `${file}:${line}: ${key === "" ? "" : `${key}: `}${message}`,
    remedy: hint === "" ? undefined : hint,
  };
}

/** An account may be called like a part: then it is meant by its name alone only if that is no part. */
function partOf(what: readonly string[], config: Config): DoctorPart | undefined {
  const [first, name, ...more] = what;
  if (first === undefined) return { kind: "all" };
  if (more.length > 0) return undefined;
  if (first === "relay" || first === "account") {
    const known = (first === "relay" ? config.relays : config.accounts).map((one): string => one.name);
    return name !== undefined && known.includes(name) ? { kind: first, name } : undefined;
  }
  if (name !== undefined) return undefined;
  if (first === "host" || first === "exchange" || first === "listener") return { kind: first };
  return config.accounts.some((account) => account.name === first) ? { kind: "account", name: first } : undefined;
}

function namesOf({ accounts, relays, listener }: Config): readonly string[] {
  return [
    ...accounts.map(({ name }) => name),
    "exchange",
    ...relays.map(({ name }) => `relay ${name}`),
    ...(listener === undefined ? [] : ["listener"]),
    "host",
  ];
}
