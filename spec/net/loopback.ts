/** Servers on 127.0.0.1 for the specs of dialling, which tell when their connections have ended. */
import net, { type AddressInfo, type Socket } from "node:net";
import tls, { type TlsOptions, type TLSSocket } from "node:tls";
import type { DialTarget } from "../../src/net/dial.ts";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { certificates } from "../fakes/certificates.ts";

export interface LoopbackServer extends AsyncDisposable {
  readonly port: number;
  /** Sockets accepted so far. */
  readonly accepted: readonly Socket[];
  /** Resolves with the next (or first) connection. */
  connection(): Promise<Socket>;
  /** Resolves when every connection accepted has ended. */
  allEnded(): Promise<void>;
}

/** A plain TCP server; `onSocket` does the talking, and must read if the end of a connection is to be seen. */
export async function listen(
  onSocket: (socket: Socket) => void = (socket) => socket.resume(),
): Promise<LoopbackServer> {
  const accepted: Socket[] = [];
  const ended: Promise<void>[] = [];
  const first = Promise.withResolvers<Socket>();
  const server = net.createServer((socket) => {
    accepted.push(socket);
    ended.push(new Promise((resolve) => socket.once("close", () => resolve())));
    socket.on("error", () => undefined);
    onSocket(socket);
    first.resolve(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: portOf(server),
    accepted,
    connection: () => first.promise,
    allEnded: async () => {
      await first.promise;
      await Promise.all(ended);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of accepted) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** A TLS server that says `hello` once the handshake is done and keeps what it is told. */
export async function listenTls(
  options: TlsOptions,
  onSecure: (socket: TLSSocket) => void = (socket) => socket.write("hello\r\n"),
): Promise<LoopbackServer & { readonly heard: Buffer[]; readonly faults: Error[] }> {
  const heard: Buffer[] = [];
  const faults: Error[] = [];
  const secure = tls.createServer(options, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (octets: Buffer) => heard.push(octets));
    onSecure(socket);
  });
  secure.on("tlsClientError", (error) => faults.push(error));
  const plain = await listen((socket) => secure.emit("connection", socket));
  return { ...plain, heard, faults };
}

function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port;
}

/** Trusts the throw-away CA. */
export function policy(changes: Partial<TlsPolicy> = {}): TlsPolicy {
  return {
    mode: "implicit",
    ca: [certificates().ca.cert],
    fingerprints: [],
    minVersion: "TLSv1.2",
    servername: undefined,
    ...changes,
  };
}

export function target(port: number, changes: Partial<DialTarget> = {}): DialTarget {
  return { host: "127.0.0.1", port, tls: policy(), connectTimeoutMs: 10_000, ...changes };
}
