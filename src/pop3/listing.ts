/**
 * STAT, LIST and UIDL read into one listing (RFC 1939 §5, §7). Pure.
 *
 * Nothing that a server writes here is believed further than it must be. Sizes that are negative, too large or no number
 * are not known. A message without a usable unique id, or with two different ones, has none; two messages with the same
 * id keep it, for the caller to notice. A message stands in the listing when either LIST or UIDL names it.
 */
import type { ListedMessage, Listing } from "./port.ts";

/** RFC 1939 §7 says 70; longer ones exist. What is longer than this is not an id. */
const maxUidlLength = 250;

/** How many messages STAT counts; `undefined` when that cannot be read. The size in octets is of no use. */
export function parseStat(text: string): number | undefined {
  const count = /^\d{1,15}(?=\s|$)/u.exec(text)?.[0];
  return count === undefined ? undefined : Number(count);
}

/**
 * Puts LIST and UIDL together. `undefined` stands for a command that was refused: without UIDL there are only sizes,
 * without LIST only ids. Lines that cannot be read are left out.
 */
export function makeListing(scan: readonly string[] | undefined, ids: readonly string[] | undefined): Listing {
  const sizes = new Map<number, number | undefined>();
  for (const line of scan ?? []) {
    const [number, size] = columns(line);
    if (number !== undefined) sizes.set(number, size === undefined ? undefined : parseSize(size));
  }
  const uidls = readUidls(ids ?? [], [...sizes.keys()]);
  const numbers = new Set([...sizes.keys(), ...uidls.keys()]);
  const messages = [...numbers]
    .toSorted((a, b) => a - b)
    .map((number): ListedMessage => ({ number, size: sizes.get(number), uidl: uidls.get(number) }));
  return { messages, hasUidl: ids !== undefined };
}

function readUidls(lines: readonly string[], numbers: readonly number[]): Map<number, string | undefined> {
  const uidls = new Map<number, string | undefined>();
  const bare = lines.map((line) => line.trim().split(/[ \t]+/u));
  // Ids without numbers can only be told apart by their order, and only when there is one for each message.
  if (bare.length > 0 && bare.length === numbers.length && bare.every((tokens) => tokens.length === 1)) {
    for (const [index, [id]] of bare.entries()) uidls.set(numbers[index] ?? 0, parseUidl(id));
    return uidls;
  }
  for (const line of lines) {
    const [number, id] = columns(line);
    if (number === undefined) continue;
    const uidl = parseUidl(id);
    uidls.set(number, uidls.has(number) && uidls.get(number) !== uidl ? undefined : uidl);
  }
  return uidls;
}

/** The number and the column behind it; further columns are extensions (RFC 1939 §5 warns of them for LIST). */
function columns(line: string): [number | undefined, string | undefined] {
  const match = /^\s*(\d{1,10})(?:\s+(\S+))?/u.exec(line);
  const number = Number(match?.[1] ?? 0);
  return [number >= 1 ? number : undefined, match?.[2]];
}

function parseSize(text: string): number | undefined {
  const size = /^\d{1,20}$/u.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(size) ? size : undefined;
}

function parseUidl(text: string | undefined): string | undefined {
  if (text === undefined || text === "" || text.length > maxUidlLength) return undefined;
  return /[\p{Cc}\p{Cs}\ufffd]/u.test(text) ? undefined : text;
}
