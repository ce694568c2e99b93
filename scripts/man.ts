/** Writes the manual pages to docs/man: from the table of commands and from the schema. Run it after changing either. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Readable, Writable } from "node:stream";
import type { Command } from "commander";
import { commands } from "../src/cli/command-line.ts";
import { packageVersion } from "../src/runtime/version.ts";
import { commandPage } from "./man/command-page.ts";
import { configPage } from "./man/config-page.ts";

/** The day on which the pages' own prose was last changed. */
const date = "2026-11-24";

/** The pages by their file names. */
export function manualPages(): Readonly<Record<string, string>> {
  let printed = "";
  const stdout = new Writable({
    write: (chunk, _encoding, done) => {
      printed += String(chunk);
      done();
    },
  });
  const around = { stdin: Readable.from([]), stdout, stderr: stdout, env: {}, signal: new AbortController().signal };
  const textAfter = (command: Command): string => {
    printed = "";
    command.outputHelp();
    return printed.slice(command.helpInformation().length);
  };
  const version = packageVersion();
  const program = commands(around, () => {});
  return {
    "popgate.1": commandPage(program, { version, date, textAfter }),
    "popgate.toml.5": configPage(version, date),
  };
}

if (import.meta.main) {
  const folder = path.join(import.meta.dirname, "../docs/man");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(manualPages())) writeFileSync(path.join(folder, name), text);
}
