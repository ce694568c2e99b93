/**
 * One report into the spool, in one transaction with the record that it settles.
 *
 * To an own domain it is inbound mail and goes to Exchange. To anybody else (mail that Exchange forwards keeps its foreign
 * sender) it goes by the relays, in the postmaster's name: a relay is chosen by the sender, and the null reverse path has
 * none. Aliases are not applied: the address is the one that the mail was sent from.
 */
import { domainOf, nullReversePath, type Address } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import { examine } from "../message/examine.ts";
import { render } from "../message/render.ts";
import type { Intake, Queue } from "../spool/port.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord, type Recipient } from "../spool/record.ts";
import { fullAtMost, readOriginal, type Returned } from "./original-part.ts";
import { originalFacts, type RecipientFacts, type ReportKind, type ReportLanguage } from "./report-facts.ts";
import { deliveryReport } from "./report-mail.ts";

export interface ReportOptions {
  readonly hostname: string;
  /** Named in reports, and the sender in whose name reports to the outside are relayed. */
  readonly postmaster: Address;
  /** Own domains: reports to them go to Exchange, all others by the relays. */
  readonly domains: readonly string[];
  /** Own addresses whose box is not at Exchange: reports to them go by the relays, too. */
  readonly isElsewhere?: ((address: Address) => boolean) | undefined;
  readonly language: ReportLanguage;
  /** How long a message is tried, for delay notices. */
  readonly giveUpMs: number;
  /** IANA name, for the times that people read; UTC unless given. */
  readonly timeZone?: string | undefined;
}

export interface WantedReport {
  /** The message that is reported of. */
  readonly record: MessageRecord;
  readonly kind: ReportKind;
  /** Its reverse path. */
  readonly to: Address;
  readonly recipients: readonly [RecipientFacts, ...RecipientFacts[]];
  /** What is made of the record in the same transaction. What it throws undoes all. */
  readonly change: (record: MessageRecord) => MessageRecord;
}

/** Resolves with the report's id when it is durable. */
export async function spoolReport(
  spool: Intake & Pick<Queue, "body">,
  options: ReportOptions,
  now: EpochMs,
  { record, kind, to, recipients, change }: WantedReport,
): Promise<MessageId> {
  await using ingest = spool.begin();
  const returned = await returnedOf(spool, record, kind);
  const { hostname, postmaster, language, timeZone = "UTC" } = options;
  const original = originalFacts(record, options.giveUpMs);
  const common = { hostname, postmaster, language, timeZone, id: ingest.id, at: now };
  const octets = deliveryReport({ ...common, kind, to, original, recipients, returned });
  const examination = examine({ maxHeader: octets.length });
  examination.push(octets);
  const { summary, traits, contentDigest } = examination.finish();
  await ingest.write(octets);
  // A report of a report there is none, and of what becomes of this one nobody is told.
  const recipient: Recipient = { ...queuedRecipient(to, now), dsn: { notify: ["NEVER"], orcpt: undefined } };
  const draft: MessageDraft = {
    ...directionOf(to, options),
    origin: { kind: "local", purpose: "report" },
    reversePath: nullReversePath,
    recipients: [recipient],
    hold: undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary,
    traits,
    contentDigest,
  };
  await ingest.commit(draft, undefined, { settles: { id: record.id, change } });
  return ingest.id;
}

function directionOf(
  to: Address,
  { domains, isElsewhere, postmaster }: ReportOptions,
): Pick<MessageDraft, "direction" | "submission"> {
  if (domains.includes(domainOf(to)) && isElsewhere?.(to) !== true) return { direction: "inbound" };
  return {
    direction: "outbound",
    submission: { sender: postmaster, ret: undefined, envid: undefined, requireTls: false },
  };
}

/** RFC 3461 §4.3: all of it only for a failure, where it was wished for. Without RET: the header. */
async function returnedOf(spool: Pick<Queue, "body">, record: MessageRecord, kind: ReportKind): Promise<Returned> {
  const { id, edits, size, submission, traits } = record;
  // RFC 8689 §5: a report that does not ask for REQUIRETLS itself tells nothing of the content, nor of the header.
  if (submission?.requireTls === true) return { kind: "none" };
  const full = kind === "failed" && submission?.ret === "FULL" && size <= fullAtMost && !traits.longLines;
  const returned = await readOriginal(render(spool.body(id), edits), full ? "message" : "headers");
  // Of a damaged message there may be nothing but our own trace field.
  return returned.kind === "headers" && returned.octets.length <= edits.prepend.length ? { kind: "none" } : returned;
}
