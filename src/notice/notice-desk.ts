/**
 * Tells the postmaster what needs a person: mail that is held, and accounts that cannot get on.
 *
 * Guarantees: one digest for everything that is new, at most one in `everyMs`, the first one at once. The notice is
 * spooled mail with the null reverse path, and it is durable before what it tells of is marked as told: a crash between
 * the two repeats a notice, and never loses one. A held notice is not told by another notice.
 */
import { nullReversePath, type Address } from "../core/address.ts";
import type { EventSink, PopgateEvent } from "../core/events.ts";
import type { MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { eventText } from "../core/event-words.ts";
import { examine } from "../message/examine.ts";
import { SpoolError, type Inspection, type Intake, type Queue } from "../spool/port.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord } from "../spool/record.ts";
import { noticeMail } from "./notice-mail.ts";
import { noticeSubject, noticeText, type NoticeItem, type NoticeLanguage } from "./notice-text.ts";

interface NoticeOptions {
  readonly postmaster: Address;
  readonly hostname: string;
  readonly language: NoticeLanguage;
  /** At most one notice in this time. */
  readonly everyMs: number;
}

export interface NoticePorts {
  readonly spool: Intake & Queue & Inspection;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly options: NoticeOptions;
}

export interface NoticeDesk {
  /** Looks for something to tell from time to time, until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Tells what is new, if the last notice is long enough ago. Resolves with how many messages were told of. */
  tick(signal: AbortSignal): Promise<number>;
  /** Passes events on, and takes note of the troubles of accounts. */
  watch(events: EventSink): EventSink;
}

/** How often it is looked whether there is something to tell. */
const lookEveryMs = 15_000;
const pageSize = 200;
const dayMs = 86_400_000;
/** Different troubles that are remembered. */
const mostTroubles = 1000;

interface Trouble {
  readonly text: string;
  told: EpochMs | undefined;
}

export function createNoticeDesk({ spool, clock, events, options }: NoticePorts): NoticeDesk {
  const troubles = new Map<string, Trouble>();
  let lastNoticeAt: EpochMs | undefined;

  const note = (event: PopgateEvent): void => {
    const key = troubleKey(event);
    if (key === undefined || troubles.size >= mostTroubles) return;
    const known = troubles.get(key);
    const again = known?.told !== undefined && clock.now() - known.told >= dayMs;
    if (known === undefined || again) troubles.set(key, { text: eventText(event), told: undefined });
  };

  const tick = async (signal: AbortSignal): Promise<number> => {
    const now = clock.now();
    if (lastNoticeAt !== undefined && now - lastNoticeAt < options.everyMs && now >= lastNoticeAt) return 0;
    const news = [...troubles.values()].filter(({ told }) => told === undefined);
    const held = await untold(spool, signal);
    if (held.length === 0 && news.length === 0) return 0;
    const content = {
      hostname: options.hostname,
      items: held.flatMap(itemsOf),
      troubles: news.map(({ text }) => text),
    };
    const id = await spoolNotice(spool, options, now, (ingestId) =>
      noticeMail({
        to: options.postmaster,
        hostname: options.hostname,
        subject: noticeSubject(options.language, content),
        text: noticeText(options.language, content),
        at: now,
        id: ingestId,
      }),
    );
    lastNoticeAt = now;
    for (const trouble of news) trouble.told = now;
    events.emit({ kind: "notice-spooled", message: id, about: held.length });
    // The notice is durable: from here on they count as told.
    for (const record of held) await markTold(spool, record.id, now);
    return held.length;
  };

  return {
    tick,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await tick(signal);
        } catch (error) {
          // The spool's own trouble is told by the spool; the notice is written when it can be.
          if (!(error instanceof SpoolError) && !signal.aborted)
            events.emit({ kind: "internal-error", where: "notices", detail: String(error) });
        }
        await clock.sleep(lookEveryMs, signal).catch(() => undefined);
      }
    },
    watch: (sink) => ({
      emit(event) {
        note(event);
        sink.emit(event);
      },
    }),
  };
}

/** The same key for the same trouble of the same account: it is told once. */
function troubleKey(event: PopgateEvent): string | undefined {
  switch (event.kind) {
    case "poll-failed":
      return ["auth", "tls", "permanent"].includes(event.failure) ? `${event.account} ${event.failure}` : undefined;
    case "profile-drift":
    case "profile-undecided":
    case "box-rebuilt":
      return `${event.account} ${event.kind}`;
    case "account-notice":
      return `${event.account} ${event.detail}`;
    case "box-notice":
      return `${event.account} ${event.uidl} ${event.detail}`;
    case "spool-full":
    case "spool-failed":
    case "record-set-aside":
      return event.kind;
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- all other events need nobody
    default:
      return undefined;
  }
}

/** Held messages, or messages with something held, that nobody has been told of. */
async function untold(spool: Inspection, signal: AbortSignal): Promise<MessageRecord[]> {
  const found: MessageRecord[] = [];
  let after: MessageId | undefined;
  while (!signal.aborted) {
    const page = await spool.held(after, pageSize);
    found.push(...page.filter(isNews));
    after = page.at(-1)?.id;
    if (page.length < pageSize) break;
  }
  return found;
}

function isNews(record: MessageRecord): boolean {
  if (record.origin.kind === "local") return false;
  const told = record.noticedAt;
  return told === undefined || itemsOf(record).some((_item, index) => (holdTimes(record)[index] ?? 0) > told);
}

function holdTimes(record: MessageRecord): number[] {
  const whole = record.hold === undefined ? [] : [record.hold.since];
  return [...whole, ...record.recipients.flatMap(({ state }) => (state.kind === "held" ? [state.hold.since] : []))];
}

function itemsOf(record: MessageRecord): NoticeItem[] {
  const common = {
    id: record.id,
    account: record.origin.kind === "pop3" ? record.origin.account : "",
    from: record.summary.from,
    subject: record.summary.subject,
    receivedAt: record.receivedAt,
  };
  const whole = record.hold === undefined ? [] : [{ ...common, recipient: undefined, ...reasonOf(record.hold) }];
  const parts = record.recipients.flatMap(({ address, state }) =>
    state.kind === "held" ? [{ ...common, recipient: address, ...reasonOf(state.hold) }] : [],
  );
  return [...whole, ...parts];
}

function reasonOf({ reason, detail }: Pick<NoticeItem, "reason" | "detail">): Pick<NoticeItem, "reason" | "detail"> {
  return { reason, detail };
}

async function spoolNotice(
  spool: Intake,
  { postmaster }: NoticeOptions,
  now: EpochMs,
  compose: (id: MessageId) => Buffer,
): Promise<MessageId> {
  await using ingest = spool.begin();
  const octets = compose(ingest.id);
  const examination = examine({ maxHeader: octets.length });
  examination.push(octets);
  const { summary, traits, contentDigest } = examination.finish();
  await ingest.write(octets);
  const draft: MessageDraft = {
    direction: "inbound",
    origin: { kind: "local", purpose: "notice" },
    reversePath: nullReversePath,
    recipients: [queuedRecipient(postmaster, now)],
    hold: undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary,
    traits,
    contentDigest,
  };
  await ingest.commit(draft, undefined);
  return ingest.id;
}

async function markTold(spool: Queue, id: MessageId, now: EpochMs): Promise<void> {
  try {
    await spool.update(id, (record) => ({ ...record, noticedAt: now }));
  } catch (error) {
    // Somebody has settled it meanwhile.
    if (!(error instanceof SpoolError && error.code === "SPOOL_NO_MESSAGE")) throw error;
  }
}
