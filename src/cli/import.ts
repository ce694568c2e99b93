/**
 * `popgate import FILE… [--out popgate.toml]`: makes a configuration from a fetchmailrc, or from one or several getmailrc.
 *
 * Passwords go into files of mode 0600 beside the new configuration, and nowhere else: not into it, not to the screen.
 * Nothing that is there is overwritten; if one of the files cannot be written, those written before are removed again.
 * What has no equal is told on stderr, line by line; so is what `popgate check` still asks for.
 *
 * Exit status: 0 written, 1 nothing to import or not writable, 2 not readable, 4 something of that name is there.
 */
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { textOf } from "../config/failure.ts";
import { loadConfig } from "../config/load.ts";
import { importFetchmailrc } from "../migrate/fetchmail.ts";
import { importGetmailrc } from "../migrate/getmail.ts";
import { writeConfig, type ImportedFile, type WrittenConfig } from "../migrate/written-config.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { makeFiles } from "./new-files.ts";
import { printable } from "./printable.ts";

export interface ImportArguments {
  readonly files: readonly string[];
  readonly out: string;
}

export interface ImportSurroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly signal: AbortSignal;
}

/** Nobody writes such a file by hand. */
const largestFile = 1024 * 1024;

/** Resolves with the exit status. */
export async function runImport({ files, out }: ImportArguments, around: ImportSurroundings): Promise<number> {
  const { stdout, stderr } = around;
  try {
    const written = writeConfig(await Promise.all(files.map(readForeign)));
    const tell = () => {
      for (const { file, line, text } of written.remarks) stderr.write(`${printable(`${file}:${line}: ${text}`)}\n`);
    };
    if (!/^\[\[/mu.test(written.toml)) {
      tell();
      throw new CommandError(exitStatus.failed, `there is no account of POP3 in ${files.join(", ")}`);
    }
    const paths = await writeAll(resolve(out), written, around.signal);
    tell();
    for (const path of paths) stdout.write(`${printable(path)}\n`);
    await sayWhatIsLeft(resolve(out), around);
    return exitStatus.ok;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    stderr.write(`popgate: ${printable(error.message)}\n`);
    return error.status;
  }
}

async function readForeign(name: string): Promise<ImportedFile> {
  const bytes = await readFile(name).catch((error: unknown) => {
    throw new CommandError(exitStatus.usage, `${name} cannot be read: ${textOf(error)}`, { cause: error });
  });
  if (bytes.length > largestFile) throw new CommandError(exitStatus.usage, `${name} is larger than 1 MiB`);
  const text = decoded(bytes);
  const isGetmail = /^\s*\[\s*retriever\s*\]/imu.test(text);
  return { name, imported: isGetmail ? importGetmailrc(text) : importFetchmailrc(text) };
}

/** Old files are often Latin-1. */
function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}

/** Resolves with the paths that were written. All of them, or none. */
async function writeAll(out: string, config: WrittenConfig, signal: AbortSignal): Promise<readonly string[]> {
  const files = [
    ...config.secrets.map(({ file, value }) => ({ name: file, mode: 0o600, text: `${value}\n` })),
    { name: basename(out), mode: 0o640, text: config.toml },
  ];
  await makeFiles(dirname(out), files, signal);
  return files.map(({ name }) => join(dirname(out), name));
}

async function sayWhatIsLeft(out: string, { env, stderr }: ImportSurroundings): Promise<void> {
  const result = await loadConfig(out, env);
  if (result.kind === "ok") return;
  stderr.write(`\nStill to be set in ${printable(basename(out))}; \`popgate check\` asks for it:\n`);
  for (const { line, key, message } of result.problems) stderr.write(`  line ${line}: ${printable(key)}: ${message}\n`);
  stderr.write("Then try it: popgate doctor. The files of passwords must belong to the user that popgate runs as.\n");
}
