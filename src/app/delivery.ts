/** Makes the delivery of a configuration: to Exchange, by the relays, and the postmaster's notices. */
import type { Config } from "../config/config.ts";
import type { EventSink } from "../core/events.ts";
import type { Destination } from "../delivery/destination.ts";
import { createInboundSource } from "../delivery/inbound-source.ts";
import type { OutboundDelivery } from "../delivery/outbound-delivery.ts";
import { settle } from "../delivery/settle.ts";
import { createStrandedMail } from "../delivery/stranded-mail.ts";
import { createDeliveryWorker } from "../delivery/worker.ts";
import { createNoticeDesk } from "../notice/notice-desk.ts";
import { SpoolError } from "../spool/port.ts";
import { largeOctets, openExchange } from "./exchange.ts";
import type { DestinationView } from "./live.ts";
import { openRelaying } from "./relaying.ts";
import { together } from "./together.ts";
import type { PartSurroundings } from "./surroundings.ts";

export interface OpenDelivery extends AsyncDisposable {
  /** For the status, and for pausing. */
  readonly destinations: readonly DestinationView[];
  /** For the listener: how the relays are. */
  readonly outbound: OutboundDelivery;
  /** Delivers and sends reports and notices until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Delivers, without notices, until `signal` is aborted; what is under way then goes on unless `transfers` is aborted. */
  deliver(signal: AbortSignal, transfers: AbortSignal): Promise<void>;
  /** Tries what is due now, each message once, and what reports come of it. */
  drain(signal: AbortSignal): Promise<void>;
  /** Spools a notice of what is held, if there is anything new and the last notice is long enough ago. */
  tellPostmaster(signal: AbortSignal): Promise<void>;
  /** An event sink that takes note of account troubles for the next notice, and passes everything on. */
  watch(events: EventSink): EventSink;
}

/** What it opens is closed when it is disposed. */
export function openDelivery(config: Config, around: PartSurroundings): OpenDelivery {
  const { spool, clock, random, events } = around;
  const stack = new AsyncDisposableStack();
  const desk = createNoticeDesk({
    spool,
    clock,
    events,
    options: { postmaster: config.postmaster, hostname: config.hostname, ...config.notice },
  });
  const watched = desk.watch(events);
  const exchange = openExchange(config, around, watched, stack);
  const worker = createDeliveryWorker(
    {
      concurrency: config.exchange.connections,
      maxRecipients: config.exchange.maxRecipients,
      settle: (record, outcomes, context) => settle(record, outcomes, config.exchange, context),
    },
    {
      queue: spool,
      source: createInboundSource({ largeOctets }, { queue: spool, clock }),
      ...exchange,
      health: () => spool.health(),
      clock,
      random,
      events: watched,
    },
  );
  const retries = [config.exchange, ...config.relays].flatMap(({ retryMs }) => retryMs);
  const stranded = createStrandedMail({ spool, clock, events: watched, longestPauseMs: Math.max(0, ...retries) });
  const relaying = openRelaying(config, around, exchange, watched, stack);
  return {
    destinations: [
      viewOf(exchange.destination, "exchange"),
      ...relaying.delivery.states().map(({ name, destination }) => viewOf(destination, name)),
    ],
    outbound: relaying.delivery,
    async run(signal) {
      await together(
        signal,
        async (either) => worker.run(either),
        async (either) => relaying.run(either),
        async (either) => desk.run(either),
        async (either) => stranded.run(either),
      );
    },
    async deliver(signal, transfers) {
      await together(
        signal,
        async (either) => worker.run(either, transfers),
        async (either) => relaying.deliver(either, transfers),
      );
    },
    async drain(signal) {
      await stranded.tick(signal);
      await together(
        signal,
        async (either) => worker.drain(either),
        async (either) => relaying.drain(either),
      );
      // The reports that have come of it.
      await worker.drain(signal);
    },
    async tellPostmaster(signal) {
      try {
        await desk.tick(signal);
      } catch (error) {
        // It is told the next time: nothing has been marked as told. The spool tells its own trouble.
        if (!(error instanceof SpoolError))
          events.emit({ kind: "internal-error", where: "notices", detail: String(error) });
      }
    },
    watch: (sink) => desk.watch(sink),
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

function viewOf(destination: Destination, shortName: string): DestinationView {
  return {
    name: destination.name,
    shortName,
    state: () => destination.state(),
    running: () => destination.running,
    stop: (isStopped) => destination.stop(isStopped),
  };
}
