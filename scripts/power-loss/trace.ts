/**
 * Reads what strace wrote (`-f -y -xx`) into steps. Only the files named `data.mdb` are followed, and all directories: lock
 * files and the owner's name mean nothing after a restart.
 *
 * A write counts from the start of its call, a flush from its return: between the two lies what a loss of power decides.
 * Throws at what it does not know how to follow: a recording that is not complete would prove nothing.
 */
import path from "node:path";
import { dataFile } from "../../src/spool/page-layout.ts";
import type { Beginning, Step } from "./step.ts";

/** The calls that strace has to record. */
export const tracedCalls = [
  ..."openat open creat close lseek write writev pwrite64 pwritev pwritev2 ftruncate truncate fallocate".split(" "),
  ..."fdatasync fsync sync_file_range msync rename renameat renameat2 link linkat".split(" "),
  ..."unlink unlinkat mkdir mkdirat rmdir copy_file_range sendfile".split(" "),
];

interface Descriptor {
  readonly node: number;
  readonly synchronous: boolean;
  position: number;
}

interface Call {
  readonly name: string;
  readonly args: string;
  /** The step before which it began. */
  readonly begun: number;
  /** Its own step, of a write. */
  readonly write: number | undefined;
}

export function stepsOf(trace: Iterable<string>, root: string, beginning: Beginning): Step[] {
  const reader = new TraceReader(root, beginning);
  for (const line of trace) reader.line(line);
  return reader.steps;
}

class TraceReader {
  readonly steps: Step[] = [];
  readonly #root: string;
  /** Files by their present path. */
  readonly #nodes = new Map<string, number>();
  readonly #directories = new Set<string>([""]);
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #unfinished = new Map<string, Call>();
  #nextNode: number;

  constructor(root: string, beginning: Beginning) {
    this.#root = root;
    for (const { path: file, node } of beginning.files) this.#nodes.set(file, node);
    for (const directory of beginning.directories) this.#directories.add(directory);
    this.#nextNode = beginning.files.length;
  }

  line(line: string): void {
    const [, pid = "", text = ""] = /^(\d+) +(.*)$/u.exec(line) ?? [];
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/u.exec(text);
    if (resumed !== null) {
      const call = this.#unfinished.get(pid);
      this.#unfinished.delete(pid);
      if (call !== undefined) this.#end({ ...call, args: call.args + (resumed[1] ?? "") });
      return;
    }
    const [, name = "", args = ""] = /^(\w+)\((.*)$/u.exec(text) ?? [];
    if (name === "") return;
    const begun = this.steps.length;
    const complete = args.replace(/ *<unfinished \.\.\.>$/u, "");
    const call = { name, args: complete, begun, write: this.#begin(name, complete) };
    if (args.endsWith("<unfinished ...>")) this.#unfinished.set(pid, call);
    else this.#end(call);
  }

  /** What takes effect, or may, from the start of a call. Returns the step of a write. */
  #begin(name: string, args: string): number | undefined {
    if (!/^p?writev?(?:64|2)?$/u.test(name)) return undefined;
    const fd = descriptorOf(args);
    if (fd === 1) {
      for (const text of octetsOf(args).toString("utf8").split("\n").filter(Boolean))
        this.steps.push({ kind: "mark", text });
      return undefined;
    }
    const open = this.#descriptors.get(fd);
    if (open === undefined || !this.#isFollowed(pathOf(args))) return undefined;
    const octets = octetsOf(args);
    const placed = name.startsWith("pwrite");
    const at = placed ? Number(/["\]], \d+, (\d+)/u.exec(args)?.[1]) : open.position;
    if (!Number.isSafeInteger(at)) throw new Error(`where does it write? ${args.slice(-100)}`);
    if (!placed) open.position += octets.length;
    this.steps.push({ kind: "write", node: open.node, at, octets });
    return this.steps.length - 1;
  }

  #end({ name, args, begun, write }: Call): void {
    const result = Number(/\) += (-?\d+)/u.exec(args)?.[1] ?? "NaN");
    if (write !== undefined) return this.#written(write, args, result);
    if (result < 0) return;
    if (name === "openat" || name === "open" || name === "creat") return this.#opened(args, result);
    if (name === "close") return void this.#descriptors.delete(descriptorOf(args));
    if (name === "lseek") {
      const open = this.#descriptors.get(descriptorOf(args));
      if (open !== undefined) open.position = result;
      return;
    }
    if (name === "fsync" || name === "fdatasync") return this.#flushed(args, begun);
    const [first = "", second = ""] = this.#paths(args);
    if (name.startsWith("mkdir")) this.#directory(first);
    else if (name.startsWith("rename")) this.#renamed(first, second);
    else if (name.startsWith("unlink") || name === "rmdir") this.#gone(first);
    else if (/^p?writev?/u.test(name)) return;
    else if (this.#isFollowed(pathOf(args)) || this.#isFollowed(first))
      throw new Error(`a call that is not followed: ${name}(${args.slice(0, 200)}`);
  }

  #written(write: number, args: string, result: number): void {
    const step = this.steps[write];
    if (step?.kind !== "write" || result !== step.octets.length)
      throw new Error(`a write that failed: ${args.slice(-60)}`);
    if (this.#descriptors.get(descriptorOf(args))?.synchronous === true) this.steps.push({ kind: "written", write });
  }

  #opened(args: string, fd: number): void {
    const file = this.#relative(this.#absolute(args)[0] ?? "");
    this.#descriptors.delete(fd);
    if (file === undefined || path.basename(file) !== dataFile) return;
    let node = this.#nodes.get(file);
    if (node === undefined) {
      node = this.#nextNode++;
      this.#nodes.set(file, node);
      this.steps.push({ kind: "name", path: file, node });
    }
    if (args.includes("O_TRUNC")) throw new Error(`${file} is cut short`);
    this.#descriptors.set(fd, { node, synchronous: /O_D?SYNC/u.test(args), position: 0 });
  }

  #flushed(args: string, since: number): void {
    const file = this.#relative(pathOf(args));
    if (file === undefined) return;
    const node = this.#nodes.get(file);
    if (node !== undefined) this.steps.push({ kind: "flushed", node, since });
    else if (this.#directories.has(file)) this.steps.push({ kind: "settled", path: file, since });
  }

  #directory(file: string): void {
    const name = this.#relative(file);
    if (name === undefined) return;
    this.#directories.add(name);
    this.steps.push({ kind: "name", path: name, node: undefined });
  }

  #renamed(fromPath: string, toPath: string): void {
    const from = this.#relative(fromPath);
    const to = this.#relative(toPath);
    const node = from === undefined ? undefined : this.#nodes.get(from);
    if (from === undefined || to === undefined || node === undefined) {
      if (from !== undefined && this.#directories.has(from)) throw new Error(`a directory is renamed: ${from}`);
      return;
    }
    this.#nodes.delete(from);
    this.#nodes.set(to, node);
    this.steps.push({ kind: "rename", from, to });
  }

  #gone(file: string): void {
    const name = this.#relative(file);
    if (name === undefined || !(this.#nodes.delete(name) || this.#directories.delete(name))) return;
    this.steps.push({ kind: "unname", path: name });
  }

  /** The paths that a call names, each relative to the descriptor before it, if there is one. */
  #absolute(args: string): string[] {
    const found = args.matchAll(/(?:(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>, )?"((?:\\x[0-9a-f]{2})*)"/gu);
    return [...found].map(([, base = "", name = ""]) => path.resolve(decoded(base) || "/", decoded(name)));
  }

  #paths(args: string): string[] {
    return this.#absolute(args);
  }

  #isFollowed(file: string): boolean {
    return path.basename(file) === dataFile && this.#relative(file) !== undefined;
  }

  /** "" is the root itself. */
  #relative(file: string): string | undefined {
    if (file === this.#root) return "";
    return file.startsWith(`${this.#root}/`) ? file.slice(this.#root.length + 1) : undefined;
  }
}

function descriptorOf(args: string): number {
  return Number(/^(\d+)</u.exec(args)?.[1] ?? "NaN");
}

/** Of the descriptor that a call begins with. */
function pathOf(args: string): string {
  return decoded(/^\d+<((?:\\x[0-9a-f]{2})*)>/u.exec(args)?.[1] ?? "");
}

function octetsOf(args: string): Buffer {
  const quoted = args.slice(args.indexOf(">") + 1).matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/gu);
  return Buffer.concat(
    [...quoted].map(([, text = "", cut]) => {
      if (cut !== undefined) throw new Error("strace has cut off what was written");
      return Buffer.from(text.replaceAll("\\x", ""), "hex");
    }),
  );
}

function decoded(text: string): string {
  return Buffer.from(text.replaceAll("\\x", ""), "hex").toString("utf8");
}
