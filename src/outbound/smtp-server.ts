/**
 * smtp-server on one address: it accepts sockets and begins TLS where that is implicit; connections are ours.
 *
 * Its built-in certificate, whose key everybody knows, is never used: the contexts that smtp-server makes of it are
 * thrown away at once. An error of one connection ends that connection and goes no further.
 */
import { once } from "node:events";
import type { AddressInfo, ListenOptions, Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { SMTPServer } from "smtp-server";
import type { SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import { type ConnectionHost, SmtpConnection, tlsFault } from "./smtp-connection.ts";

export interface SmtpServerOptions {
  /** TLS begins at once. */
  readonly implicitTls: boolean;
  /** Most clients that may be in the middle of the handshake of implicit TLS. */
  readonly maxHandshakes: number;
}

export class SmtpServer extends SMTPServer {
  readonly #host: ConnectionHost;
  readonly #open = new Set<SmtpConnection>();

  constructor(options: SmtpServerOptions, host: ConnectionHost, context: SecureContext | undefined) {
    // smtp-server passes them on to node:net. Replies can still be written to a client that has sent all it wanted to.
    const sockets = { allowHalfOpen: true, noDelay: true };
    super({
      ...sockets,
      name: host.hostname,
      secure: options.implicitTls,
      // For handshakes only: connections have timers of their own.
      socketTimeout: host.handshakeMs,
      maxClients: options.maxHandshakes,
      disableReverseLookup: true,
      logger: false,
    });
    this.#host = host;
    this.useContext(context);
    // Of the listening socket after it has begun to listen, and of handshakes: nothing that ends the process.
    this.on("error", (error: Error) => this.#failed(error));
  }

  /** The certificate for handshakes from now on; none: there is no TLS. */
  useContext(context: SecureContext | undefined): void {
    this.secureContext = new Map(context === undefined ? [] : [["*", context]]);
  }

  /** Resolves with the real address when it listens; rejects when it cannot. */
  async open(options: ListenOptions): Promise<AddressInfo> {
    const listening = once(this.server, "listening");
    this.server.listen(options);
    await listening;
    const address = this.server.address();
    if (address === null || typeof address === "string") throw new TypeError("not an address of TCP");
    return address;
  }

  override connect(socket: Socket, options?: SMTPConnectionOptions | null): void {
    const connection = new SmtpConnection(this, socket, options, this.#host);
    this.#open.add(connection);
    this.connections.add(connection);
    void connection.gone.then(() => this.#open.delete(connection));
    connection.on("error", (error: Error) => connection.tlsFailed(error));
    if (this.#host.isStopping) connection.abort();
    connection.init();
  }

  /** Takes no new connection, and tells those there are. Resolves when none is left. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => resolve());
    });
    // The topmost socket: a handshake must not lose the socket under it.
    for (const socket of this._pendingSockets.values()) socket.destroy();
    for (const connection of this.#open) connection.stop();
    await Promise.all([closed, ...[...this.#open].map((connection) => connection.gone)]);
  }

  /** Ends the connections that are left. */
  abort(): void {
    for (const connection of this.#open) connection.abort();
  }

  #failed(error: Error & { readonly meta?: { readonly remoteAddress?: string } }): void {
    const client = error.meta?.remoteAddress;
    // What went wrong before it listened is told to whoever opens it.
    if (!this.server.listening) return;
    if (client === undefined)
      this.#host.events.emit({ kind: "internal-error", where: "listener", detail: String(error) });
    else this.#host.refused({ client, user: undefined, stage: "connect", reply: tlsFault(error) });
  }
}
