/**
 * Tells whether a message that has just been read was brought in before under another id, or under the same one.
 * Keeps the ledger's side of one session in memory; no I/O.
 *
 * Asked only of messages that the ids do not settle:
 * - same id, but it had gone or its size has changed: the same octets, or the same content for the same recipients
 *   (servers that write `Status` or `X-UIDL` fields into a stored message change its octets, not its content);
 * - a new id: the octets of an entry whose own id is no longer listed. Octets include the provider's trace fields, so
 *   this is the message itself, back under another id, and not a second copy;
 * - no id of its own: the octets of any entry. Two listed messages with equal octets are one that was stored twice;
 * - a rebuilt box: also the same content for the same recipients, among the messages that were in the box before.
 *   Each entry is recognised once, so that real copies stay copies.
 *
 * Nothing but an id of their own is believed of named messages that have neither a Message-ID nor a Date, unless the
 * ledger had to make the id: a device that sends the same text every night must not have its second report swallowed.
 */
import type { EpochMs } from "../core/ports.ts";
import type { LedgerEntry } from "../spool/port.ts";
import { isMadeId } from "./ledger-entry.ts";
import type { FetchAction } from "./actions.ts";
import { wasThere } from "./plan.ts";

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
  const moved = fetched.filter((entry) => !listed.has(entry.uidl));
  const movedByDigest = Map.groupBy(moved, (entry) => entry.digest);
  const wasInBox = moved.filter((entry) => isMadeId(entry.uidl) || wasThere(entry, rebuildingSince));
  const movedByContent =
    rebuildingSince === undefined
      ? new Map<string, LedgerEntry[]>()
      : Map.groupBy(wasInBox, (entry) => entry.contentDigest);
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
        movedByDigest.get(print.digest)?.find((entry) => free(entry) && (print.identified || isMadeId(entry.uidl))) ??
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
