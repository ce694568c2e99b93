/**
 * Haraka, a mail server in JavaScript, as a smarthost: it takes everything and relays it to the next hop. It is not part of
 * the project: `scripts/bench-install.sh` puts it into the user's cache, where the npm registry gives it.
 *
 * Its outbound queue has a file for each message and domain, which is written under another name, flushed (fsync) and
 * renamed before the 250; the folder is not flushed. Each delivery has a connection of its own.
 */
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, homedir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { freePorts, startProgram, type Program } from "../../spec/peer/support/program.ts";

const cache = process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache");
const home = path.join(cache, "popgate-bench", "haraka", "node_modules", "Haraka");
const manifest = path.join(home, "package.json");

/** The version that is installed, or `undefined`. */
export function harakaVersion(): string | undefined {
  if (!existsSync(manifest)) return undefined;
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, "utf8"))).version;
}

export interface HarakaOptions {
  /** A new folder. */
  readonly dir: string;
  readonly smtpPort: number;
  readonly connections: number;
}

export interface Haraka extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

/** With a process for each processor, as its own advice for speed has it; they share the connections to the next hop. */
export async function startHaraka({ dir, smtpPort, connections }: HarakaOptions): Promise<Haraka> {
  const [port = 0] = await freePorts(1);
  const processes = availableParallelism();
  const files = {
    "config/me": "haraka.firma.example\n",
    "config/plugins": "smarthost\n",
    "config/smtp.ini": `listen=127.0.0.1:${port}\nnodes=${processes}\n`,
    "config/outbound.ini": `enable_tls=false\nconcurrency_max=${Math.max(1, Math.floor(connections / processes))}\n`,
    // A line for each connection and each delivery, as the others write.
    "config/log.ini": "[main]\nlevel=notice\nformat=default\n",
    "plugins/smarthost.js": `exports.hook_connect = (next, connection) => {
  connection.relaying = true;
  next();
};
exports.hook_get_mx = (next) => next(OK, { priority: 0, exchange: "127.0.0.1", port: ${smtpPort} });
`,
  };
  // What an installation gets; some of it has no defaults in the program.
  await cp(path.join(home, "config"), path.join(dir, "config"), { recursive: true });
  for (const sub of ["plugins", "queue"]) await mkdir(path.join(dir, sub), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(dir, name), text);
  const program = await startProgram({
    name: "Haraka",
    command: process.execPath,
    args: [path.join(home, "bin", "haraka"), "--configs", dir],
    ports: [port],
  });
  return { port, program, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}
