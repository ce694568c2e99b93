/**
 * Reads the pages of an LMDB file without LMDB, so that what is left of a damaged spool can be saved: LMDB itself refuses
 * such a file or, worse, crashes on it. Nothing here trusts what it reads: a page, node or value that does not fit is
 * `undefined`, never an exception. Reads only.
 *
 * The layout is that of the LMDB which lmdb 3.5 brings along (data format 2, little-endian, 64 bit); stock LMDB 0.9 has
 * format 1, whose page header lacks the transaction.
 *
 *   page header, 24 octets   number u64 | transaction u64 | pad u16 | flags u16 | lower u16, upper u16 (or: pages u32)
 *   flags                    1 branch, 2 leaf, 4 overflow, 8 meta
 *   meta page, after header  magic u32 | version u32 | address u64 | map size u64 | two trees of 48 octets (free pages, main)
 *                            | last page u64 | transaction u64
 *   tree, 48 octets          pad u32 (in the first: page size) | flags u16 | depth u16 | branch, leaf, overflow pages u64 each
 *                            | entries u64 | root page u64
 *   branch and leaf page     `lower` octets of u16 offsets, counted from the header's end, each to a node:
 *   node                     low u16, high u16, flags u16, key size u16 | key | value
 *   in a branch              low, high and flags are the child's page number
 *   in a leaf                low and high are the value's size; flags 1: the value is elsewhere, and here stand its first
 *                            page u64, transaction u64 and pages u64; flags 2: the value is a tree
 *   overflow                 one header, then the value, over consecutive pages
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

const headerOctets = 24;
const nodeOctets = 8;
const treeOctets = 48;
const magic = 0xbeefc0de;
const usualPageSize = 4096;
const pageSizes = [4096, 8192, 16_384, 32_768, 65_536];
const compacted = 1n;
const noPage = 0xffff_ffff_ffff_ffffn;
/** Deeper trees do not exist: 20 levels would hold more than any disk. */
const deepest = 20;

const flag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
const nodeFlag = { elsewhere: 1, tree: 2 } as const;

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

  /** The named trees of the newest state whose root can be read, or `undefined`. */
  tables(onFault: OnFault): ReadonlyMap<string, TreeRoot> | undefined {
    const metas = [this.#meta(0), this.#meta(1)]
      .filter((meta) => meta !== undefined)
      .sort((a, b) => (a.transaction < b.transaction ? 1 : -1));
    if (metas.length < 2) onFault(`${2 - metas.length} of the 2 meta pages cannot be read`);
    const [newest] = metas;
    if (newest === undefined) return undefined;
    const tables = new Map<string, TreeRoot>();
    this.#walk(newest.main, deepest, onFault, (node, page) => {
      if ((node.flags & nodeFlag.tree) === 0 || node.value.length < treeOctets) return;
      tables.set(keyText(node.key), rootOf(page.octets, node.valueAt));
    });
    return tables;
  }

  /** All entries of a tree in the order of their keys. */
  entries(root: TreeRoot, onFault: OnFault, onEntry: (entry: PageEntry) => void): void {
    let found = 0n;
    this.#walk(root.page, deepest, onFault, (node, page) => {
      found += 1n;
      onEntry(this.#entry(node, page));
    });
    if (found !== root.entries) onFault(`a tree of ${root.entries} entries shows ${found}`);
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
    if (place > BigInt(this.pages)) return undefined;
    const page = this.#page(Number(place));
    if (page === undefined || page.flags !== flag.overflow) return undefined;
    // Used for something else since? A compacting copy writes 1 into nodes and leaves the pages as they were: unknown.
    if (page.transaction !== transaction && transaction !== compacted) return undefined;
    return this.#read(Number(place) * this.#pageSize + headerOctets, size, size);
  }

  #walk(number: bigint, levels: number, onFault: OnFault, onNode: (node: Node, page: Page) => void): void {
    if (number === noPage) return;
    const page = number < BigInt(this.pages) ? this.#page(Number(number)) : undefined;
    if (page === undefined || levels === 0 || (page.flags !== flag.leaf && page.flags !== flag.branch)) {
      onFault(`page ${number} is not what the tree says it is`);
      return;
    }
    const nodes = nodesOf(page);
    if (nodes.length !== page.lower >> 1) onFault(`page ${number} holds nodes that do not fit`);
    for (const node of nodes) {
      if (page.flags === flag.leaf) onNode(node, page);
      else this.#walk(node.child, levels - 1, onFault, onNode);
    }
  }

  #page(number: number): Page | undefined {
    const octets = this.#read(number * this.#pageSize, this.#pageSize, headerOctets);
    if (octets === undefined || octets.readBigUInt64LE(0) !== BigInt(number)) return undefined;
    return {
      number,
      octets,
      transaction: octets.readBigUInt64LE(8),
      flags: octets.readUInt16LE(18),
      lower: octets.readUInt16LE(20),
    };
  }

  #meta(number: 0 | 1): { readonly transaction: bigint; readonly main: bigint } | undefined {
    const octets = this.#read(number * this.#pageSize, this.#pageSize, 192);
    if (octets === undefined || !isMeta(octets)) return undefined;
    return { main: rootOf(octets, headerOctets + 24 + treeOctets).page, transaction: octets.readBigUInt64LE(152) };
  }

  /** From a meta page, wherever one can be read: the second one stands at the page size. */
  #findPageSize(): number {
    for (const size of pageSizes) {
      const octets = this.#read(size, 192, 192);
      if (octets !== undefined && isMeta(octets)) return size;
    }
    const first = this.#read(0, 192, 192);
    const told = first !== undefined && isMeta(first) ? first.readUInt32LE(headerOctets + 24) : 0;
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

export interface TreeRoot {
  readonly page: bigint;
  readonly entries: bigint;
}

interface Page {
  readonly number: number;
  readonly octets: Buffer;
  readonly transaction: bigint;
  readonly flags: number;
  readonly lower: number;
}

interface Node {
  readonly flags: number;
  readonly key: Buffer;
  readonly size: number;
  /** Where the value stands within the page. */
  readonly valueAt: number;
  /** What of the value stands within the page. */
  readonly value: Buffer;
  /** In a branch. */
  readonly child: bigint;
}

function isMeta(octets: Buffer): boolean {
  return octets.readUInt16LE(18) === flag.meta && octets.readUInt32LE(headerOctets) === magic;
}

function rootOf(octets: Buffer, at: number): TreeRoot {
  return { entries: octets.readBigUInt64LE(at + 32), page: octets.readBigUInt64LE(at + 40) };
}

/** Those nodes of a leaf or branch page that lie within it. */
function nodesOf({ octets, lower, flags: pageFlags }: Page): Node[] {
  const nodes: Node[] = [];
  for (let at = headerOctets; at + 2 <= Math.min(headerOctets + lower, octets.length); at += 2) {
    const begin = headerOctets + octets.readUInt16LE(at);
    if (begin + nodeOctets > octets.length) continue;
    const low = octets.readUInt16LE(begin);
    const high = octets.readUInt16LE(begin + 2);
    const flags = octets.readUInt16LE(begin + 4);
    const valueAt = begin + nodeOctets + octets.readUInt16LE(begin + 6);
    const size = low + high * 0x1_0000;
    const here = pageFlags === flag.branch ? 0 : (flags & nodeFlag.elsewhere) === 0 ? size : nodeOctets * 3;
    if (valueAt + here > octets.length) continue;
    nodes.push({
      flags,
      key: octets.subarray(begin + nodeOctets, valueAt),
      size,
      valueAt,
      value: octets.subarray(valueAt, valueAt + here),
      child: BigInt(low) + (BigInt(high) << 16n) + (BigInt(flags) << 32n),
    });
  }
  return nodes;
}

/** Keys and names of trees are text; lmdb ends names with a NUL. */
function keyText(key: Buffer): string {
  return key.toString("utf8").replace(/\0$/u, "");
}
