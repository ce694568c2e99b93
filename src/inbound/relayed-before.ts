/** What the spool knows of the messages of our own that a fetched one may be: see `message/returned.ts`. */
import { addressKey } from "../core/address.ts";
import { parseMessageId, type MessageId } from "../core/ids.ts";
import type { HeaderBlock } from "../message/header.ts";
import { submittedAs, type RelayedMessage } from "../message/returned.ts";
import type { Inspection, Queue } from "../spool/port.ts";
import type { MessageRecord, Recipient } from "../spool/record.ts";

/** Anybody can write such fields: so many are looked up. More than one of ours is a loop anyhow. */
const mostLookedUp = 3;

/** The messages, queued or ended, as which this one was submitted to us; only those relayed to anybody so far. */
export async function relayedBefore(
  spool: Pick<Queue & Inspection, "load" | "history">,
  header: HeaderBlock,
  hostname: string,
): Promise<readonly RelayedMessage[]> {
  const found: RelayedMessage[] = [];
  for (const text of submittedAs(header, hostname).slice(0, mostLookedUp)) {
    const id = parseMessageId(text);
    const record = id === undefined ? undefined : await recordOf(spool, id);
    if (record?.direction !== "outbound") continue;
    const to = record.recipients.flatMap((recipient) => relayedTo(record, recipient) ?? []);
    if (to.length > 0) found.push({ id: record.id, to });
  }
  return found;
}

async function recordOf(
  spool: Pick<Queue & Inspection, "load" | "history">,
  id: MessageId,
): Promise<MessageRecord | undefined> {
  // It may end between the two; the history does not lose it again for days.
  return (await spool.load(id)) ?? (await spool.history(id));
}

/**
 * By the last attempt that was made for the recipient: what went to Exchange was not relayed. Only the last attempts of a
 * message are kept; where none is left for the recipient, it is not said to have been relayed.
 */
function relayedTo(
  { attempts }: MessageRecord,
  { address, state, unconfirmed }: Recipient,
): RelayedMessage["to"][number] | undefined {
  if (state.kind !== "delivered" && unconfirmed === 0) return undefined;
  const key = addressKey(address);
  const last = attempts.findLast(
    ({ destination, recipients }) => destination !== "" && recipients.some((other) => addressKey(other) === key),
  );
  if (last === undefined || isExchange(last.destination)) return undefined;
  return { address, at: state.kind === "delivered" ? state.at : undefined };
}

/** Destinations are named by what they are: `exchange host:port`, `relay name`. */
function isExchange(destination: string): boolean {
  return /^exchange\b/u.test(destination);
}
