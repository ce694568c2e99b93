/**
 * Starts a real mail program in a temporary folder of its own, waits until it answers, and ends it by pid.
 * Nothing here falls back to anything: a program that is missing or does not come up is a failed run.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A folder that every program's own user may enter; removed when disposed. */
export interface Workplace extends AsyncDisposable {
  readonly dir: string;
}

export async function makeWorkplace(name: string): Promise<Workplace> {
  if (process.getuid?.() !== 0)
    throw new Error("the peers' run must be root: mail programs change to users of their own");
  const dir = await mkdtemp(path.join(tmpdir(), `popgate-${name}-`));
  await chmod(dir, 0o755);
  return {
    dir,
    async [Symbol.asyncDispose]() {
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = net.createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  });
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  return ports;
}

export interface Program extends AsyncDisposable {
  readonly pid: number;
  output(): string;
}

export interface ProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** All of them must accept a connection before the program counts as started. */
  readonly ports: readonly number[];
  /** Shown when it does not come up. */
  readonly log?: string;
  /** How to end a program that leaves its process group. */
  readonly stopCommand?: readonly [string, ...string[]];
}

/** Starts a program that stays in the foreground. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  if (!existsSync(options.command)) {
    throw new Error(`${options.name}: ${options.command} is missing; run scripts/peers-install.sh as root`);
  }
  const child = spawn(options.command, options.args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-20_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  try {
    for (const port of options.ports) await untilAnswered(child, port);
  } catch (error) {
    await stop(child, options.stopCommand);
    const log = options.log !== undefined && existsSync(options.log) ? await readFile(options.log, "utf8") : "";
    throw new Error(`${options.name} did not come up:\n${output}\n${log.slice(-5000)}`, { cause: error });
  }
  return {
    pid: child.pid ?? -1,
    output: () => output,
    [Symbol.asyncDispose]: async () => stop(child, options.stopCommand),
  };
}

async function untilAnswered(child: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
    if (await answers(port)) return;
    if (performance.now() > deadline) throw new Error(`no answer on port ${port}`);
    // There is no event to wait for: the program is not ours.
    await delay(50);
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(1000) });
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function stop(child: ChildProcess, stopCommand: readonly [string, ...string[]] | undefined): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (stopCommand !== undefined) {
    const [command, ...args] = stopCommand;
    spawnSync(command, args, { stdio: "ignore", timeout: 10_000 });
  }
  // The program was made the leader of a group of its own: its children end with it.
  signalGroup(child.pid, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child.pid ?? 0, "SIGKILL"), 5000);
  await ended;
  clearTimeout(timer);
  signalGroup(child.pid, "SIGKILL");
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** Waits until `ready` says yes, looking again every 50 ms: for what real programs do in their own time. */
export async function eventually(what: string, ready: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await ready())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}
