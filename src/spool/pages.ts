/**
 * Reads the pages of an LMDB file without LMDB (`page-layout.ts` says how they look): LMDB itself crashes on a damaged
 * file, or never comes back from it. So a file is checked before LMDB opens it, and what is left of a damaged one can be
 * saved. A page, node or value that does not fit is left out and told, never an exception. Reads only.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import {
  flag,
  headerOctets,
  keyText,
  metaOctets,
  metaOf,
  nodeFlag,
  nodesOf,
  noPage,
  pageOf,
  rootOf,
  treeOctets,
  type Meta,
  type Node,
  type Page,
  type TreeRoot,
} from "./page-layout.ts";

const usualPageSize = 4096;
const pageSizes = [4096, 8192, 16_384, 32_768, 65_536];
const compacted = 1n;
/** Deeper trees do not exist: 20 levels would hold more than any disk. */
const deepest = 20;

export interface PageEntry {
  readonly key: string;
  /** Transaction that wrote the leaf: of two entries of one key, the higher is the newer. */
  readonly transaction: bigint;
  /** Octets of the value. */
  readonly size: number;
  /** The value, read anew at each call; `undefined` when its pages have been used for something else or are missing. */
  readonly read: () => Buffer | undefined;
}

/** Called for whatever a walk could not follow. */
export type OnFault = (detail: string) => void;

export class PageFile implements Disposable {
  readonly #handle: number;
  readonly #size: number;
  readonly #pageSize: number;

  constructor(file: string) {
    this.#handle = openSync(file, "r");
    this.#size = fstatSync(this.#handle).size;
    this.#pageSize = this.#findPageSize();
  }

  [Symbol.dispose](): void {
    closeSync(this.#handle);
  }

  /** Whole and partial pages. */
  get pages(): number {
    return Math.ceil(this.#size / this.#pageSize);
  }

  /**
   * True for what a loss of power can leave of a file that was being made, before LMDB had flushed anything: no more than
   * its first three pages, and no meta page that tells of a commit. Nothing was ever stored in it.
   */
  get isUnfinished(): boolean {
    const metas = [0, this.#pageSize].map((at) => this.#metaAt(at));
    return this.#size <= 3 * this.#pageSize && metas.every((meta) => meta === undefined || meta.transaction === 0n);
  }

  /** The named trees of the newest state whose root can be read, or `undefined`. */
  tables(onFault: OnFault): ReadonlyMap<string, TreeRoot> | undefined {
    const newest = this.#newestMeta(onFault);
    return newest === undefined ? undefined : this.#tables(newest, this.#walk(onFault));
  }

  /** All entries of a tree in the order of their keys. */
  entries(root: TreeRoot, onFault: OnFault, onEntry: (entry: PageEntry) => void): void {
    this.#follow(root, this.#walk(onFault), (node, page) => onEntry(this.#entry(node, page)));
  }

  /**
   * Tells whatever LMDB would trip over. `roots`: as far as the roots of all trees, in no time; `all`: every page of the
   * trees, and the first page of each value that has pages of its own. What values say is not looked at.
   */
  check(depth: "roots" | "all", onFault: OnFault, onPage: (read: number) => void = () => undefined): void {
    const newest = this.#newestMeta(onFault);
    if (newest === undefined) return;
    let read = 0;
    const walk = { ...this.#walk(onFault), onPage: () => onPage(++read) };
    // Its keys are transactions, little-endian.
    this.#follow(newest.free, { ...walk, isBefore: numbersAscend }, (node) => this.#checkValue(node, onFault));
    for (const [name, root] of this.#tables(newest, walk)) {
      if (depth === "all") this.#follow(root, walk, (node) => this.#checkValue(node, onFault));
      else if (root.page !== noPage && this.#treePage(root.page) === undefined)
        onFault(`the root of the table ${name} is lost`);
    }
  }

  /** Every entry of every leaf page in the file, also of states long past, in no order. */
  scan(onEntry: (entry: PageEntry) => void): void {
    for (let number = 0; number < this.pages; number++) {
      const page = this.#page(number);
      if (page === undefined || page.flags !== flag.leaf) continue;
      for (const node of nodesOf(page)) {
        if ((node.flags & nodeFlag.tree) === 0) onEntry(this.#entry(node, page));
      }
    }
  }

  #entry(node: Node, page: Page): PageEntry {
    const { size } = node;
    // The node's octets are not kept: an index of a million entries would keep the whole file.
    const elsewhere = (node.flags & nodeFlag.elsewhere) !== 0;
    const place = elsewhere && node.value.length >= 24 ? node.value.readBigUInt64LE(0) : undefined;
    const transaction = place === undefined ? page.transaction : node.value.readBigUInt64LE(8);
    const { number } = page;
    const at = node.valueAt;
    return {
      key: keyText(node.key),
      transaction: page.transaction,
      size,
      read: () => {
        if (elsewhere) return place === undefined ? undefined : this.#overflow(place, transaction, size);
        const again = this.#page(number);
        const octets = again?.octets.subarray(at, at + size);
        return octets?.length === size ? Buffer.from(octets) : undefined;
      },
    };
  }

  #overflow(place: bigint, transaction: bigint, size: number): Buffer | undefined {
    const at = this.#overflowAt(place, transaction, size);
    return at === undefined ? undefined : this.#read(at, size, size);
  }

  /** Where in the file the value stands, if its pages are still its own and lie within the file. */
  #overflowAt(place: bigint, transaction: bigint, size: number): number | undefined {
    if (place > BigInt(this.pages)) return undefined;
    const page = this.#page(Number(place));
    if (page === undefined || page.flags !== flag.overflow) return undefined;
    // Used for something else since? A compacting copy writes 1 into nodes and leaves the pages as they were: unknown.
    if (page.transaction !== transaction && transaction !== compacted) return undefined;
    const at = Number(place) * this.#pageSize + headerOctets;
    return at + size <= this.#size ? at : undefined;
  }

  #checkValue({ flags, key, size, value }: Node, onFault: OnFault): void {
    if (flags === 0) return;
    const fits =
      flags === nodeFlag.elsewhere &&
      this.#overflowAt(value.readBigUInt64LE(0), value.readBigUInt64LE(8), size) !== undefined;
    if (!fits) onFault(`the value of ${keyText(key)} is lost`);
  }

  #tables(meta: Meta, walk: Walk): Map<string, TreeRoot> {
    const tables = new Map<string, TreeRoot>();
    this.#follow(meta.main, walk, (node, page) => {
      if (node.flags !== nodeFlag.tree || node.value.length < treeOctets)
        walk.onFault(`${keyText(node.key)} is not the root of a table`);
      else tables.set(keyText(node.key), rootOf(page.octets, node.valueAt));
    });
    return tables;
  }

  #walk(onFault: OnFault): Walk {
    return { onFault, isBefore: octetsAscend, seen: new Uint8Array(Math.ceil(this.pages / 8)) };
  }

  #follow(root: TreeRoot, walk: Walk, onNode: OnNode): void {
    let found = 0n;
    this.#descend(root.page, { level: 1, depth: root.depth, from: undefined, to: undefined }, walk, (node, page) => {
      found += 1n;
      onNode(node, page);
    });
    if (found !== root.entries) walk.onFault(`a tree of ${root.entries} entries shows ${found}`);
  }

  #descend(number: bigint, place: Place, walk: Walk, onNode: OnNode): void {
    if (number === noPage) return;
    const page = this.#treePage(number);
    // Once only: in a damaged file a tree can lead back into itself.
    if (page === undefined || place.level > deepest || !enter(page.number, walk.seen)) {
      walk.onFault(`page ${number} is not what the tree says it is`);
      return;
    }
    walk.onPage?.();
    const nodes = nodesOf(page);
    if (!isOrderly(page, nodes, place, walk.isBefore)) walk.onFault(`page ${number} holds nodes that do not fit`);
    nodes.forEach((node, at) => {
      if (page.flags === flag.leaf) return onNode(node, page);
      const from = at === 0 ? place.from : node.key;
      const to = nodes[at + 1]?.key ?? place.to;
      this.#descend(node.child, { level: place.level + 1, depth: place.depth, from, to }, walk, onNode);
    });
  }

  #treePage(number: bigint): Page | undefined {
    const page = number < BigInt(this.pages) ? this.#page(Number(number)) : undefined;
    return page?.flags === flag.leaf || page?.flags === flag.branch ? page : undefined;
  }

  #page(number: number): Page | undefined {
    const octets = this.#read(number * this.#pageSize, this.#pageSize, headerOctets);
    return octets === undefined ? undefined : pageOf(octets, number);
  }

  #newestMeta(onFault: OnFault): Meta | undefined {
    const metas = [0, this.#pageSize]
      .map((at) => this.#metaAt(at))
      .filter((meta) => meta !== undefined)
      .sort((a, b) => (a.transaction < b.transaction ? 1 : -1));
    if (metas.length < 2) onFault(`${2 - metas.length} of the 2 meta pages cannot be read`);
    return metas[0];
  }

  #metaAt(at: number): Meta | undefined {
    const octets = this.#read(at, metaOctets, metaOctets);
    return octets === undefined ? undefined : metaOf(octets);
  }

  /** From a meta page, wherever one can be read: the second one stands at the page size. */
  #findPageSize(): number {
    const second = pageSizes.find((size) => this.#metaAt(size) !== undefined);
    if (second !== undefined) return second;
    const told = this.#metaAt(0)?.pageSize ?? usualPageSize;
    return pageSizes.includes(told) ? told : usualPageSize;
  }

  /** At least `least` octets from `at`, or nothing. */
  #read(at: number, wanted: number, least: number): Buffer | undefined {
    const room = Math.min(wanted, this.#size - at);
    if (room < least || room < 0) return undefined;
    const octets = Buffer.alloc(room);
    try {
      return readSync(this.#handle, octets, 0, room, at) === room ? octets : undefined;
    } catch {
      // A disk that cannot read this part any more: the rest may still be there.
      return undefined;
    }
  }
}

type OnNode = (node: Node, page: Page) => void;

interface Walk {
  readonly onFault: OnFault;
  readonly isBefore: IsBefore;
  readonly onPage?: () => void;
  /** One bit for each page of the file. */
  readonly seen: Uint8Array;
}

type IsBefore = (a: Buffer, b: Buffer) => boolean;

const octetsAscend: IsBefore = (a, b) => a.compare(b) < 0;
const numbersAscend: IsBefore = (a, b) =>
  a.length === 8 && b.length === 8 && a.readBigUInt64LE(0) < b.readBigUInt64LE(0);

/** Where in its tree a page stands: leaves at the level `depth`, keys from `from` on and before `to`. */
interface Place {
  readonly level: number;
  readonly depth: number;
  readonly from: Buffer | undefined;
  readonly to: Buffer | undefined;
}

/** False when the page has been entered before. */
function enter(number: number, seen: Uint8Array): boolean {
  const at = Math.floor(number / 8);
  const bit = 1 << (number % 8);
  const before = seen[at] ?? 0;
  seen[at] = before | bit;
  return (before & bit) === 0;
}

/** Whether all of a page's nodes lie within it, and in the order and bounds that a search relies on. */
function isOrderly(page: Page, nodes: readonly Node[], place: Place, isBefore: IsBefore): boolean {
  const { octets, lower, upper, flags } = page;
  if (lower % 2 !== 0 || lower > upper || upper + headerOctets > octets.length) return false;
  if (nodes.length !== lower / 2 || nodes.length === 0) return false;
  if ((flags === flag.leaf) !== (place.level === place.depth)) return false;
  // The first key of a branch says nothing.
  const keys = nodes.slice(flags === flag.branch ? 1 : 0).map(({ key }) => key);
  const { from, to } = place;
  const [first] = keys;
  const last = keys.at(-1);
  if (first === undefined || last === undefined) return false;
  if ((from !== undefined && isBefore(first, from)) || (to !== undefined && !isBefore(last, to))) return false;
  return keys.every((key, at) => at === 0 || isBefore(keys[at - 1] ?? key, key));
}
