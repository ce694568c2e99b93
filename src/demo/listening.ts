/** What both stand-ins have in common: a TCP server on loopback whose connections end with it. */
import { createServer, type Socket } from "node:net";

export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Ends all connections and stops listening. */
  readonly close: () => Promise<void>;
}

export interface ListenAt {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

/** Listens on 127.0.0.1, on a free port unless one is given. Rejects when it cannot. */
export async function listen(at: ListenAt, onConnection: (socket: Socket) => void): Promise<Listening> {
  const { host = "127.0.0.1", port = 0 } = at;
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("the stand-in does not listen on TCP");
  return {
    host,
    port: address.port,
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
