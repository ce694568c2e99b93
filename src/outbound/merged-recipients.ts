/** The recipients of a submitted message as the spool keeps them: each mailbox once. Pure. */
import { addressKey, type AddressKey } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import { queuedRecipient, type DsnWishes, type Recipient } from "../spool/record.ts";
import type { EnvelopeRecipient } from "./port.ts";

/**
 * One recipient for each mailbox, due at once, in the order of their first mention and in that spelling. Where one was
 * named several times with different wishes (RFC 3461 §4.1), what any of them asked to be told of is told.
 */
export function mergedRecipients(recipients: readonly EnvelopeRecipient[], now: EpochMs): readonly Recipient[] {
  const merged = new Map<AddressKey, EnvelopeRecipient>();
  for (const recipient of recipients) {
    const key = addressKey(recipient.address);
    const before = merged.get(key);
    if (before === undefined) merged.set(key, recipient);
    else merged.set(key, { address: before.address, dsn: mergedWishes(before.dsn, recipient.dsn) });
  }
  return [...merged.values()].map(({ address, dsn }) => ({ ...queuedRecipient(address, now), dsn }));
}

const kinds = ["SUCCESS", "FAILURE", "DELAY"] as const;

function mergedWishes(one: DsnWishes | undefined, other: DsnWishes | undefined): DsnWishes | undefined {
  if (one === undefined && other === undefined) return undefined;
  const asked = new Set([...askedOf(one), ...askedOf(other)]);
  const wanted = kinds.filter((kind) => asked.has(kind));
  return { notify: wanted.length === 0 ? ["NEVER"] : wanted, orcpt: one?.orcpt ?? other?.orcpt };
}

function askedOf(wishes: DsnWishes | undefined): DsnWishes["notify"] {
  return wishes === undefined || wishes.notify.length === 0 ? ["FAILURE", "DELAY"] : wishes.notify;
}
