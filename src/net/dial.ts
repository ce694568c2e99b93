/**
 * Opens connections to mail servers: DNS, TCP (both address families, RFC 8305) and TLS under one deadline.
 *
 * When a promise here resolves, the connection stands and, where TLS was asked for, the server has proved itself; not
 * one octet has been written before that but the handshake. When it rejects, every socket is destroyed and no timer or
 * listener is left. A socket handed out keeps one 'error' listener of ours: its end is told by 'close', and a socket
 * that nobody watches for a moment cannot end the process.
 *
 * Fails with `DialError`, or with the reason of the caller's signal. RFC 8314, 2595 §4, 3207.
 */
import net, { type LookupFunction, type Socket } from "node:net";
import tls, { type TLSSocket } from "node:tls";
import { explainTlsError } from "./certificate.ts";
import { connectionCode, explainConnectionError, hostPort } from "./connection-trouble.ts";
import { Deadline } from "./deadline.ts";
import type { TlsPolicy } from "./tls-policy.ts";
import type { TlsSessions } from "./tls-sessions.ts";
import { peerCertificateEnds, PeerDistrusted, tlsConnectOptions, verifyPeer } from "./verify-peer.ts";

export interface DialTarget {
  /** A name or an IP address. */
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  /** One deadline over DNS, TCP and TLS; `upgrade` has it anew for its handshake. */
  readonly connectTimeoutMs: number;
  /** Where TLS sessions are kept for resumption; without it every handshake is a full one. */
  readonly sessions?: TlsSessions | undefined;
  /** Resolves names; the system's resolver unless given. */
  readonly lookup?: LookupFunction | undefined;
}

/** Why no connection came about. The message is whole sentences for the administrator, and names the host. */
export class DialError extends Error {
  override readonly name = "DialError";
  /** `tls`: certificate, handshake, or a port that does not speak TLS. `connection`: anything before and beneath. */
  readonly kind: "connection" | "tls";
  /** Node's or OpenSSL's code such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`, `PIN_MISMATCH`; `TIMEOUT` for the deadline. */
  readonly code: string;
  constructor(kind: "connection" | "tls", code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.code = code;
  }
}

/** The operating system probes an idle connection after this time, so that a vanished peer is noticed. */
const keepAliveAfterMs = 60_000;

/**
 * Connects; with mode `implicit` the handshake is done and the server has proved itself when the promise resolves.
 * TCP_NODELAY and keep-alive are set. Rejects with `DialError`, or with the signal's own reason when that was aborted.
 * The caller owns the socket.
 */
export async function dial(target: DialTarget, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  using deadline = new Deadline(target.connectTimeoutMs, signal);
  const socket = await connect(target, deadline);
  return target.tls.mode === "implicit" ? await secure(socket, target, deadline) : socket;
}

/**
 * Goes on in TLS over a connected socket (STLS, STARTTLS): call it after the server's go-ahead, with no listener of
 * the caller's left on the socket. Refuses when octets in the clear are waiting behind the go-ahead (somebody may have
 * put them there: RFC 3207 §6); octets that the caller has already read are for the caller to refuse. Rejects as `dial`;
 * the socket given is then destroyed. The caller owns the socket returned; the one given is not to be used again.
 */
export async function upgrade(socket: Socket, target: DialTarget, signal: AbortSignal): Promise<TLSSocket> {
  const where = hostPort(target.host, target.port);
  if (signal.aborted) abandon(socket);
  signal.throwIfAborted();
  if (socket.destroyed) throw new DialError("connection", "ECONNRESET", `${where}: the connection is already closed.`);
  if (socket.readableLength > 0) {
    abandon(socket);
    const what = "the server sent more in plain text after agreeing to TLS. Somebody on the way may have put it there.";
    throw new DialError("tls", "PLAINTEXT_INJECTED", `${where}: ${what}`);
  }
  using deadline = new Deadline(target.connectTimeoutMs, signal);
  return await secure(socket, target, deadline);
}

async function connect(target: DialTarget, deadline: Deadline): Promise<Socket> {
  const { host, port } = target;
  const tried: string[] = [];
  const socket = net.connect({
    host: host.replace(/^\[(.*)\]$/u, "$1"),
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveAfterMs,
    autoSelectFamily: true,
    ...(target.lookup === undefined ? {} : { lookup: target.lookup }),
  });
  const onLookup = (_error: Error | null, address: string) => tried.push(address);
  socket.on("lookup", onLookup);
  try {
    await ready(socket, "connect", deadline.signal);
    return socket;
  } catch (error) {
    abandon(socket);
    if (deadline.passed) {
      const stage = net.isIP(host) === 0 && tried.length === 0 ? "looking up its name" : "connecting";
      throw timedOut(target, stage);
    }
    if (deadline.signal.aborted) throw error;
    throw new DialError("connection", connectionCode(error), explainConnectionError(error, host, port, tried), {
      cause: error,
    });
  } finally {
    socket.off("lookup", onLookup);
  }
}

async function secure(plain: Socket, target: DialTarget, deadline: Deadline): Promise<TLSSocket> {
  const { host, port, tls: policy, sessions } = target;
  let socket: TLSSocket | undefined;
  try {
    const kept = sessions?.find(host, port, policy);
    socket = tls.connect({
      ...tlsConnectOptions(policy, host),
      socket: plain,
      ...(kept === undefined ? {} : { session: kept.session }),
      // Not a waiver: verifyPeer decides below, before anything is written, and can then name the certificate at fault.
      rejectUnauthorized: false,
    });
    const keeper = sessions === undefined ? undefined : new SessionKeeper(socket, target, sessions);
    await ready(socket, "secureConnect", deadline.signal);
    if (kept !== undefined && socket.isSessionReused()) {
      // The server proved itself under this very policy when the session was made; see tls-sessions.ts.
      keeper?.trust(kept.until);
      return socket;
    }
    const distrusted = verifyPeer(socket, policy, host);
    if (distrusted !== undefined) throw distrusted;
    if (sessions !== undefined) keeper?.trust(sessions.untilFor(peerCertificateEnds(socket)));
    return socket;
  } catch (error) {
    sessions?.forget(host, port, policy);
    if (socket !== undefined) abandon(socket);
    abandon(plain);
    if (deadline.passed) throw timedOut(target, "the TLS handshake");
    if (deadline.signal.aborted) throw error;
    throw tlsError(error, target);
  }
}

/**
 * Puts sessions into the store. They come when the server likes (with TLS 1.3 after the handshake, and several), but none
 * may be kept before the server has proved itself.
 */
class SessionKeeper {
  readonly #target: DialTarget;
  readonly #sessions: TlsSessions;
  #until: number | undefined;
  #early: Buffer | undefined;

  constructor(socket: TLSSocket, target: DialTarget, sessions: TlsSessions) {
    this.#target = target;
    this.#sessions = sessions;
    socket.on("session", (session: Buffer) => this.#offer(session));
  }

  trust(until: number): void {
    this.#until = until;
    if (this.#early !== undefined) this.#offer(this.#early);
    this.#early = undefined;
  }

  #offer(session: Buffer): void {
    const { host, port, tls: policy } = this.#target;
    if (this.#until === undefined) this.#early = session;
    else this.#sessions.keep(host, port, policy, { session, until: this.#until });
  }
}

/** Resolves with the event; rejects when the socket fails or closes before it, or with the reason of the signal. */
async function ready(socket: Socket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<void> {
  // Stays for good: see the head of this file.
  socket.on("error", ignore);
  let undo = ignore;
  try {
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => resolve();
      const onClose = () => reject(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
      undo = () => {
        socket.off(event, resolve).off("error", reject).off("close", onClose);
        signal.removeEventListener("abort", onAbort);
      };
      socket.once(event, resolve).once("error", reject).once("close", onClose);
      // An abort ends the waiting only: what it means is said below.
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) resolve();
      else if (socket.destroyed) onClose();
    });
    signal.throwIfAborted();
  } finally {
    undo();
  }
}

function ignore(): void {}

function abandon(socket: Socket): void {
  socket.on("error", ignore);
  socket.destroy();
}

function timedOut(target: DialTarget, stage: string): DialError {
  const where = hostPort(target.host, target.port);
  return new DialError("connection", "TIMEOUT", `${where}: no answer within ${target.connectTimeoutMs} ms, ${stage}.`);
}

const lostCodes = new Set(["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

function tlsError(error: unknown, target: DialTarget): DialError {
  const code = connectionCode(error);
  const certificate = error instanceof PeerDistrusted ? error.chain[0] : undefined;
  const message = explainTlsError(error, certificate, hostPort(target.host, target.port));
  // A connection that just goes away says nothing about trust: it is trouble of the path.
  return new DialError(lostCodes.has(code) ? "connection" : "tls", code === "" ? "TLS" : code, message, {
    cause: error,
  });
}
