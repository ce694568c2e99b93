/** The way to Exchange: its transport and its state as a whole, shared by inbound mail, reports and own outbound mail. */
import type { Config } from "../config/config.ts";
import type { EventSink } from "../core/events.ts";
import { Destination } from "../delivery/destination.ts";
import { createSmtpTransport } from "../delivery/smtp-transport.ts";
import type { Transport } from "../delivery/transport.ts";
import { openCredentials } from "./credentials.ts";
import type { PartSurroundings } from "./surroundings.ts";

export interface OpenExchange {
  readonly transport: Transport;
  readonly destination: Destination;
}

/** From here on a message counts as large, and gets only half of the connections. */
export const largeOctets = 5_000_000;
/** Exchange ends a connection after ten minutes, whatever it does, and an idle one after five. */
const connectionAgeMs = 8 * 60_000;
const connectionIdleMs = 60_000;
const messagesPerConnection = 100;

/** What it opens is put on `stack`. */
export function openExchange(
  { exchange, hostname }: Config,
  { clock, random, sessions }: PartSurroundings,
  events: EventSink,
  stack: AsyncDisposableStack,
): OpenExchange {
  const credentials =
    exchange.credentials === undefined ? undefined : stack.use(openCredentials(exchange.credentials, clock)).sasl;
  const transport = stack.use(
    createSmtpTransport(
      {
        name: `exchange ${exchange.host}:${exchange.port}`,
        host: exchange.host,
        port: exchange.port,
        tls: exchange.tls,
        hostname,
        credentials,
        maxMessagesPerConnection: messagesPerConnection,
        idleMs: connectionIdleMs,
        maxAgeMs: connectionAgeMs,
        eightBit: exchange.eightBit,
      },
      { clock, sessions },
    ),
  );
  return { transport, destination: new Destination(transport.name, { clock, random, events }) };
}
