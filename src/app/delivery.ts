/** Makes the way to Exchange, and the postmaster's notices, of a configuration. */
import type { Config } from "../config/config.ts";
import type { EventSink } from "../core/events.ts";
import { Destination } from "../delivery/destination.ts";
import { createInboundSource } from "../delivery/inbound-source.ts";
import { settle } from "../delivery/settle.ts";
import { createSmtpTransport } from "../delivery/smtp-transport.ts";
import { createDeliveryWorker } from "../delivery/worker.ts";
import { createNoticeDesk } from "../notice/notice-desk.ts";
import { SpoolError } from "../spool/port.ts";
import type { PartSurroundings } from "./surroundings.ts";
import { openCredentials } from "./credentials.ts";

export interface OpenDelivery extends AsyncDisposable {
  /** Delivers and sends notices until the signal is aborted. */
  run(signal: AbortSignal): Promise<void>;
  /** Delivers, without notices, until `signal` is aborted; what is under way then goes on unless `transfers` is aborted. */
  deliver(signal: AbortSignal, transfers: AbortSignal): Promise<void>;
  /** Tries what is due now, each message once. */
  drain(signal: AbortSignal): Promise<void>;
  /** Spools a notice of what is held, if there is anything new and the last notice is long enough ago. */
  tellPostmaster(signal: AbortSignal): Promise<void>;
  /** An event sink that takes note of account troubles for the next notice, and passes everything on. */
  watch(events: EventSink): EventSink;
}

/** From here on a message counts as large, and gets only half of the connections. */
const largeOctets = 5_000_000;
/** Exchange ends a connection after ten minutes, whatever it does, and an idle one after five. */
const connectionAgeMs = 8 * 60_000;
const connectionIdleMs = 60_000;
const messagesPerConnection = 100;

/** What it opens is closed when it is disposed. */
export function openDelivery(config: Config, around: PartSurroundings): OpenDelivery {
  const { exchange } = config;
  const { spool, clock, random, events, sessions } = around;
  const stack = new AsyncDisposableStack();
  const credentials =
    exchange.credentials === undefined ? undefined : stack.use(openCredentials(exchange.credentials, clock)).sasl;
  const transport = stack.use(
    createSmtpTransport(
      {
        name: `exchange ${exchange.host}:${exchange.port}`,
        host: exchange.host,
        port: exchange.port,
        tls: exchange.tls,
        hostname: config.hostname,
        credentials,
        maxMessagesPerConnection: messagesPerConnection,
        idleMs: connectionIdleMs,
        maxAgeMs: connectionAgeMs,
        eightBit: exchange.eightBit,
      },
      { clock, sessions },
    ),
  );
  const desk = createNoticeDesk({
    spool,
    clock,
    events,
    options: { postmaster: config.postmaster, hostname: config.hostname, ...config.notice },
  });
  const watched = desk.watch(events);
  const worker = createDeliveryWorker(
    {
      concurrency: exchange.connections,
      maxRecipients: exchange.maxRecipients,
      settle: (record, outcomes, context) => settle(record, outcomes, exchange, context),
    },
    {
      queue: spool,
      source: createInboundSource({ largeOctets }, { queue: spool, clock }),
      destination: new Destination(transport.name, { clock, random, events: watched }),
      health: () => spool.health(),
      transport,
      clock,
      random,
      events: watched,
    },
  );
  return {
    async run(signal) {
      await Promise.all([worker.run(signal), desk.run(signal)]);
    },
    deliver: async (signal, transfers) => worker.run(signal, transfers),
    drain: async (signal) => worker.drain(signal),
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
