/**
 * `popgate init [FILE] [--answers FILE]`: a first configuration from a dialogue, or from answers in JSON.
 *
 * Ports and TLS are found by trying. Passwords go into files of their own beside the configuration, readable by their
 * owner only. Nothing that is there is overwritten, and what belongs together is written whole or not at all: until the
 * last answer nothing is written, and Ctrl-C later leaves either nothing or a configuration that is good. Then box, relay
 * and Exchange are tried as by `popgate doctor`, and the profile that the mail in the box suggests is put in.
 *
 * Exit status: 0 written and nothing wrong, 5 written with something to be put right, 1 not written, 2 answers that
 * cannot be taken, 4 something of that name is there.
 */
import { readFile } from "node:fs/promises";
import { hostname as machineName } from "node:os";
import path from "node:path";
import { doctor, type DoctorAround, type DoctorPart } from "../app/doctoring.ts";
import { findServer, systemAddresses, usualDoors, type Door } from "../app/server-search.ts";
import { hasCode, textOf } from "../config/failure.ts";
import { answerFaults, initAnswers, type InitAnswers } from "../config/init-answers.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { Config } from "../config/config.ts";
import type { Finding } from "../doctor/finding.ts";
import { reportLines, statusOf } from "../doctor/report.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import type { Surroundings } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { askForAnswers, GivenUp } from "./init-dialogue.ts";
import { configText, learnIt, passwordFiles, type InitPlan, type Reached } from "./init-config.ts";
import { makeFiles, removeFiles, replaceFile, serviceUser, type NewFile } from "./new-files.ts";
import { Screen, styled } from "./screen.ts";

export interface InitArguments {
  readonly file: string;
  /** JSON; without it a person is asked. */
  readonly answers?: string;
}

/** What specs put in the place of time, name server and the usual ports. */
export interface InitParts extends DoctorAround {
  readonly doors: typeof usualDoors;
  readonly machine: string;
}

const realParts: InitParts = {
  clock: systemClock,
  random: systemRandom,
  doors: usualDoors,
  machine: machineName(),
};

/** Resolves with the exit status. */
export async function runInit(
  args: InitArguments,
  around: Surroundings,
  parts: InitParts = realParts,
): Promise<number> {
  const aside = new Screen(around.stderr, around.env);
  const screen = new Screen(around.stdout, around.env);
  const file = path.resolve(args.file);
  try {
    await refuseExisting(file);
    // In the dialogue Ctrl-C ends the process as it does anywhere: nothing has been written.
    const answers = await answersFor(args.answers, around, aside, parts);
    await using shutdown = listenForShutdown();
    const signal = AbortSignal.any([shutdown.signal, around.signal]);
    try {
      return await make(file, answers, { around, screen, aside, parts, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      aside.print("popgate: given up");
      return exitStatus.failed;
    }
  } catch (error) {
    if (error instanceof GivenUp) aside.print("popgate: given up; nothing was written");
    else if (error instanceof CommandError) aside.print("popgate: ", error.message);
    else throw error;
    return error instanceof CommandError ? error.status : exitStatus.failed;
  }
}

interface Work {
  readonly around: Surroundings;
  readonly screen: Screen;
  readonly aside: Screen;
  readonly parts: InitParts;
  readonly signal: AbortSignal;
}

async function make(file: string, answers: InitAnswers, work: Work): Promise<number> {
  const { screen, signal } = work;
  const folder = path.dirname(file);
  const { account, relay } = answers;
  const plan: InitPlan = {
    answers,
    account: await reach("pop3", account, answers.hostname, folder, work, (mode) => mode),
    relay:
      relay === undefined
        ? undefined
        : await reach("smtp", relay, answers.hostname, folder, work, (mode) =>
            mode === "starttls" ? "required" : mode,
          ),
    envelope: learnIt,
  };
  const config = await write(file, plan, work);
  screen.print(styled("good", "written: "), file);
  for (const { name } of passwordFiles(answers)) screen.print(styled("good", "written: "), path.join(folder, name));
  if (process.geteuid?.() === 0 && (await serviceUser(folder)) === undefined)
    screen.print("They belong to root. If popgate runs as a user of its own, give them to it: chown USER …");
  const findings = await lookAround(config, work);
  for (const line of reportLines(findings)) screen.print(line);
  const fitting = fittingLines(findings);
  if (account.deliver_to === undefined && fitting !== undefined) {
    signal.throwIfAborted();
    await replaceFile(folder, configFile(file, { ...plan, envelope: fitting }));
    screen.print(`From the mail in the box: ${fitting.join(", ")} is put into the configuration.`);
  }
  screen.print(`Next: popgate check --config ${file}, popgate doctor --config ${file}, popgate run --config ${file}`);
  return statusOf(findings, false);
}

async function refuseExisting(file: string): Promise<void> {
  try {
    await readFile(file);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw new CommandError(exitStatus.refused, `${file} is there already, or cannot be made: ${textOf(error)}`);
  }
  throw new CommandError(exitStatus.refused, `${file} is there already; it is not touched. Name another file.`);
}

async function answersFor(
  file: string | undefined,
  around: Surroundings,
  aside: Screen,
  { machine, lookup = systemAddresses }: InitParts,
): Promise<InitAnswers> {
  if (file === undefined) {
    if (around.stdin.isTTY !== true)
      throw new CommandError(exitStatus.usage, "there is no terminal to ask at; give the answers with --answers FILE");
    const addresses = async (host: string): Promise<readonly string[]> => lookup(host).catch(() => []);
    return askForAnswers(around, aside, { machine, addresses });
  }
  let written: unknown;
  try {
    written = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    // The words of a JSON parser quote the text, which holds passwords.
    const why = error instanceof SyntaxError ? "it is not JSON" : textOf(error);
    throw new CommandError(exitStatus.usage, `${file}: ${why}`);
  }
  const result = initAnswers.safeParse(written);
  if (result.success) return result.data;
  throw new CommandError(exitStatus.usage, `${file}: ${answerFaults(result.error).join("; ")}`);
}

/** As given, or as found; the first of the usual ways where nothing answers now. */
async function reach(
  protocol: "pop3" | "smtp",
  given: {
    readonly host: string;
    readonly port?: number | undefined;
    readonly tls?: Reached["tls"] | undefined;
    readonly ca?: string | undefined;
  },
  hostname: string,
  folder: string,
  { aside, parts, signal }: Work,
  words: (mode: Door["mode"]) => Reached["tls"],
): Promise<Reached> {
  const [usual, other] = parts.doors[protocol];
  if (usual === undefined) throw new TypeError("no usual ports");
  const { host, port, tls } = given;
  if (tls !== undefined) {
    const fitting = tls === "implicit" ? usual : (other ?? usual);
    return { port: port ?? fitting.port, tls };
  }
  aside.progress(`looking for ${host}`);
  const ca = given.ca === undefined ? [] : [await pemText(path.resolve(folder, given.ca))];
  const doors = port === undefined ? parts.doors[protocol] : parts.doors[protocol].map((door) => ({ ...door, port }));
  const { found, troubles } = await findServer({ protocol, host, hostname, ca, doors }, parts, signal);
  aside.clearProgress();
  if (found !== undefined) return { port: found.port, tls: words(found.mode) };
  aside.print(styled("warning", `${host} could not be reached as expected; the usual port is written:`));
  for (const trouble of troubles) aside.paragraph(2, trouble);
  return { port: port ?? usual.port, tls: words(usual.mode) };
}

async function pemText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new CommandError(exitStatus.usage, `the file of the certificate authority cannot be read: ${textOf(error)}`);
  }
}

/** All files, and a configuration that is good; or none. */
async function write(file: string, plan: InitPlan, { around, signal }: Work): Promise<Config> {
  const folder = path.dirname(file);
  const files = [...passwordFiles(plan.answers), configFile(file, plan)];
  await makeFiles(folder, files, signal);
  const result = await loadConfig(file, around.env);
  if (result.kind === "ok") return result.config;
  await removeFiles(files.map(({ name }) => path.join(folder, name)));
  const problems = result.problems.map(formatProblem).join("; ");
  throw new CommandError(
    exitStatus.usage,
    `the answers make no good configuration, and nothing was written: ${problems}`,
  );
}

function configFile(file: string, plan: InitPlan): NewFile {
  return { name: path.basename(file), mode: 0o640, text: configText(plan) };
}

/** What was set up, one after the other. */
async function lookAround(config: Config, { parts, aside, signal }: Work): Promise<readonly Finding[]> {
  const wanted: readonly DoctorPart[] = [
    ...config.accounts.map(({ name }) => ({ kind: "account", name }) as const),
    { kind: "exchange" },
    ...config.relays.map(({ name }) => ({ kind: "relay", name }) as const),
  ];
  const findings: Finding[] = [];
  for (const part of wanted) {
    aside.progress(`trying ${"name" in part ? part.name : part.kind}`);
    findings.push(...(await doctor(config, part, parts, signal)));
  }
  aside.clearProgress();
  return findings;
}

/** The lines that the look at the box proposes; none when there is too little mail in it. */
function fittingLines(findings: readonly Finding[]): readonly string[] | undefined {
  return findings.find(({ lines }) => /^(?:profile|envelope) = /u.test(lines?.[0] ?? ""))?.lines;
}
