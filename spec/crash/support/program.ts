/** Starts the little programs of this folder, and reads what they say line by line. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

const folder = import.meta.dirname;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

export class Program implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  readonly #ended: Promise<Ended>;
  #onLine: (() => void) | undefined;

  /** `wrap`: a command in front of node's, as strace with its options. */
  constructor(name: string, args: readonly string[], wrap: readonly string[] = []) {
    const command = [...wrap, process.execPath, path.join(folder, name), ...args];
    this.process = spawn(command[0] ?? "", command.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    this.#ended = this.#read();
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error("not started");
    return this.process.pid;
  }

  /** Resolves when it has said `count` lines, or has ended. */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      const more = new Promise<void>((resolve) => (this.#onLine = resolve));
      const ended = await Promise.race([more.then(() => false), this.#ended.then(() => true)]);
      if (ended) return;
    }
  }

  async ended(): Promise<Ended> {
    return this.#ended;
  }

  async kill(): Promise<Ended> {
    this.process.kill("SIGKILL");
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #read(): Promise<Ended> {
    const { stdout, stderr } = this.process;
    if (stdout === null || stderr === null) throw new Error("no pipes");
    const errors = text(stderr);
    const exit = once(this.process, "exit");
    for await (const line of createInterface({ input: stdout })) {
      this.lines.push(line);
      this.#onLine?.();
    }
    await exit;
    return { code: this.process.exitCode, signal: this.process.signalCode, lines: this.lines, errors: await errors };
  }
}
