/**
 * What can be on the disk when the power goes: the assumed disk, as exactly as it is needed.
 *
 *   - A sector of 512 octets is written whole or not at all.
 *   - Until a flush returns, any of the sectors written since the last one may be on the disk, in any order, and the end of
 *     the file may lie behind any of them; what lies between and was not written reads as zeros.
 *   - A flush that has returned keeps its promise: disks that lie about it are outside of what any program can do.
 *   - Names (creating, renaming, removing) reach the disk in their order, as with a journal. Flushing a directory makes the
 *     names in it durable, and no others: not its own name in the directory above, as a journal would. Nor does flushing a
 *     file make its name durable. A rename is whole.
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

interface PendingName {
  readonly number: number;
  readonly removed: string | undefined;
  /** `node`: the file it stands for; `undefined`: a directory. */
  readonly added: { readonly path: string; readonly node: number | undefined } | undefined;
}

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
  readonly #names = new Map<string, number | undefined>();
  /** As the process sees them. */
  readonly #present = new Map<string, number | undefined>();
  #pendingNames: PendingName[] = [];
  #number = 0;

  constructor({ directories, files }: Beginning) {
    for (const directory of directories) this.#names.set(directory, undefined);
    for (const { path: file, node, octets } of files) {
      this.#names.set(file, node);
      this.#files.set(node, new FileContent(octets));
    }
    for (const [name, node] of this.#names) this.#present.set(name, node);
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
        return this.#name({ number, removed: undefined, added: step });
      case "rename":
        return this.#name({ number, removed: step.from, added: { path: step.to, node: this.#present.get(step.from) } });
      case "unname":
        return this.#name({ number, removed: step.path, added: undefined });
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
    for (const change of this.#pendingNames.slice(0, kept)) rename(names, change);
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

  #name(change: PendingName): void {
    rename(this.#present, change);
    this.#pendingNames.push(change);
  }

  #settleNames(directory: string, since: number): void {
    const left: PendingName[] = [];
    for (const change of this.#pendingNames) {
      const inIt = [change.removed, change.added?.path].some(
        (name) => name !== undefined && parentOf(name) === directory,
      );
      if (inIt && change.number < since) rename(this.#names, change);
      else left.push(change);
    }
    this.#pendingNames = left;
  }

  #file(node: number): FileContent {
    const file = this.#files.get(node) ?? new FileContent();
    this.#files.set(node, file);
    return file;
  }
}

function rename(names: Map<string, number | undefined>, { removed, added }: PendingName): void {
  if (removed !== undefined) names.delete(removed);
  if (added !== undefined) names.set(added.path, added.node);
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
