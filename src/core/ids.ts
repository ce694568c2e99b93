/** Names of things that travel through all parts, branded so that one cannot be taken for another. */
import type { EpochMs, Random } from "./ports.ts";

declare const brand: unique symbol;

/** A message in the spool: its queue id. Sorts by time of arrival; safe in file names, URLs and SMTP replies. */
export type MessageId = string & { readonly [brand]: "MessageId" };

/** The `name` of a `[[collector]]` or `[[mailbox]]`. */
export type AccountName = string & { readonly [brand]: "AccountName" };

/** No vowels, no look-alikes: ids are read out on the telephone. Ascending in ASCII, so ids sort as text. */
const alphabet = "0123456789BCDFGHJKLMNPQRSTVWXZ";
const timeDigits = 9;
const randomDigits = 5;

/** Makes a queue id: 9 digits of milliseconds, 5 of chance. Uniqueness is checked by the spool when it commits. */
export function makeMessageId(now: EpochMs, random: Random): MessageId {
  let time = "";
  for (let rest = Math.max(0, Math.floor(now)), i = 0; i < timeDigits; i++) {
    time = alphabet.charAt(rest % alphabet.length) + time;
    rest = Math.floor(rest / alphabet.length);
  }
  let chance = "";
  for (let i = 0; i < randomDigits; i++) chance += alphabet.charAt(Math.floor(random.next() * alphabet.length));
  return (time + chance) as MessageId;
}

const messageIdPattern = new RegExp(`^[${alphabet}]{${timeDigits + randomDigits}}$`, "u");

/** No id comes after it. */
export const lastMessageId = alphabet.slice(-1).repeat(timeDigits + randomDigits) as MessageId;

/** Reads a queue id as a person types it; `undefined` if it cannot be one. */
export function parseMessageId(text: string): MessageId | undefined {
  const upper = text.trim().toUpperCase();
  return messageIdPattern.test(upper) ? (upper as MessageId) : undefined;
}

/** Under this name popgate keeps what it remembers beside its accounts. The configuration cannot give it. */
export const ownMemory = ".popgate" as AccountName;

/** Under this name a relay keeps what it remembers: how much of its allowance is spent. */
export function relayMemory(relay: string): AccountName {
  return `.relay.${relay}` as AccountName;
}

/** An account's name: what the configuration accepts. */
export function parseAccountName(text: string): AccountName | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/u.test(text) ? (text as AccountName) : undefined;
}
