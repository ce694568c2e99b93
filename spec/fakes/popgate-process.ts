/** popgate itself as a process: one poll and out, or the daemon until it is stopped or killed. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `popgate …` to its end. `nodeOptions` come before the program. */
export async function popgate(
  args: readonly string[],
  timeoutMs = 120_000,
  nodeOptions: readonly string[] = [],
): Promise<Run> {
  const child = spawn(process.execPath, [...nodeOptions, main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  await once(child, "close");
  clearTimeout(timer);
  return { code: child.exitCode, stdout, stderr };
}

export interface Daemon extends AsyncDisposable {
  /** Lines of the log so far, parsed. */
  events(): readonly Record<string, unknown>[];
  /** Resolves when an event of this kind has been logged; rejects when the process ends before. */
  until(kind: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Kills it without warning. */
  kill(): Promise<void>;
  /** Asks it to stop, and waits. */
  stop(): Promise<number | null>;
}

/** `popgate run` as a daemon whose log is kept. `nodeOptions` come before the program. */
export function startDaemon(config: string, nodeOptions: readonly string[] = []): Daemon {
  const args = [...nodeOptions, main, "run", "--config", config];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const lines: Record<string, unknown>[] = [];
  let rest = "";
  const watchers = new Set<() => void>();
  const keep = (chunk: Buffer): void => {
    rest += chunk.toString();
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) lines.push(parseLine(line));
    for (const look of watchers) look();
  };
  child.on("close", () => {
    for (const look of watchers) look();
  });
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  return {
    events: () => lines,
    async until(kind) {
      while (!lines.some((line) => line["event"] === kind)) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`popgate has ended without ${kind}: ${JSON.stringify(lines.slice(-5))}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        watchers.add(resolve);
        await promise;
        watchers.delete(resolve);
      }
    },
    signal: (name) => void child.kill(name),
    kill: async () => end(child, "SIGKILL"),
    async stop() {
      await end(child, "SIGTERM");
      return child.exitCode;
    },
    [Symbol.asyncDispose]: async () => end(child, "SIGKILL"),
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill(signal);
  await closed;
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? { ...value } : { text: line };
  } catch {
    return { text: line };
  }
}

/** What is the same in all peers' configurations. */
export interface ConfigOptions {
  readonly dir: string;
  readonly exchangePort: number;
  readonly exchange?: string;
  readonly accounts: string;
}

export function configText(options: ConfigOptions): string {
  return `
hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[spool]
dir = "${path.join(options.dir, "spool")}"

[exchange]
host = "127.0.0.1"
port = ${options.exchangePort}
${options.exchange ?? 'tls = "off"'}

[admin]
socket = "${path.join(options.dir, "admin.sock")}"

[log]
level = "debug"

${options.accounts}
`;
}
