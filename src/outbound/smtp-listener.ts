/**
 * The listener: takes mail by SMTP on all its addresses, from whom the gatekeeper lets in, and gives it to the receiver.
 *
 * Guarantees: it is open when `openListener` resolves, and on all addresses or none. Without a certificate there is
 * neither STARTTLS nor AUTH over it. Disposing it stops gently: no new connections, 421 for whoever is idle, the messages
 * that are under way may come to their end within `graceMs`, and then nothing is left, neither sockets nor timers.
 *
 * RFC 5321, 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531, 8689.
 */
import type { Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import type { Gatekeeper, Receiver } from "./port.ts";
import { type ServerIdentity, ServerIdentityWatch, type ServerTlsFiles } from "../net/server-tls.ts";
import { type ConnectionHost, hostAndPort } from "./smtp-connection.ts";
import { RefusalLog } from "./smtp-refusal-log.ts";
import { SmtpServer } from "./smtp-server.ts";

interface ListenPoint {
  readonly host: string;
  readonly port: number;
}

export interface ListenerOptions {
  /** Our name in the greeting. */
  readonly hostname: string;
  /** Whom `RCPT TO:<postmaster>` means. */
  readonly postmaster: Address;
  readonly listen: readonly ListenPoint[];
  /** Addresses on which TLS begins at once; they need `tls`. */
  readonly listenImplicit: readonly ListenPoint[];
  readonly tls: ServerTlsFiles | undefined;
  /** How long a client may be silent, between commands and within a message. */
  readonly idleMs: number;
  /** How long one connection may last in all. */
  readonly sessionMs: number;
  /** How long messages that are under way may take when the listener stops. */
  readonly graceMs: number;
  /** Most connections in all: as many may be in the middle of a TLS handshake. */
  readonly connections: number;
  /** How often the certificate's files are looked at. */
  readonly certificateCheckMs?: number;
}

export interface ListenerPorts {
  readonly gatekeeper: Gatekeeper;
  readonly receiver: Receiver;
  readonly clock: Clock;
  readonly events: EventSink;
}

interface ListeningAddress extends ListenPoint {
  readonly tls: "off" | "starttls" | "implicit";
}

export interface Listener extends AsyncDisposable {
  /** What it really listens on, in the order of the options; a port of 0 is shown as the one it became. */
  addresses(): readonly ListeningAddress[];
}

/** Why the listener cannot be opened: the certificate, or an address. */
export class ListenerFailed extends Error {
  override readonly name = "ListenerFailed";
}

const defaultCertificateCheckMs = 60_000;
/** Nobody has been asked yet whether this client may be here. */
const longestHandshakeMs = 30_000;

/** Opens the listener on all its addresses. Rejects with `ListenerFailed`, and leaves nothing open then. */
export async function openListener(options: ListenerOptions, ports: ListenerPorts): Promise<Listener> {
  await using opening = new AsyncDisposableStack();
  const refusals = opening.use(new RefusalLog(ports.events, ports.clock));
  const servers: SmtpServer[] = [];
  const watch = await openIdentity(options, ports, (identity) => {
    for (const server of servers) server.useContext(identity.context);
  });
  if (watch !== undefined) opening.use(watch);
  let isStopping = false;
  const host: ConnectionHost = {
    ...ports,
    hostname: options.hostname,
    postmaster: options.postmaster,
    sessionMs: options.sessionMs,
    idleMs: options.idleMs,
    handshakeMs: Math.min(options.idleMs, longestHandshakeMs),
    hasCertificate: watch !== undefined,
    get isStopping() {
      return isStopping;
    },
    refused: (refusal) => refusals.add(refusal),
  };
  const stop = async (): Promise<void> => {
    isStopping = true;
    await stopServers(servers, options.graceMs, ports.clock);
  };
  opening.defer(stop);
  const addresses: ListeningAddress[] = [];
  for (const point of listenPoints(options)) {
    const implicitTls = point.tls === "implicit";
    const serverOptions = { implicitTls, maxHandshakes: options.connections };
    const server = new SmtpServer(serverOptions, host, watch?.identity.context);
    const address = await openServer(server, point, ports.events);
    servers.push(server);
    addresses.push(address);
    ports.events.emit({ kind: "listening", address: hostAndPort(address.host, address.port), tls: address.tls });
  }
  const opened = opening.move();
  return { addresses: () => addresses, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

interface PointToOpen extends ListeningAddress {
  readonly ipv6Only: boolean;
}

function listenPoints({ listen, listenImplicit, tls }: ListenerOptions): PointToOpen[] {
  const all = [...listen, ...listenImplicit];
  const withTls = (points: readonly ListenPoint[], kind: ListeningAddress["tls"]): PointToOpen[] =>
    points.map(({ host, port }) => {
      // `::` takes IPv4 as well, unless that has an address of its own on the same port.
      const ipv6Only = host === "::" && all.some((other) => other.port === port && !other.host.includes(":"));
      return { host, port, tls: kind, ipv6Only };
    });
  return [...withTls(listen, tls === undefined ? "off" : "starttls"), ...withTls(listenImplicit, "implicit")];
}

async function openServer(server: SmtpServer, point: PointToOpen, events: EventSink): Promise<ListeningAddress> {
  const { host, port, tls, ipv6Only } = point;
  try {
    const address = await server.open({ host, port, ipv6Only });
    return { host: address.address, port: address.port, tls };
  } catch (error) {
    const address = hostAndPort(host, port);
    const detail = listenFault(error);
    events.emit({ kind: "listener-failed", address, detail });
    throw new ListenerFailed(`cannot listen on ${address}: ${detail}`, { cause: error });
  }
}

function listenFault(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EADDRINUSE") return "another program listens there";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (code === "EACCES") return "this user may not listen on that port";
  return error instanceof Error ? error.message : String(error);
}

async function openIdentity(
  { tls, listen, listenImplicit, certificateCheckMs }: ListenerOptions,
  { clock, events }: ListenerPorts,
  onChange: (identity: ServerIdentity) => void,
): Promise<ServerIdentityWatch | undefined> {
  if (tls === undefined && listenImplicit.length === 0) return undefined;
  const everyMs = certificateCheckMs ?? defaultCertificateCheckMs;
  const result =
    tls === undefined
      ? ({ kind: "bad", file: "TLS", why: "it needs a certificate and its key" } as const)
      : await ServerIdentityWatch.open({ files: tls, clock, events, everyMs, onChange });
  if (result.kind === "ok") return result.watch;
  const detail = `${result.file}: ${result.why}`;
  for (const { host, port } of [...listen, ...listenImplicit]) {
    events.emit({ kind: "listener-failed", address: hostAndPort(host, port), detail });
  }
  throw new ListenerFailed(detail);
}

async function stopServers(servers: readonly SmtpServer[], graceMs: number, clock: Clock): Promise<void> {
  const stopped = Promise.all(servers.map((server) => server.stop()));
  const done = new AbortController();
  const grace = clock.sleep(graceMs, done.signal).then(
    () => {
      for (const server of servers) server.abort();
    },
    () => undefined,
  );
  await stopped;
  done.abort();
  await grace;
}
