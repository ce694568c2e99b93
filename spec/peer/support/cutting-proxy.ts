/** A TCP proxy that cuts connections after so many octets from the server, or from the client: a line that breaks. */
import { once } from "node:events";
import net, { type Socket } from "node:net";

export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Octets after which the next connections are cut, one each; then connections are left alone. */
  readonly cuts: number[];
  readonly connections: number;
  readonly cut: number;
}

/** `of`: whose octets are counted. */
export async function startCuttingProxy(
  targetPort: number,
  cuts: readonly number[],
  of: "server" | "client" = "server",
): Promise<CuttingProxy> {
  const left = [...cuts];
  const sockets = new Set<Socket>();
  const count = { connections: 0, cut: 0 };
  const server = net.createServer({ noDelay: true }, (client) => {
    count.connections += 1;
    const limit = left.shift() ?? Number.POSITIVE_INFINITY;
    const upstream = net.connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
    let passed = 0;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    const [counted, other] = of === "server" ? [upstream, client] : [client, upstream];
    other.pipe(counted);
    counted.on("data", (chunk: Buffer) => {
      const room = limit - passed;
      passed += chunk.length;
      if (chunk.length < room) {
        if (!other.write(chunk)) {
          counted.pause();
          other.once("drain", () => counted.resume());
        }
        return;
      }
      count.cut += 1;
      other.write(chunk.subarray(0, room), end);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    cuts: left,
    get connections() {
      return count.connections;
    },
    get cut() {
      return count.cut;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
