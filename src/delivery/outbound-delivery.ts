/**
 * The outbound half of delivery as one thing: a worker for each relay and one for own mail that goes to Exchange, and the
 * dispatcher that shares the mail out among them.
 *
 * Exchange's transport and destination are the inbound worker's too: it is up or down for both.
 */
import { domainOf, type Address } from "../core/address.ts";
import type { EventSink, PopgateEvent } from "../core/events.ts";
import { relayMemory, type MessageId } from "../core/ids.ts";
import type { Clock, EpochMs, Random } from "../core/ports.ts";
import type { Inspection, Ledger, Queue } from "../spool/port.ts";
import type { MessageRecord, Recipient } from "../spool/record.ts";
import type { Group } from "./batch.ts";
import { Destination, type DestinationState, type Hindrance } from "./destination.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Envelope } from "./hand-over.ts";
import type { RateLimit } from "./rate-budget.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { rewrittenPath, type RewriteRules } from "./rewrite.ts";
import { relayWay, waysOf, whyNoWay, type RelayRoute, type RouteRules, type WayName } from "./route.ts";
import { settleOutbound } from "./settle-outbound.ts";
import type { Transport } from "./transport.ts";
import { createDeliveryWorker, type DeliveryWorker } from "./worker.ts";

/** How a destination is used. */
interface Use {
  readonly transport: Transport;
  /** Messages under way there at the same time. */
  readonly concurrency: number;
  /** Recipients of one transaction. */
  readonly maxRecipients: number;
  /** Pauses between attempts. */
  readonly retryMs: readonly number[];
}

export interface RelayUse extends Use, RelayRoute, Pick<RewriteRules, "envelopeFrom" | "rewrite"> {
  /** Empty: no limits. */
  readonly rates: readonly RateLimit[];
}

interface ExchangeUse extends Use {
  readonly destination: Destination;
}

export interface OutboundDeliveryOptions extends Omit<RouteRules, "relays"> {
  readonly relays: readonly RelayUse[];
  readonly exchange: ExchangeUse;
  /** From this size on a message counts as large. Octets. */
  readonly largeOctets: number;
  /** Messages that wait for one destination in memory. */
  readonly laneCapacity?: number;
}

export interface OutboundDeliveryPorts {
  readonly spool: Queue & Pick<Ledger, "state" | "putState"> & Pick<Inspection, "health">;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

/** A relay, for status and control. */
interface RelayStatus {
  /** As the configuration calls it. */
  readonly name: string;
  readonly destination: Destination;
  readonly state: DestinationState;
  /** Senders that cannot use its account now. */
  readonly pausedSenders: readonly string[];
}

export interface OutboundDelivery extends Disposable {
  /** As a worker does: until the signal is aborted; what is under way then goes on unless `transfers` is aborted. */
  run(signal: AbortSignal, transfers?: AbortSignal): Promise<void>;
  /** Tries everything that is due now, each message once at each of its ways, and resolves. */
  drain(signal: AbortSignal): Promise<void>;
  states(): readonly RelayStatus[];
  /** Set while no relay can be used: what is wrong with them, and since when. */
  relayTrouble(): { readonly detail: string; readonly since: EpochMs } | undefined;
  /** When a message of the outbound queue was last taken somewhere; `undefined`: not since the start. */
  lastDelivery(): EpochMs | undefined;
  /** Whether anything of a message is under way, or this recipient of it. */
  isUnderWay(id: MessageId, recipient?: Address): boolean;
  /** The name of the destination that a recipient's mail would go to now; `undefined` when it has no way. */
  destinationFor(record: MessageRecord, recipient: Recipient): string | undefined;
  /** What keeps a recipient from being tried: trouble of all its ways, or that there is none. */
  hindranceOf(record: MessageRecord, recipient: Recipient): Hindrance | undefined;
  /** The largest message that any relay takes, octets; `undefined` while one of them has not said. */
  maxOctets(): number | undefined;
  /** Whether any relay keeps REQUIRETLS (RFC 8689), or may: it has not been seen yet. */
  keepsRequireTls(): boolean;
}

export function createOutboundDelivery(
  options: OutboundDeliveryOptions,
  ports: OutboundDeliveryPorts,
): OutboundDelivery {
  return new Outbound(options, ports);
}

class Outbound implements OutboundDelivery {
  readonly #options: OutboundDeliveryOptions;
  readonly #ports: OutboundDeliveryPorts;
  readonly #destinations = new Map<WayName, Destination>();
  readonly #dispatcher: Dispatcher;
  readonly #workers: readonly DeliveryWorker[];
  #lastDelivery: EpochMs | undefined;

  constructor(options: OutboundDeliveryOptions, ports: OutboundDeliveryPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#destinations.set("exchange", options.exchange.destination);
    for (const relay of options.relays) this.#destinations.set(relayWay(relay.name), this.#destinationOf(relay));
    const { largeOctets, laneCapacity } = options;
    const { spool: queue, clock, events } = ports;
    this.#dispatcher = new Dispatcher({ routes: options, largeOctets, laneCapacity }, this.#destinations, {
      queue,
      clock,
      events,
    });
    this.#workers = [
      this.#worker("exchange", options.exchange, undefined),
      ...options.relays.map((relay) => this.#worker(relayWay(relay.name), relay, relay)),
    ];
  }

  async run(signal: AbortSignal, transfers: AbortSignal = signal): Promise<void> {
    await Promise.all(this.#workers.map(async (worker) => worker.run(signal, transfers)));
  }

  async drain(signal: AbortSignal): Promise<void> {
    // A worker that has ended may be given what another has failed at: each way can fail once.
    for (let passes = 0; passes <= this.#options.relays.length && !signal.aborted; passes++) {
      const before = this.#dispatcher.given;
      await Promise.all(this.#workers.map(async (worker) => worker.drain(signal)));
      if (this.#dispatcher.given === before) return;
    }
  }

  states(): readonly RelayStatus[] {
    return this.#relays().map(({ name, destination }) => {
      return { name, destination, state: destination.state(), pausedSenders: destination.pausedSenders() };
    });
  }

  relayTrouble(): { readonly detail: string; readonly since: EpochMs } | undefined {
    const details: string[] = [];
    let since = 0;
    for (const { name, state } of this.states()) {
      // An allowance that is spent comes back by itself, and a person knows what he has stopped.
      if (state.kind !== "down" && state.kind !== "paused") return undefined;
      details.push(`${name}: ${state.cause}`);
      since = Math.max(since, state.since);
    }
    return details.length === 0 ? undefined : { detail: details.join("; "), since };
  }

  lastDelivery(): EpochMs | undefined {
    return this.#lastDelivery;
  }

  isUnderWay(id: MessageId, recipient?: Address): boolean {
    return this.#dispatcher.isUnderWay(id, recipient);
  }

  destinationFor(record: MessageRecord, recipient: Recipient): string | undefined {
    const ways = waysOf(record, recipient, this.#options).flatMap((way) => this.#destinations.get(way) ?? []);
    const usable = ways.find((destination) => destination.usableFor(record.submission?.sender).kind !== "no");
    return (usable ?? ways[0])?.name;
  }

  hindranceOf(record: MessageRecord, recipient: Recipient): Hindrance | undefined {
    const ways = waysOf(record, recipient, this.#options);
    if (ways.length === 0)
      return { cause: { kind: "internal", message: whyNoWay(record, this.#options) }, account: "sender" };
    const hindrances = ways.map((way) => this.#destinations.get(way)?.hindranceFor(record.submission?.sender));
    return hindrances.includes(undefined) ? undefined : hindrances[0];
  }

  maxOctets(): number | undefined {
    const sizes = this.#options.relays.map(({ transport }) => transport.maxOctets?.());
    const known = sizes.filter((size) => size !== undefined);
    return known.length === 0 || known.length < sizes.length ? undefined : Math.max(...known);
  }

  keepsRequireTls(): boolean {
    return this.#options.relays.some(({ isProved, transport }) => isProved && transport.offersRequireTls?.() !== false);
  }

  [Symbol.dispose](): void {
    this.#dispatcher[Symbol.dispose]();
  }

  #relays(): readonly { readonly name: string; readonly destination: Destination }[] {
    return this.#options.relays.flatMap(({ name }) => {
      const destination = this.#destinations.get(relayWay(name));
      return destination === undefined ? [] : [{ name, destination }];
    });
  }

  #destinationOf({ name, rates, transport }: RelayUse): Destination {
    const { spool: ledger, clock } = this.#ports;
    const allowance = rates.length === 0 ? undefined : new RateLimiter(relayMemory(name), rates, { ledger, clock });
    const isOwnSender = (sender: Address): boolean => this.#options.domains.includes(domainOf(sender));
    return new Destination(transport.name, this.#ports, allowance, isOwnSender);
  }

  #worker(way: WayName, use: Use, relay: RelayUse | undefined): DeliveryWorker {
    const { spool, clock, random } = this.#ports;
    const { concurrency, maxRecipients, retryMs, transport } = use;
    const destination = this.#destinations.get(way);
    if (destination === undefined) throw new TypeError(`no destination for ${way}`);
    const envelope = (record: MessageRecord, group: Group): Envelope =>
      relay === undefined ? envelopeOf(record, group) : this.#relayed(record, group, relay);
    return createDeliveryWorker(
      {
        concurrency,
        maxRecipients,
        envelope,
        settle: (record, outcomes, context) => settleOutbound(record, outcomes, { retryMs }, context),
      },
      {
        queue: spool,
        source: this.#dispatcher.source(way),
        destination,
        health: () => spool.health(),
        transport,
        clock,
        random,
        events: { emit: (event) => this.#emit(event) },
      },
    );
  }

  #emit(event: PopgateEvent): void {
    if (event.kind === "delivered") this.#lastDelivery = this.#ports.clock.now();
    this.#ports.events.emit(event);
  }

  /**
   * With another reverse path the wishes are not passed on, since the provider's reports would go to that and not to the
   * sender; but that nobody wants any is.
   */
  #relayed(record: MessageRecord, group: Group, relay: RelayUse): Envelope {
    const reversePath = rewrittenPath(record.reversePath, { ...relay, domains: this.#options.domains });
    const requireTls = record.submission?.requireTls === true;
    const envelope = envelopeOf(record, group);
    if (reversePath === record.reversePath) return { ...envelope, requireTls };
    const wishes = [...(envelope.dsn?.wishes.values() ?? [])];
    const isSilent = wishes.length === group.length && wishes.every(({ notify }) => notify.includes("NEVER"));
    return { reversePath, requireTls, dsn: isSilent ? envelope.dsn : undefined };
  }
}

/** The record's own envelope. REQUIRETLS is for relays: own mail returns to the server that it came from. */
function envelopeOf({ reversePath, submission, recipients }: MessageRecord, group: Group): Envelope {
  const named = new Set<Address>(group);
  const wishes = new Map(
    recipients.flatMap(({ address, dsn }) => (named.has(address) && dsn !== undefined ? [[address, dsn]] : [])),
  );
  const ret = submission?.ret;
  const envid = submission?.envid;
  if (wishes.size === 0 && ret === undefined && envid === undefined) return { reversePath };
  return { reversePath, dsn: { ret, envid, wishes } };
}
