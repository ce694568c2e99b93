/** popgate as a daemon, its log in a file, as it runs under a service manager. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { popgateCommand } from "./collectors.ts";
import { stopping } from "./stopping.ts";

export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** When it was started, by performance.now. */
  readonly begun: number;
  /** Waits until an event of this kind is in its log, for the `nth` time. */
  until(kind: string, nth?: number): Promise<void>;
  /** Waits until its admin socket takes a connection. */
  untilAnswers(socket: string): Promise<void>;
}

export function startDaemon(config: string, log: string): Daemon {
  const { command, args } = popgateCommand(["run", "--config", config]);
  const output = openSync(log, "w");
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ["ignore", output, output] });
  closeSync(output);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? -1,
    begun,
    async until(kind, nth = 1) {
      const deadline = performance.now() + 300_000;
      for (;;) {
        const text = await readFile(log, "utf8");
        if (text.split(`"event":"${kind}"`).length > nth) return;
        if (hasEnded() || performance.now() > deadline)
          throw new Error(`popgate: no ${kind} for the ${nth}th time:\n${text.slice(-2000)}`);
        await delay(20, undefined, { signal: stopping });
      }
    },
    async untilAnswers(socket) {
      for (const deadline = performance.now() + 300_000; !(await answers(socket));) {
        if (hasEnded() || performance.now() > deadline) throw new Error("popgate does not answer on its socket");
        await delay(10, undefined, { signal: stopping });
      }
    },
    async [Symbol.asyncDispose]() {
      if (hasEnded()) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 30_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function answers(socket: string): Promise<boolean> {
  const connection = connect({ path: socket });
  try {
    await once(connection, "connect");
    return true;
  } catch {
    return false;
  } finally {
    connection.destroy();
  }
}
