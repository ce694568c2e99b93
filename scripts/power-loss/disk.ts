/**
 * What can be on the disk when the power goes: the assumed disk, as exactly as it is needed.
 *
 *   - A sector of 512 octets is written whole or not at all.
 *   - Until a flush returns, any of the sectors written since the last one may be on the disk, in any order, and the end of
 *     the file may lie behind any of them; what lies between and was not written reads as zeros.
 *   - A flush that has returned keeps its promise: disks that lie about it are outside of what any program can do.
 *   - Names (creating, renaming, removing) reach the disk in their order, as with a journal, at the latest when their
 *     directory is flushed. Flushing a file does not make its name durable. A rename is whole.
 *
 * Pure, but for the memory it keeps.
 */
import type { Chance } from "../torture/chance.ts";
import path from "node:path";
import type { Beginning, Step } from "./step.ts";

const sectorOctets = 512;

/**
 * What of the pending writes and names is kept. `all`: everything so far, as after a kill; `none`: only what was flushed;
 * the others by chance, whole writes, pages or sectors.
 */
export type Keeping = "all" | "none" | "writes" | "pages" | "sectors";

export interface DiskState {
  readonly directories: readonly string[];
  readonly files: readonly { readonly path: string; readonly octets: Buffer }[];
}

interface Piece {
  readonly step: number;
  readonly at: number;
  readonly octets: Uint8Array;
}

type NameStep = Extract<Step, { kind: "name" | "rename" | "unname" }>;

class FileContent {
  #octets = Buffer.alloc(0);
  #size = 0;
  pending: Piece[] = [];

  constructor(octets: Uint8Array = Buffer.alloc(0)) {
    this.put(0, octets);
  }

  put(at: number, octets: Uint8Array): void {
    const end = at + octets.length;
    if (end > this.#octets.length) {
      const larger = Buffer.alloc(Math.max(end, this.#octets.length * 2));
      this.#octets.copy(larger, 0, 0, this.#size);
      this.#octets = larger;
    }
    this.#octets.set(octets, at);
    this.#size = Math.max(this.#size, end);
  }

  settle(isDurable: (piece: Piece) => boolean): void {
    const left: Piece[] = [];
    for (const piece of this.pending) {
      if (isDurable(piece)) this.put(piece.at, piece.octets);
      else left.push(piece);
    }
    this.pending = left;
  }

  copy(): FileContent {
    return new FileContent(this.octets());
  }

  octets(): Buffer {
    return Buffer.from(this.#octets.subarray(0, this.#size));
  }
}

export class Disk {
  readonly #files = new Map<number, FileContent>();
  #names = new Map<string, number | undefined>();
  #pendingNames: { readonly number: number; readonly step: NameStep }[] = [];
  #number = 0;

  constructor({ directories, files }: Beginning) {
    for (const directory of directories) this.#names.set(directory, undefined);
    for (const { path: file, node, octets } of files) {
      this.#names.set(file, node);
      this.#files.set(node, new FileContent(octets));
    }
  }

  /** How many steps it has seen. */
  get steps(): number {
    return this.#number;
  }

  /** True when a loss of power now has more than one outcome. */
  get isOpen(): boolean {
    return this.#pendingNames.length > 0 || [...this.#files.values()].some(({ pending }) => pending.length > 0);
  }

  apply(step: Step): void {
    const number = this.#number++;
    switch (step.kind) {
      case "write":
        return void this.#file(step.node).pending.push({ step: number, at: step.at, octets: step.octets });
      case "written":
        for (const file of this.#files.values()) file.settle((piece) => piece.step === step.write);
        return;
      case "flushed":
        return this.#file(step.node).settle((piece) => piece.step < step.since);
      case "settled":
        return this.#settleNames(step.path, step.since);
      case "name":
        if (step.node !== undefined) this.#file(step.node);
        return void this.#pendingNames.push({ number, step });
      case "rename":
      case "unname":
        return void this.#pendingNames.push({ number, step });
      case "mark":
        return;
    }
  }

  /** One of the states in which a loss of power now can leave the disk. */
  state(keeping: Keeping, chance: Chance): DiskState {
    const names = new Map(this.#names);
    const kept =
      keeping === "all" || (keeping !== "none" && chance.next() < 0.7)
        ? this.#pendingNames.length
        : keeping === "none"
          ? 0
          : chance.whole(0, this.#pendingNames.length);
    for (const { step } of this.#pendingNames.slice(0, kept)) rename(names, step);
    const reachable = [...names].filter(([name]) => isReachable(names, name));
    // Of some disks nearly everything is left, of some hardly anything.
    const share = chance.pick([0.05, 0.5, 0.95]);
    return {
      directories: reachable.filter(([, node]) => node === undefined).map(([name]) => name),
      files: reachable.flatMap(([name, node]) =>
        node === undefined ? [] : [{ path: name, octets: this.#content(this.#file(node), keeping, chance, share) }],
      ),
    };
  }

  #content(file: FileContent, keeping: Keeping, chance: Chance, share: number): Buffer {
    if (keeping === "none" || file.pending.length === 0) return file.octets();
    const content = file.copy();
    for (const { at, octets } of file.pending) {
      const grain = keeping === "sectors" ? sectorOctets : keeping === "pages" ? 4096 : octets.length;
      for (let begin = 0; begin < octets.length;) {
        // At the borders of the disk's own sectors or pages, wherever the write began.
        const end = Math.min(
          octets.length,
          keeping === "all" || keeping === "writes"
            ? octets.length
            : (Math.floor((at + begin) / grain) + 1) * grain - at,
        );
        if (keeping === "all" || chance.next() < share) content.put(at + begin, octets.subarray(begin, end));
        begin = end;
      }
    }
    return content.octets();
  }

  /**
   * Flushing a directory makes its names durable, and, names being in order, those made before them. Only as far as the
   * last one in that directory: what comes later elsewhere may still be lost.
   */
  #settleNames(directory: string, since: number): void {
    const last = this.#pendingNames.findLastIndex(
      ({ number, step }) => number < since && namesOf(step).some((name) => parentOf(name) === directory),
    );
    for (const { step } of this.#pendingNames.slice(0, last + 1)) rename(this.#names, step);
    this.#pendingNames = this.#pendingNames.slice(last + 1);
  }

  #file(node: number): FileContent {
    const file = this.#files.get(node) ?? new FileContent();
    this.#files.set(node, file);
    return file;
  }
}

function rename(names: Map<string, number | undefined>, step: NameStep): void {
  if (step.kind === "name") names.set(step.path, step.node);
  else if (step.kind === "unname") names.delete(step.path);
  else {
    names.set(step.to, names.get(step.from));
    names.delete(step.from);
  }
}

function namesOf(step: NameStep): readonly string[] {
  return step.kind === "rename" ? [step.from, step.to] : [step.path];
}

/** "" of what lies in the root. */
function parentOf(name: string): string {
  const parent = path.dirname(name);
  return parent === "." ? "" : parent;
}

function isReachable(names: ReadonlyMap<string, number | undefined>, name: string): boolean {
  for (let at = parentOf(name); at !== ""; at = parentOf(at)) if (!names.has(at)) return false;
  return true;
}
