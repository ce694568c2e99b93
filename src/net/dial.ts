/**
 * Opens connections to mail servers: DNS, TCP and TLS under one deadline.
 */
import type { LookupFunction, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { TlsPolicy } from "./tls-policy.ts";
import type { TlsSessions } from "./tls-sessions.ts";

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

/** Why no connection came about. The message is whole sentences for the administrator, and names host and port. */
export class DialError extends Error {
  override readonly name = "DialError";
  /** `tls`: certificate, handshake, or a port that does not speak TLS. `connection`: anything before and beneath. */
  readonly kind: "connection" | "tls";
  /** Node's or OpenSSL's code such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`; `TIMEOUT` for our deadline. */
  readonly code: string;
  constructor(kind: "connection" | "tls", code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
    this.code = code;
  }
}

/**
 * Connects; with mode `implicit` the handshake is done and the server has proved itself when the promise resolves.
 * TCP_NODELAY and keep-alive are set. Rejects with `DialError`, or with the signal's own reason when that was aborted.
 * The caller owns the socket.
 */
export async function dial(_target: DialTarget, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  throw new Error("not written yet");
}

/**
 * Goes on in TLS over a connected socket (STLS, STARTTLS): call it after the server's go-ahead, with no listener of
 * the caller's left on the socket. Refuses when octets in the clear are waiting behind the go-ahead. Rejects as `dial`;
 * the socket given is then destroyed. The caller owns the socket returned; the one given is not to be used again.
 */
export async function upgrade(_socket: Socket, _target: DialTarget, signal: AbortSignal): Promise<TLSSocket> {
  signal.throwIfAborted();
  throw new Error("not written yet");
}
