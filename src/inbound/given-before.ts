/**
 * Who has been given a content already, by any message that is or was in the spool: for sources that name the same
 * people in every copy (To, Cc). Copies are found by their Message-ID, and believed only if all of the content agrees.
 *
 * The spool itself recognises copies that were committed as such; this also finds those that came in or were released
 * in another way: by an envelope field before the configuration was changed, or by `resolve`.
 */
import { addressKey, type AddressKey } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { Inspection, Queue } from "../spool/port.ts";
import type { MessageRecord } from "../spool/record.ts";

/** Recipient → the message that went to it. `except`: not to be taken for a copy of itself. */
export async function givenBefore(
  spool: Pick<Queue & Inspection, "load" | "history" | "byMessageIdField">,
  { contentDigest, summary }: Pick<MessageRecord, "contentDigest" | "summary">,
  except?: MessageId,
): Promise<Map<AddressKey, MessageId>> {
  const given = new Map<AddressKey, MessageId>();
  if (summary.messageId === "") return given;
  for (const id of await spool.byMessageIdField(summary.messageId)) {
    if (id === except) continue;
    const record = (await spool.load(id)) ?? (await spool.history(id));
    if (record?.contentDigest !== contentDigest) continue;
    for (const { address } of record.recipients) given.set(addressKey(address), id);
  }
  return given;
}
