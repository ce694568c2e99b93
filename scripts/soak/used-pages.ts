/**
 * How many pages of an LMDB file hold something: the sum over its trees, whose heads count their own pages
 * (`src/spool/page-layout.ts` has the layout). Read from a file in use: what changed meanwhile gives NaN, or a number of a
 * moment ago.
 */
import { closeSync, openSync, readSync } from "node:fs";
import {
  flag,
  metaOctets,
  metaOf,
  nodeFlag,
  nodesOf,
  noPage,
  pageOf,
  treeOctets,
} from "../../src/spool/page-layout.ts";

/** The tree of free pages, and the main one, in a meta page. */
const treesAt = 48;

export function usedPages(file: string): number {
  const handle = openSync(file, "r");
  try {
    const read = (at: number, length: number): Buffer => {
      const octets = Buffer.alloc(length);
      readSync(handle, octets, 0, length, at);
      return octets;
    };
    const first = metaOf(read(0, metaOctets));
    if (first === undefined) return Number.NaN;
    const { pageSize } = first;
    const second = metaOf(read(pageSize, metaOctets));
    const isSecond = second !== undefined && second.transaction > first.transaction;
    const meta = isSecond ? second : first;
    const head = read(isSecond ? pageSize : 0, metaOctets);
    // Both meta pages, the tree of free pages, and the main tree itself.
    let pages = 2 + pagesOf(head, treesAt) + pagesOf(head, treesAt + treeOctets);
    const waiting = [meta.main.page];
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
      if (number === noPage) continue;
      const page = pageOf(read(Number(number) * pageSize, pageSize), Number(number));
      if (page === undefined) return Number.NaN;
      for (const node of nodesOf(page))
        if (page.flags === flag.branch) waiting.push(node.child);
        else if ((node.flags & nodeFlag.tree) !== 0) pages += pagesOf(node.value, 0);
    }
    return pages;
  } finally {
    closeSync(handle);
  }
}

/** Branch, leaf and overflow pages of the tree whose head is there. */
function pagesOf(octets: Buffer, at: number): number {
  return Number(octets.readBigUInt64LE(at + 8) + octets.readBigUInt64LE(at + 16) + octets.readBigUInt64LE(at + 24));
}
