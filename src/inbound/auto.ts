/**
 * `profile = "auto"`: looks at the mail of a box and finds out which provider profile it follows.
 *
 * Material are the header blocks of the newest messages in the box (TOP n 0, RFC 1939 §7), and of messages that were
 * fetched and held while nothing was known. A server without TOP is therefore learnt from what has been held. Nothing is
 * delivered by what is only likely: see `message/learn.ts`. What has been learnt is kept until the account forgets it.
 *
 * Fails only with what ends the session; a header that cannot be had is left out.
 */
import type { HoldReason } from "../core/hold.ts";
import type { AccountName, MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import { parseHeaderBlock, type HeaderBlock } from "../message/header.ts";
import { learnProfile } from "../message/learn.ts";
import type { Pop3Box } from "../pop3/port.ts";
import { SpoolError, type Inspection, type Queue } from "../spool/port.ts";
import type { AutoPolicy } from "./envelope.ts";
import type { Learnt } from "./memory.ts";
import { storedHeader } from "./stored-header.ts";

export type LearnResult =
  | { readonly kind: "learnt"; readonly learnt: Learnt }
  | { readonly kind: "undecided"; readonly why: string };

/** What the header blocks say. */
export function learnFrom(headers: readonly HeaderBlock[], auto: AutoPolicy, now: EpochMs): LearnResult {
  const { kind: _kind, ...base } = auto;
  const result = learnProfile(headers, base);
  if (result.kind === "undecided") return result;
  const { profile, share, of } = result;
  return { kind: "learnt", learnt: { profile: profile.name, share, of, at: now } };
}

/** Header blocks of these messages, the last ones first, as far as the server gives them. */
export async function boxHeaders(
  box: Pop3Box,
  numbers: readonly number[],
  limits: { readonly count: number; readonly octets: number },
): Promise<HeaderBlock[]> {
  if (box.capabilities.announced && !box.capabilities.top) return [];
  const wanted = numbers.toSorted((a, b) => b - a).slice(0, limits.count);
  const headers: HeaderBlock[] = [];
  const ahead: Promise<Buffer | undefined>[] = [];
  for (let next = 0; next < wanted.length || ahead.length > 0;) {
    const number = wanted[next];
    if (number !== undefined && ahead.length < Math.max(1, box.window)) {
      const reply = box.top(number, 0, limits.octets);
      // Awaited in its turn; if the session ends before that, the failure is the session's.
      reply.catch(() => undefined);
      ahead.push(reply);
      next++;
      continue;
    }
    const top = await ahead.shift();
    if (top !== undefined) headers.push(parseHeaderBlock(top));
    // The first refusal means that the server does not know TOP: the others will not be better.
    else if (headers.length === 0) next = wanted.length;
  }
  return headers;
}

/** Held for want of a profile, or because the one that was known no longer fits. */
export const heldForProfile: readonly HoldReason[] = ["profile-undecided", "envelope-drift"];

/** Header blocks of this account's messages that are held for that, the newest first. */
export async function heldHeaders(
  spool: Queue & Inspection,
  account: AccountName,
  limits: { readonly count: number; readonly octets: number },
): Promise<HeaderBlock[]> {
  const ids: MessageId[] = [];
  let after: MessageId | undefined;
  for (;;) {
    const page = await spool.held(after, 100);
    for (const { id, origin, hold } of page) {
      after = id;
      if (hold === undefined || !heldForProfile.includes(hold.reason)) continue;
      if (origin.kind === "pop3" && origin.account === account) ids.push(id);
    }
    if (page.length < 100) break;
  }
  const headers: HeaderBlock[] = [];
  for (const id of ids.slice(-limits.count).toReversed()) {
    try {
      const { header, headerTooLarge } = await storedHeader(spool, id, limits.octets);
      if (!headerTooLarge) headers.push(header);
    } catch (error) {
      // Released or dropped since it was listed, or damaged: there are others to learn from.
      if (!(error instanceof SpoolError)) throw error;
    }
  }
  return headers;
}
