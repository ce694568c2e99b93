/**
 * Reading a password: from a terminal without showing it, or as the first line of what is piped in.
 *
 * The terminal is in raw mode for as long as questions are asked, and always out of it again. Backspace takes the last
 * letter away, Ctrl-U and Ctrl-W all of them; Ctrl-C, Ctrl-D on an empty line and the end of the input give up. Other
 * control characters and escape sequences (arrow keys) are ignored: they would go unnoticed into the password.
 */
import { StringDecoder } from "node:string_decoder";

/** What is needed of `process.stdin`. */
export interface PasswordInput extends AsyncIterable<unknown> {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
  on(event: "data", listener: (chunk: Buffer) => void): unknown;
  on(event: "end" | "close", listener: () => void): unknown;
  off(event: "data", listener: (chunk: Buffer) => void): unknown;
  off(event: "end" | "close", listener: () => void): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** Far more than any password; keeps a mistaken file from being read into memory. */
const longestLine = 4096;

export type FirstLine = { readonly kind: "line"; readonly text: string } | { readonly kind: "not-text" };

/** The first line, without its end; empty when there is none. The rest is not waited for. */
export async function readFirstLine(input: PasswordInput): Promise<FirstLine> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of input) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError("standard input gives no octets");
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.includes(0x0a) || bytes.length > longestLine) break;
  }
  const end = bytes.indexOf(0x0a);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  if (line.length > longestLine) return { kind: "not-text" };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(line).replace(/\r$/u, "");
    return /\p{Cc}/u.test(text) ? { kind: "not-text" } : { kind: "line", text };
  } catch {
    return { kind: "not-text" };
  }
}

/** A terminal that shows nothing of what is typed, until it is disposed. */
export class HiddenTerminal implements Disposable {
  readonly #input: PasswordInput;
  readonly #output: { write(text: string): unknown };
  readonly #decoder = new StringDecoder("utf8");
  readonly #line = new HiddenLine();
  /** Typed ahead. */
  #keys = "";
  #ended = false;
  #look: () => void = () => undefined;

  constructor(input: PasswordInput, output: { write(text: string): unknown }) {
    this.#input = input;
    this.#output = output;
    // Before the first question is shown: who answers at once must not see it.
    input.setRawMode?.(true);
    input.on("data", this.#take);
    input.on("end", this.#stop);
    input.on("close", this.#stop);
    input.resume();
  }

  /** What is typed until Enter; `undefined` when it was given up. */
  async ask(question: string): Promise<string | undefined> {
    this.#output.write(question);
    for (;;) {
      const typed = this.#line.type(this.#keys);
      this.#keys = typed.rest;
      if (typed.kind !== "open" || this.#ended) {
        this.#output.write("\n");
        return typed.kind === "done" ? typed.text : undefined;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#look = resolve;
      await promise;
    }
  }

  [Symbol.dispose](): void {
    this.#input.off("data", this.#take);
    this.#input.off("end", this.#stop);
    this.#input.off("close", this.#stop);
    this.#input.pause();
    this.#input.setRawMode?.(false);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#keys += this.#decoder.write(chunk);
    this.#look();
  };

  readonly #stop = (): void => {
    this.#ended = true;
    this.#look();
  };
}

/** `rest`: keys behind the one that ended the line. */
type Typed = { readonly rest: string } & (
  | { readonly kind: "open" }
  | { readonly kind: "done"; readonly text: string }
  | { readonly kind: "given-up" }
);

const ctrlC = "\u0003";
const ctrlD = "\u0004";
const ctrlU = "\u0015";
const ctrlW = "\u0017";

/** What keys make of a line that is not shown. */
class HiddenLine {
  #letters: string[] = [];

  type(keys: string): Typed {
    let used = 0;
    // A sequence that begins with ESC is a key without a character.
    // oxlint-disable-next-line no-control-regex -- keys are control characters
    for (const [key] of keys.matchAll(/\u001b(?:\[[0-9;]*[ -/]*[@-~]|O.|.)?|./gsu)) {
      used += key.length;
      if (key === "\r" || key === "\n") return { kind: "done", text: this.#taken(), rest: keys.slice(used) };
      if (key === ctrlC || (key === ctrlD && this.#letters.length === 0))
        return { kind: "given-up", rest: keys.slice(used) };
      if (key === "\u007f" || key === "\b") this.#letters.pop();
      else if (key === ctrlU || key === ctrlW) this.#letters = [];
      else if (!/\p{Cc}/u.test(key) && this.#letters.length < longestLine) this.#letters.push(key);
    }
    return { kind: "open", rest: "" };
  }

  #taken(): string {
    const text = this.#letters.join("");
    this.#letters = [];
    return text;
  }
}
