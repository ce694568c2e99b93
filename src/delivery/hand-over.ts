/**
 * One message on its way to a destination: its transactions one after the other, each outcome stored before the next.
 *
 * Only those recipients are tried that the work names, and whom nobody has held, dropped or redirected meanwhile. No
 * transaction is begun that the destination does not admit (its allowance), and none after one that ran into trouble of the
 * destination or of the account there: what is left stays due.
 */
import type { EventSink, PopgateEvent } from "../core/events.ts";
import type { AccountName } from "../core/ids.ts";
import { causeText, replyText } from "../core/outcome.ts";
import type { Clock, Random } from "../core/ports.ts";
import { render } from "../message/render.ts";
import { SpoolError, type Queue } from "../spool/port.ts";
import { isEnded, type MessageRecord } from "../spool/record.ts";
import { dueGroups, followUp, type Group } from "./batch.ts";
import type { Destination } from "./destination.ts";
import { settleDamaged } from "./settle.ts";
import type { OutboundContext } from "./settle-outbound.ts";
import type { RecipientOutcome, Transaction, TransactionResult, Transport } from "./transport.ts";
import type { Work } from "./work-source.ts";

/** What outcomes make of a record: `settle` for inbound mail, `settleOutbound` for outbound. Pure. */
type Settle = (record: MessageRecord, outcomes: readonly RecipientOutcome[], context: OutboundContext) => MessageRecord;

/** What stands in the envelope beside the recipients. */
export type Envelope = Pick<Transaction, "reversePath" | "dsn" | "requireTls">;

export interface HandOverOptions {
  /** Recipients of one transaction. */
  readonly maxRecipients: number;
  readonly settle: Settle;
  /** Unless given: the record's own reverse path, and nothing else. */
  readonly envelope?: ((record: MessageRecord, group: Group) => Envelope) | undefined;
}

export interface HandOverPorts {
  readonly queue: Queue;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

/** How long to wait before an outcome that could not be stored is tried again. */
const storeAgainMs = 1_000;
/** When popgate is to stop, so many more tries are made to store what has happened. */
const lastTries = 10;

export class MessageDelivery {
  #record: MessageRecord;
  readonly #mine: Work["recipients"];
  readonly #options: HandOverOptions;
  readonly #ports: HandOverPorts;
  readonly #destination: Destination;

  constructor({ record, recipients }: Work, options: HandOverOptions, ports: HandOverPorts, destination: Destination) {
    this.#record = record;
    this.#mine = recipients;
    this.#options = options;
    this.#ports = ports;
    this.#destination = destination;
  }

  /**
   * Tries every recipient that is due. Stops between two transactions when the signal is aborted. `handedOver` is called
   * when the destination has answered the last of them: its place can be another message's while the outcome is stored.
   */
  async run(signal: AbortSignal, handedOver: () => void): Promise<void> {
    const groups = dueGroups(this.#record, this.#ports.clock.now(), this.#options.maxRecipients, this.#mine);
    for (let planned = groups.shift(); planned !== undefined; planned = groups.shift()) {
      if (signal.aborted) return;
      const group = await this.#stillQueued(planned);
      if (group === undefined) continue;
      if (!(await this.#destination.admit())) return;
      const result = await this.#transact(group, signal);
      if (result === undefined) return;
      this.#destination.note(result, this.#record.submission?.sender);
      if (result.bodyError instanceof SpoolError && result.bodyError.code === "SPOOL_DAMAGED") {
        await this.#storeDamaged(result.bodyError.message, signal);
        return;
      }
      const again = followUp(group, result);
      groups.unshift(...again);
      const repeated = new Set(again.flat());
      const settled = result.outcomes.filter(({ recipient }) => !repeated.has(recipient));
      const isStopped = result.destination.kind === "unavailable" || result.account !== undefined;
      if (groups.length === 0 && !isStopped) handedOver();
      if (settled.length > 0 && !(await this.#store(settled, result, signal))) return;
      // The others would run into the same wall.
      if (isStopped) return;
    }
  }

  /** Whom of a group nobody has decided on since; `undefined`: there is none. */
  async #stillQueued(group: Group): Promise<Group | undefined> {
    const present = await this.#ports.queue.load(this.#record.id);
    if (present === undefined || present.hold !== undefined) return undefined;
    this.#record = present;
    const queued = new Set(
      present.recipients.flatMap(({ address, state }) => (state.kind === "queued" ? address : [])),
    );
    const [first, ...rest] = group.filter((address) => queued.has(address));
    return first === undefined ? undefined : [first, ...rest];
  }

  /** `undefined` when the signal was aborted before anything was sent. */
  async #transact(group: Group, signal: AbortSignal): Promise<TransactionResult | undefined> {
    const { queue, transport } = this.#ports;
    const { id, size, traits, edits } = this.#record;
    const envelope = this.#options.envelope?.(this.#record, group) ?? { reversePath: this.#record.reversePath };
    const cut = edits.cuts.reduce((sum, { start, end }) => sum + end - start, 0);
    try {
      return await transport.deliver(
        {
          ...envelope,
          message: id,
          recipients: group,
          size: size + edits.prepend.length - cut,
          traits,
          body: () => render(queue.body(id), edits),
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** False when the message has gone from the queue meanwhile. */
  async #store(
    outcomes: readonly RecipientOutcome[],
    result: TransactionResult,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock, random, transport } = this.#ports;
    const context = {
      now: clock.now(),
      random,
      destination: transport.name,
      unavailable: result.destination.kind === "unavailable",
      dsnPassedOn: result.dsnPassedOn === true,
      account: result.account,
    };
    const stored = await this.#update((record) => this.#options.settle(record, outcomes, context), signal);
    if (!stored) {
      // A person has ended it meanwhile; that somebody has it all the same must not be lost.
      const delivered = outcomes.filter(({ outcome }) => outcome.kind === "delivered");
      for (const event of this.#eventsOf(delivered, result)) this.#ports.events.emit(event);
      return false;
    }
    for (const event of this.#eventsOf(outcomes, result)) this.#ports.events.emit(event);
    this.#emitEnd();
    return true;
  }

  async #storeDamaged(detail: string, signal: AbortSignal): Promise<void> {
    const { clock, events } = this.#ports;
    if (!(await this.#update((record) => settleDamaged(record, detail, clock.now()), signal))) return;
    const message = this.#record.id;
    events.emit({ kind: "held", message, account: this.#account(), recipient: undefined, reason: "damaged", detail });
  }

  async #update(change: (record: MessageRecord) => MessageRecord, signal: AbortSignal): Promise<boolean> {
    const { queue, clock } = this.#ports;
    const fault: { isOurs: boolean } = { isOurs: false };
    const guarded = (record: MessageRecord): MessageRecord => {
      fault.isOurs = true;
      const next = change(record);
      fault.isOurs = false;
      return next;
    };
    for (let tries = 0; ; tries++) {
      try {
        this.#record = await queue.update(this.#record.id, guarded);
        return true;
      } catch (error) {
        if (fault.isOurs) throw error;
        if (error instanceof SpoolError && error.code === "SPOOL_NO_MESSAGE") return false;
        // It has been handed over: forgetting that would hand it over again. The claim on it is kept meanwhile.
        if (signal.aborted && tries >= lastTries) throw error;
        await clock.sleep(storeAgainMs, new AbortController().signal);
      }
    }
  }

  #emitEnd(): void {
    if (isEnded(this.#record)) {
      this.#ports.events.emit({ kind: "ended", message: this.#record.id, account: this.#account() });
    }
  }

  #account(): AccountName | undefined {
    return this.#record.origin.kind === "pop3" ? this.#record.origin.account : undefined;
  }

  /** One event for all recipients with the same outcome in the same words, and one for each that is held. */
  #eventsOf(outcomes: readonly RecipientOutcome[], { ms }: TransactionResult): PopgateEvent[] {
    const groups = Map.groupBy(outcomes, ({ outcome }) =>
      outcome.kind === "delivered" ? replyText(outcome.reply) : `${outcome.kind} ${causeText(outcome.cause)}`,
    );
    return [...groups.values()].flatMap((group) => this.#eventOf(group, ms) ?? []);
  }

  #eventOf(group: readonly RecipientOutcome[], ms: number): PopgateEvent[] {
    const [first] = group;
    if (first === undefined) return [];
    const { outcome } = first;
    const common = {
      message: this.#record.id,
      account: this.#account(),
      recipients: group.map(({ recipient }) => recipient),
      destination: this.#ports.transport.name,
    };
    if (outcome.kind === "delivered")
      return [{ kind: "delivered", ...common, reply: replyText(outcome.reply), code: outcome.reply.code, ms }];
    const cause = causeText(outcome.cause);
    const code = outcome.cause.kind === "reply" ? { code: outcome.cause.reply.code } : {};
    const state = this.#record.recipients.find(({ address }) => address === first.recipient)?.state;
    const now = this.#ports.clock.now();
    // Mail that stays due waits for the destination's next trial.
    const nextAttemptAt = Math.max(
      state?.kind === "queued" ? state.nextAttemptAt : now,
      this.#destination.nextAt() ?? 0,
    );
    const held: PopgateEvent[] =
      state?.kind === "held" ? common.recipients.map((recipient) => this.#heldEvent(recipient, state.hold)) : [];
    // Refused by this server, and to be tried at another.
    const kind = outcome.kind === "refused" && state?.kind === "queued" ? "deferred" : outcome.kind;
    if (kind !== "refused") return [{ kind, ...common, cause, ...code, nextAttemptAt }, ...held];
    const consequence = state?.kind === "dropped" ? "redirected" : state?.kind === "bounced" ? "bounced" : "held";
    return [{ kind: "refused", ...common, cause, ...code, consequence }, ...held];
  }

  #heldEvent(
    recipient: string,
    { reason, detail }: { reason: Extract<PopgateEvent, { kind: "held" }>["reason"]; detail: string },
  ): PopgateEvent {
    return { kind: "held", message: this.#record.id, account: this.#account(), recipient, reason, detail };
  }
}
