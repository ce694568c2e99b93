/** popgate as a process that can be killed: its log as events, and what it said it had delivered. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import path from "node:path";

const main = path.join(import.meta.dirname, "..", "..", "src", "main.ts");

export type LogLine = Readonly<Record<string, unknown>>;

/** What LMDB writes by itself when there is no room; what popgate makes of it is in its log. */
const ofFullDisk =
  /^(?:Write error: No space left|mdb_page_spill |Error: (?:No space left on device|Input\/output error)|\s+at .*\/lmdb\/write\.js:|\s+code: (?:5|28)$|\}$)/u;

export class Daemon {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #onLine: (line: LogLine) => void;
  /** Id and recipient of what is durably delivered. */
  readonly written = new Set<string>();
  readonly faults: string[] = [];
  #seen = new Map<string, number>();
  #waiting = new Set<() => void>();
  #isOver = false;

  /** `dir`: where what is compiled is kept for the next start. `environment`: beyond our own. */
  constructor(
    config: string,
    dir: string,
    environment: Readonly<Record<string, string>>,
    onLine: (line: LogLine) => void,
  ) {
    this.#onLine = onLine;
    const entry = process.env["POPGATE_MAIN"] ?? main;
    this.#child = spawn(process.execPath, [entry, "run", "--config", config], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: path.join(dir, "compiled"), ...environment },
    });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new TypeError("no pipes");
    createInterface({ input: stdout }).on("line", (line) => this.#line(line));
    createInterface({ input: stderr }).on("line", (line) => {
      // Polls every second are what this is about.
      if (!line.startsWith("warning: ") && !ofFullDisk.test(line)) this.faults.push(line);
    });
    this.#closed = once(this.#child, "close").then(() => {
      this.#isOver = true;
      this.#tell();
    });
  }

  /** How often it has said that. */
  count(event: string): number {
    return this.#seen.get(event) ?? 0;
  }

  /** Resolves when it has said so for the `times`-th time; false when it has ended instead, or the signal was aborted. */
  async said(event: string, times: number, signal: AbortSignal): Promise<boolean> {
    const onAbort = (): void => this.#tell();
    signal.addEventListener("abort", onAbort);
    try {
      while (this.count(event) < times) {
        if (this.#isOver || signal.aborted) return false;
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#waiting.add(resolve);
        await promise;
      }
      return true;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Sends the signal and resolves with the exit status when all of its log has been read; `null`: killed. */
  async end(name: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    this.#child.kill(name);
    await this.#closed;
    return this.#child.exitCode;
  }

  #line(text: string): void {
    const line = parsed(text);
    const { event, message, recipients } = line;
    if (typeof event !== "string") return;
    this.#seen.set(event, this.count(event) + 1);
    if (event === "delivered" && typeof message === "string" && Array.isArray(recipients))
      for (const recipient of recipients) this.written.add(`${message} ${String(recipient)}`);
    if (event === "internal-error" || event === "record-set-aside") this.faults.push(text);
    this.#onLine(line);
    this.#tell();
  }

  #tell(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function parsed(text: string): LogLine {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // What a killed process left half written.
    return {};
  }
}
