/** One message on its way to a destination: its transactions one after the other, each outcome stored before the next. */
import type { EventSink, PopgateEvent } from "../core/events.ts";
import type { AccountName } from "../core/ids.ts";
import { causeText, replyText } from "../core/outcome.ts";
import type { Clock, Random } from "../core/ports.ts";
import { render } from "../message/render.ts";
import { SpoolError, type Queue } from "../spool/port.ts";
import { isEnded, type MessageRecord } from "../spool/record.ts";
import { dueGroups, followUp, type Group } from "./batch.ts";
import type { Destination } from "./destination.ts";
import { settle, settleDamaged, type SettleRules } from "./settle.ts";
import type { RecipientOutcome, TransactionResult, Transport } from "./transport.ts";

export interface HandOverOptions {
  /** Recipients of one transaction. */
  readonly maxRecipients: number;
  readonly rules: SettleRules;
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
  readonly #options: HandOverOptions;
  readonly #ports: HandOverPorts;
  readonly #destination: Destination;

  constructor(record: MessageRecord, options: HandOverOptions, ports: HandOverPorts, destination: Destination) {
    this.#record = record;
    this.#options = options;
    this.#ports = ports;
    this.#destination = destination;
  }

  /** Tries every recipient that is due. Stops between two transactions when the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const groups = dueGroups(this.#record, this.#ports.clock.now(), this.#options.maxRecipients);
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      if (signal.aborted) return;
      const result = await this.#transact(group, signal);
      if (result === undefined) return;
      this.#destination.note(result.destination);
      if (result.bodyError instanceof SpoolError && result.bodyError.code === "SPOOL_DAMAGED") {
        await this.#storeDamaged(result.bodyError.message, signal);
        return;
      }
      const again = followUp(group, result);
      groups.unshift(...again);
      const repeated = new Set(again.flat());
      const settled = result.outcomes.filter(({ recipient }) => !repeated.has(recipient));
      if (settled.length > 0 && !(await this.#store(settled, result, signal))) return;
      // The others would run into the same wall.
      if (result.destination.kind === "unavailable") return;
    }
  }

  /** `undefined` when the signal was aborted before anything was sent. */
  async #transact(group: Group, signal: AbortSignal): Promise<TransactionResult | undefined> {
    const { queue, transport } = this.#ports;
    const { id, reversePath, size, traits, edits } = this.#record;
    const cut = edits.cuts.reduce((sum, { start, end }) => sum + end - start, 0);
    try {
      return await transport.deliver(
        {
          message: id,
          reversePath,
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
    };
    const stored = await this.#update((record) => settle(record, outcomes, this.#options.rules, context), signal);
    if (!stored) return false;
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
    for (let tries = 0; ; tries++) {
      try {
        this.#record = await queue.update(this.#record.id, change);
        return true;
      } catch (error) {
        if (!(error instanceof SpoolError)) throw error;
        if (error.code === "SPOOL_NO_MESSAGE") return false;
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
    if (outcome.kind === "delivered") return [{ kind: "delivered", ...common, reply: replyText(outcome.reply), ms }];
    const cause = causeText(outcome.cause);
    const state = this.#record.recipients.find(({ address }) => address === first.recipient)?.state;
    const nextAttemptAt = state?.kind === "queued" ? state.nextAttemptAt : this.#ports.clock.now();
    const held: PopgateEvent[] =
      state?.kind === "held" ? common.recipients.map((recipient) => this.#heldEvent(recipient, state.hold)) : [];
    if (outcome.kind !== "refused") return [{ kind: outcome.kind, ...common, cause, nextAttemptAt }, ...held];
    const consequence = state?.kind === "dropped" ? "redirected" : "held";
    return [{ kind: "refused", ...common, cause, consequence }, ...held];
  }

  #heldEvent(
    recipient: string,
    { reason, detail }: { reason: Extract<PopgateEvent, { kind: "held" }>["reason"]; detail: string },
  ): PopgateEvent {
    return { kind: "held", message: this.#record.id, account: this.#account(), recipient, reason, detail };
  }
}
