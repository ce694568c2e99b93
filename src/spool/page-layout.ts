/**
 * How LMDB lays its pages out, as far as it takes to read them: pure, on octets already read. Nothing here trusts what it
 * reads: a page or node that does not fit is left out, never an exception.
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
/** LMDB's data file within a spool directory. */
export const dataFile = "data.mdb";
/** A copy of a spool is in this folder of its own until it is whole. */
export const unfinishedFolder = "unfinished";

export const headerOctets = 24;
const nodeOctets = 8;
export const treeOctets = 48;
const magic = 0xbeefc0de;
/** What has to be read of a meta page. */
export const metaOctets = 192;
const treesAt = headerOctets + 24;

export const flag = { branch: 1, leaf: 2, overflow: 4, meta: 8 } as const;
export const nodeFlag = { elsewhere: 1, tree: 2 } as const;

/** The root of a tree that has none. */
export const noPage = 0xffff_ffff_ffff_ffffn;

export interface TreeRoot {
  readonly page: bigint;
  readonly entries: bigint;
  /** Levels, the leaves' among them. */
  readonly depth: number;
}

export interface Page {
  readonly number: number;
  readonly octets: Buffer;
  readonly transaction: bigint;
  readonly flags: number;
  /** Octets of offsets, and where the nodes begin; both counted from the header's end. */
  readonly lower: number;
  readonly upper: number;
}

export interface Node {
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

export interface Meta {
  readonly transaction: bigint;
  readonly pageSize: number;
  /** Pages that are free, by transaction. */
  readonly free: TreeRoot;
  /** The roots of the named trees. */
  readonly main: TreeRoot;
}

/** `octets`: the first of a page, at least `metaOctets` of them. */
export function metaOf(octets: Buffer): Meta | undefined {
  if (octets.readUInt16LE(18) !== flag.meta || octets.readUInt32LE(headerOctets) !== magic) return undefined;
  return {
    transaction: octets.readBigUInt64LE(152),
    pageSize: octets.readUInt32LE(treesAt),
    free: rootOf(octets, treesAt),
    main: rootOf(octets, treesAt + treeOctets),
  };
}

/** `undefined` when the octets are not those of the page `number`. */
export function pageOf(octets: Buffer, number: number): Page | undefined {
  if (octets.readBigUInt64LE(0) !== BigInt(number)) return undefined;
  return {
    number,
    octets,
    transaction: octets.readBigUInt64LE(8),
    flags: octets.readUInt16LE(18),
    lower: octets.readUInt16LE(20),
    upper: octets.readUInt16LE(22),
  };
}

export function rootOf(octets: Buffer, at: number): TreeRoot {
  return {
    depth: octets.readUInt16LE(at + 6),
    entries: octets.readBigUInt64LE(at + 32),
    page: octets.readBigUInt64LE(at + 40),
  };
}

/** Those nodes of a leaf or branch page that lie within it. */
export function nodesOf({ octets, lower, flags: pageFlags }: Page): Node[] {
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
export function keyText(key: Buffer): string {
  return key.toString("utf8").replace(/\0$/u, "");
}
