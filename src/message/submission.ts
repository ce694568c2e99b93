/**
 * What is changed of a message that is submitted to us (RFC 6409 §8), and which ones are not taken because they travel in
 * a circle (RFC 5321 §6.3). From the header block alone; everything not named here stays octet for octet, so that a
 * signature made on the sender's side stays valid.
 *
 * - On top: our Received field, and Date and Message-ID where they are missing. Where a DKIM signature says that there is
 *   none (RFC 6376 §8.15), it is not added.
 * - Removed: Bcc and Resent-Bcc, signed or not, since blindness goes before a signature. Return-Path, which only the last
 *   server may write (RFC 5321 §4.4), and Content-Length, which is a mail file's and wrong after the first change:
 *   devices and scripts send both. Signed ones stay. The "From " line of a mail file.
 * - A continuation line at the very top, which would become part of our own field.
 * - A missing From is not made up (RFC 6409 §8.1 would permit it): nobody here knows the author.
 */
import type { Address } from "../core/address.ts";
import type { EpochMs } from "../core/ports.ts";
import { parseAddressList } from "./address-list.ts";
import { maxEvidence, type Evidence, type RemovedField } from "./decision.ts";
import type { Edits } from "./edits.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import { signedFields, type Signer } from "./signed-fields.ts";
import { isOwnReceived, ownSubmission, rfc5322Date } from "./trace.ts";

export interface SubmissionFacts {
  readonly hostname: string;
  /** The queue id. */
  readonly id: string;
  readonly at: EpochMs;
  /** Our Received field, complete. */
  readonly received: string;
}

export interface SubmissionEdits {
  readonly kind: "take";
  readonly edits: Edits;
  readonly removed: readonly RemovedField[];
  /** Of what was missing in the header: the values that were added. */
  readonly added: { readonly date: string | undefined; readonly messageId: string | undefined };
  /** What a person may want to know of it later. */
  readonly notes: Evidence["ignored"];
  /** The first address of From. */
  readonly author: Address | undefined;
}

export type SubmissionReading =
  | SubmissionEdits
  | { readonly kind: "refuse"; readonly reason: "loop" | "too-many-hops"; readonly detail: string };

/** RFC 5321 §6.3 asks for a limit of at least 100 in general; Exchange, which is next to us on both sides, stops at 30. */
const mostReceived = 50;
/** A message that a mailing list or a rule sends out a second time has been submitted once before. */
const mostOwnSubmissions = 1;
/** One by POP3 and one by SMTP: mail that was fetched, redirected by a rule of Exchange, and came back from outside. */
const mostOwnReceived = 2;

/** Reads the header block of a submitted message. */
export function readSubmission(header: HeaderBlock, facts: SubmissionFacts): SubmissionReading {
  const circle = circleOf(header, facts.hostname);
  if (circle !== undefined) return circle;
  const signers = signedFields(header);
  const notes: { what: string; why: string }[] = [];
  const removed = removedFields(header, signers, notes);
  const added = missingFields(header, signers, facts, notes);
  const from = header.fields.filter(({ lower }) => lower === "from");
  if (from.length === 0) notes.push({ what: "From", why: "missing, and not made up" });
  const prepend =
    facts.received +
    (added.date === undefined ? "" : `Date: ${added.date}\r\n`) +
    (added.messageId === undefined ? "" : `Message-ID: ${added.messageId}\r\n`) +
    (isHeaderless(header) ? "\r\n" : "");
  return {
    kind: "take",
    edits: { prepend, cuts: removed.map(({ start, end }) => ({ start, end })) },
    removed,
    added,
    notes: notes.slice(0, maxEvidence),
    author: from.flatMap(({ value }) => parseAddressList(value).addresses)[0],
  };
}

function circleOf(
  header: HeaderBlock,
  hostname: string,
): Extract<SubmissionReading, { readonly kind: "refuse" }> | undefined {
  const received = header.fields.filter(({ lower }) => lower === "received");
  const own = received.filter(({ value }) => isOwnReceived(value, hostname));
  const submissions = own.flatMap(({ value }) => ownSubmission(value, hostname) ?? []);
  if (submissions.length > mostOwnSubmissions) {
    const detail = `it has been sent by ${hostname} ${submissions.length} times before, as ${submissions.join(", ")}`;
    return { kind: "refuse", reason: "loop", detail };
  }
  if (own.length > mostOwnReceived) {
    return { kind: "refuse", reason: "loop", detail: `it has been at ${hostname} ${own.length} times before` };
  }
  if (received.length <= mostReceived) return undefined;
  const detail = `it carries ${received.length} Received fields, at most ${mostReceived} are taken`;
  return { kind: "refuse", reason: "too-many-hops", detail };
}

const blind: ReadonlySet<string> = new Set(["bcc", "resent-bcc"]);
const ofMailFiles: ReadonlySet<string> = new Set(["return-path", "content-length"]);

function removedFields(
  header: HeaderBlock,
  signers: ReadonlyMap<string, Signer>,
  notes: { what: string; why: string }[],
): readonly RemovedField[] {
  const removed: RemovedField[] = header.mboxFrom === undefined ? [] : [{ name: "From ", ...header.mboxFrom }];
  let atTop = true;
  for (const field of header.fields) {
    atTop &&= field.junk;
    const { name, lower, start, end } = field;
    if (atTop && continuesOurs(field)) removed.push({ name: "continuation of no field", start, end });
    if (!blind.has(lower) && !ofMailFiles.has(lower)) continue;
    const signer = signers.get(lower);
    const stays = signer !== undefined && !blind.has(lower);
    if (!stays) removed.push({ name, start, end });
    if (signer === undefined) continue;
    const what = `${name} at octet ${start}`;
    const fate = stays ? "left in, because" : "removed although";
    notes.push({ what, why: `${fate} the DKIM signature of ${signer.domain} covers it` });
  }
  return removed;
}

/** A line without a name before the first field: behind our fields it would be read as the rest of the last one. */
function continuesOurs(field: HeaderField): boolean {
  const [first] = field.valueBytes;
  return first === 32 || first === 9;
}

function missingFields(
  header: HeaderBlock,
  signers: ReadonlyMap<string, Signer>,
  { hostname, id, at }: SubmissionFacts,
  notes: { what: string; why: string }[],
): SubmissionEdits["added"] {
  const add = (name: string, value: string): string | undefined => {
    const lower = name.toLowerCase();
    if (header.fields.some((field) => field.lower === lower)) return undefined;
    const signer = signers.get(lower);
    if (signer === undefined) return value;
    notes.push({
      what: name,
      why: `not added, because the DKIM signature of ${signer.domain} says that there is none`,
    });
    return undefined;
  };
  return { date: add("Date", rfc5322Date(at)), messageId: add("Message-ID", `<${id}@${hostname}>`) };
}

/** Nothing but text, as scripts send it: what we put on top needs the blank line that ends a header. */
function isHeaderless(header: HeaderBlock): boolean {
  return header.fields.length === 0 && header.bodyStart === (header.mboxFrom?.end ?? 0);
}
