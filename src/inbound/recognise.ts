/**
 * Tells whether a message that has just been read was brought in before under another id, or under the same one.
 * Keeps the ledger's side of one session in memory; no I/O.
 *
 * Three questions, asked only where the ids cannot answer:
 * - same id, but it had gone or its size has changed: the same octets, or the same content for the same recipients
 *   (servers that write `Status` or `X-UIDL` fields into a stored message change its octets, not its content);
 * - no id of its own: the same octets as any entry. Two listed messages with equal octets, trace fields included, are
 *   one message that the server stored twice;
 * - a rebuilt box: the same octets, else the same content for the same recipients, among the messages that were in the
 *   box before it was rebuilt. Each entry is recognised once, so that real copies stay copies.
 *
 * Content alone is believed only of a message that has a Message-ID or a Date: a device that sends the same text every
 * night without either must not have its second report taken for the first.
 */
import type { EpochMs } from "../core/ports.ts";
import type { LedgerEntry } from "../spool/port.ts";
import { isMadeId } from "./ledger-entry.ts";
import { wasThere, type FetchAction } from "./plan.ts";

/** What identifies a message that has been read to its end. */
export interface Fingerprint {
  readonly digest: string;
  readonly contentDigest: string;
  /** Address keys, sorted and joined by a space; empty when the message is to be held. */
  readonly recipientsKey: string;
  /** It has a Message-ID or a Date. */
  readonly identified: boolean;
}

export interface Recogniser {
  /** The entry under which this message is known already; `undefined` for a new one. */
  claim(action: FetchAction, print: Fingerprint): LedgerEntry | undefined;
  /** Notes an entry written in this session, for messages without an id that come later in it. */
  remember(entry: LedgerEntry): void;
}

/** A recogniser for one session. `rebuildingSince`: when the box was found rebuilt, if it was. */
export function createRecogniser(
  entries: readonly LedgerEntry[],
  listed: ReadonlySet<string>,
  rebuildingSince: EpochMs | undefined,
): Recogniser {
  const fetched = entries.filter((entry) => entry.digest !== "");
  const byDigest = Map.groupBy(fetched, (entry) => entry.digest);
  const movable = (entry: LedgerEntry): boolean =>
    isMadeId(entry.uidl) || (rebuildingSince !== undefined && wasThere(entry, rebuildingSince));
  const moved = fetched.filter((entry) => movable(entry) && !listed.has(entry.uidl));
  const movedByDigest = Map.groupBy(moved, (entry) => entry.digest);
  const movedByContent =
    rebuildingSince === undefined
      ? new Map<string, LedgerEntry[]>()
      : Map.groupBy(moved, (entry) => entry.contentDigest);
  const claimed = new Set<string>();
  const free = (entry: LedgerEntry): boolean => !claimed.has(entry.uidl);

  return {
    claim(action, print) {
      if (action.known !== undefined && action.known.digest !== "") {
        const { known } = action;
        if (known.digest === print.digest || sameContent(known, print)) return known;
      }
      if (action.uidl === undefined) return byDigest.get(print.digest)?.[0];
      const entry =
        movedByDigest.get(print.digest)?.find(free) ??
        movedByContent.get(print.contentDigest)?.find((entry) => free(entry) && sameContent(entry, print));
      if (entry !== undefined) claimed.add(entry.uidl);
      return entry;
    },
    remember(entry) {
      const others = byDigest.get(entry.digest);
      if (others === undefined) byDigest.set(entry.digest, [entry]);
      else others.unshift(entry);
    },
  };
}

/** A message that was held had no recipients then, and may have some now: its content is enough. */
function sameContent(entry: LedgerEntry, print: Fingerprint): boolean {
  if (!print.identified || entry.contentDigest === "" || entry.contentDigest !== print.contentDigest) return false;
  return entry.recipientsKey === print.recipientsKey || entry.recipientsKey === "" || print.recipientsKey === "";
}
