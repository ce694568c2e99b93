/** A server on a raw socket that answers line by line as a spec says, for what no well-behaved stand-in would do. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  /** Every line the client sent. */
  readonly lines: readonly string[];
  readonly sockets: ReadonlySet<Socket>;
  /** Resolves when the last connection has gone. */
  gone(): Promise<void>;
}

/** Lines of the client in, what to send out; `undefined` sends nothing. The first call, with an empty line, greets. */
export type Answer = (line: string, socket: Socket) => string | undefined;

/** Answers as a plain server with PIPELINING would, up to and including 354. */
export function usual(line: string): string {
  if (line === "") return "220 raw.example ESMTP\r\n";
  if (/^EHLO/iu.test(line)) return "250-raw.example\r\n250 PIPELINING\r\n";
  if (/^DATA/iu.test(line)) return "354 go on\r\n";
  if (/^QUIT/iu.test(line)) return "221 bye\r\n";
  return "250 OK\r\n";
}

export async function startRawServer(answer: Answer): Promise<RawServer> {
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    let rest = "";
    const say = (line: string): void => {
      const text = answer(line, socket);
      if (text !== undefined && !socket.destroyed) socket.write(text);
    };
    socket.on("data", (chunk: Buffer) => {
      const parts = (rest + chunk.toString("latin1")).split("\r\n");
      rest = parts.pop() ?? "";
      for (const line of parts) {
        lines.push(line);
        say(line);
      }
    });
    say("");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  return {
    port,
    lines,
    sockets,
    async gone() {
      for (const socket of sockets) await once(socket, "close");
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
