/** The command line as a function: what is typed in, what comes out on a terminal or a pipe, and the exit status. */
import { PassThrough, Writable } from "node:stream";
import { runCommandLine } from "../../src/cli/command-line.ts";

/** Keeps what is written. */
export class Paper extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly isTTY?: boolean;
  readonly columns?: number;

  constructor(columns?: number) {
    super();
    if (columns === undefined) return;
    this.isTTY = true;
    this.columns = columns;
  }

  get octets(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.octets.toString("utf8");
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    this.emit("written");
    done();
  }
}

export interface Setting {
  /** Of a terminal; without it the output is no terminal. */
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed at the terminal; without it there is none to type at. */
  readonly typed?: string;
  readonly signal?: AbortSignal;
  readonly stdout?: Paper;
  readonly stderr?: Paper;
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly octets: Buffer;
}

/** `popgate …` to its end. */
export async function typed(args: readonly string[], setting: Setting = {}): Promise<Ended> {
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  if (setting.typed !== undefined) {
    stdin.isTTY = true;
    stdin.end(setting.typed);
  }
  const stdout = setting.stdout ?? new Paper(setting.columns);
  const stderr = setting.stderr ?? new Paper(setting.columns);
  const { env = {}, signal = new AbortController().signal } = setting;
  const code = await runCommandLine(args, { stdin, stdout, stderr, env, signal });
  return { code, stdout: stdout.text, stderr: stderr.text, octets: stdout.octets };
}
