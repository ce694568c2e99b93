/**
 * A stretch of network: forwards TCP from a port of its own to another one, can stall in both directions, and tells of
 * every piece that passes, by which a run finds its moments.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Wire extends AsyncDisposable {
  readonly port: number;
  /** Nothing passes until it is called with false. */
  stall(isStalled: boolean): void;
}

/** `onPiece` is called before the piece goes on. */
export async function openWire(to: number, onPiece: () => void): Promise<Wire> {
  const sockets = new Set<Socket>();
  let isStalled = false;
  const server = createServer((near) => {
    const far = connect({ host: "127.0.0.1", port: to, noDelay: true });
    near.setNoDelay(true);
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (piece) => {
        onPiece();
        if (!into.write(piece)) {
          from.pause();
          into.once("drain", () => !isStalled && from.resume());
        }
      });
      from.on("end", () => into.end());
      from.on("error", () => into.destroy());
      from.on("close", () => {
        sockets.delete(from);
        into.end();
      });
      if (isStalled) from.pause();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no TCP port");
  return {
    port: address.port,
    stall(wanted) {
      isStalled = wanted;
      for (const socket of sockets) {
        if (wanted) socket.pause();
        else socket.resume();
      }
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
