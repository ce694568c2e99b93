/**
 * Tells the postmaster what needs a person: mail that is held, and accounts that cannot get on.
 *
 * Guarantees: one digest for everything that is new, at most one in `everyMs` (across restarts too), the first one
 * without waiting for it. The notice is spooled mail with the null reverse path, and it is durable before what it tells
 * of is marked as told: a crash between the two repeats a notice, and never loses one. A held notice is not told by
 * another notice. While the spool cannot take it, it waits; nothing is marked.
 */
import { nullReversePath, type Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import { ownMemory, type MessageId } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { examine } from "../message/examine.ts";
import { SpoolError, type Inspection, type Intake, type Ledger, type Queue } from "../spool/port.ts";
import { queuedRecipient, type MessageDraft } from "../spool/record.ts";
import { heldNews, markTold, type HeldNews } from "./held-news.ts";
import { noticeMail } from "./notice-mail.ts";
import { noticeMemory, readNoticeMemory } from "./notice-memory.ts";
import { noticeSubject, noticeText, type NoticeContent } from "./notice-text.ts";
import type { NoticeLanguage } from "./notice-words.ts";
import { Troubles, type Trouble } from "./troubles.ts";

interface NoticeOptions {
  readonly postmaster: Address;
  readonly hostname: string;
  readonly language: NoticeLanguage;
  /** At most one notice in this time. */
  readonly everyMs: number;
}

export interface NoticePorts {
  readonly spool: Intake & Queue & Inspection & Pick<Ledger, "state" | "putState">;
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
/** While there is more at each look, the notice waits for so many looks: a flood is one notice. */
const longestWaitLooks = 4;

interface News {
  readonly held: HeldNews;
  readonly troubles: readonly Trouble[];
}

export function createNoticeDesk(ports: NoticePorts): NoticeDesk {
  return new Desk(ports);
}

class Desk implements NoticeDesk {
  readonly #ports: NoticePorts;
  readonly #troubles = new Troubles();
  #recalled = false;
  #lastNoticeAt: EpochMs | undefined;
  /** Looks and notices follow each other: two at once would tell the same. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(ports: NoticePorts) {
    this.#ports = ports;
  }

  async tick(signal: AbortSignal): Promise<number> {
    return this.#inTurn(async () => {
      const news = await this.#look(signal);
      return news === undefined ? 0 : this.#tell(news);
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { spool, clock, events } = this.#ports;
    let changed = true;
    let seen = 0;
    let waits = 0;
    using _changes = spool.onChange(() => (changed = true));
    const round = async (): Promise<void> => {
      const troubles = this.#troubles.news(clock.now()).length;
      if (!changed && seen === 0 && troubles === 0) return;
      const news = await this.#look(signal);
      if (news === undefined) return;
      // Only now: a look that came too soon, or failed, has to be made up for.
      changed = false;
      const size = news.held.messages.length + news.troubles.length;
      const grows = size > seen && waits < longestWaitLooks;
      if (size > 0 && !grows) await this.#tell(news);
      seen = grows ? size : 0;
      waits = grows ? waits + 1 : 0;
    };
    while (!signal.aborted) {
      try {
        await this.#inTurn(round);
      } catch (error) {
        changed = true;
        // The spool's own trouble is told by the spool; the notice is written when it can be.
        if (!(error instanceof SpoolError) && !signal.aborted)
          events.emit({ kind: "internal-error", where: "notices", detail: String(error) });
      }
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }

  watch(sink: EventSink): EventSink {
    return {
      emit: (event) => {
        this.#troubles.note(event, this.#ports.clock.now());
        sink.emit(event);
      },
    };
  }

  async #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(step);
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** What is to be told; `undefined` when it is too soon for a notice, or the signal was aborted. */
  async #look(signal: AbortSignal): Promise<News | undefined> {
    const { spool, clock, options } = this.#ports;
    await this.#recall();
    const since = clock.now() - (this.#lastNoticeAt ?? Number.NEGATIVE_INFINITY);
    // A clock that was set back must not silence us until it has caught up.
    if (since >= 0 && since < options.everyMs) return undefined;
    const held = await heldNews(spool, signal);
    return held === undefined ? undefined : { held, troubles: this.#troubles.news(clock.now()) };
  }

  async #tell({ held, troubles }: News): Promise<number> {
    const { spool, clock, events, options } = this.#ports;
    const told = held.messages.length;
    if (told + troubles.length === 0) return 0;
    const now = clock.now();
    const content: NoticeContent = {
      hostname: options.hostname,
      messages: told,
      counts: held.counts,
      items: held.items,
      troubles,
      moreTroubles: this.#troubles.beyond,
    };
    const id = await spoolNotice(spool, options, now, content);
    // The notice is durable: from here on they count as told.
    this.#lastNoticeAt = now;
    this.#troubles.tell(troubles, now);
    events.emit({ kind: "notice-spooled", message: id, about: told, troubles: troubles.length });
    await markTold(spool, held.messages, now);
    await spool.putState(ownMemory, noticeMemory(now, this.#troubles.told));
    return told;
  }

  async #recall(): Promise<void> {
    if (this.#recalled) return;
    const { lastNoticeAt, told } = readNoticeMemory(await this.#ports.spool.state(ownMemory));
    this.#lastNoticeAt = lastNoticeAt;
    this.#troubles.recall(told);
    this.#recalled = true;
  }
}

/** Resolves with the notice's id when it is durable. */
async function spoolNotice(
  spool: Intake,
  { postmaster, hostname, language }: NoticeOptions,
  now: EpochMs,
  content: NoticeContent,
): Promise<MessageId> {
  await using ingest = spool.begin();
  const octets = noticeMail({
    to: postmaster,
    hostname,
    subject: noticeSubject(language, content),
    text: noticeText(language, content),
    at: now,
    id: ingest.id,
  });
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
