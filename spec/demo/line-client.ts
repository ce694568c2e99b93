/** A client that sends what it is told to, octet for octet, and reads replies: for specs of servers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export class LineClient implements Disposable {
  #socket: Socket;
  #replies: AsyncGenerator<readonly string[], undefined>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#replies = readReplies(socket);
  }

  static async open(port: number, tls = false): Promise<LineClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const client = new LineClient(socket);
    if (tls) await client.startTls();
    return client;
  }

  /** To be called when the server has nothing more to say in the clear. */
  async startTls(): Promise<void> {
    this.#socket.removeAllListeners("data");
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    this.#socket = secure;
    this.#replies = readReplies(secure);
  }

  write(octets: string | Buffer): void {
    this.#socket.write(octets);
  }

  /** The lines of the next reply; `["closed"]` or `["reset"]` when there is none. */
  async lines(): Promise<readonly string[]> {
    try {
      const next: IteratorResult<readonly string[], undefined> = await this.#replies.next();
      return next.done === true ? ["closed"] : next.value;
    } catch {
      return ["reset"];
    }
  }

  /** The last line of the next reply. */
  async reply(): Promise<string> {
    return (await this.lines()).at(-1) ?? "";
  }

  /** Sends a line and reads the reply to it: code and, where there is one, enhanced code. */
  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return /^\d{3}(?: \d\.\d+\.\d+)?|^\w+/u.exec(await this.reply())?.[0] ?? "";
  }

  /** Octets that the other side's buffers had no room for. */
  get unsent(): number {
    return this.#socket.writableLength;
  }

  /** Ends its own side; replies can still be read. */
  end(): void {
    this.#socket.end();
  }

  /** Ends the connection by RST. */
  reset(): void {
    this.#socket.on("error", () => undefined);
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.on("error", () => undefined);
    this.#socket.destroy();
  }
}

async function* readReplies(from: Socket): AsyncGenerator<readonly string[], undefined> {
  let text = "";
  let lines: string[] = [];
  const chunks: string[] = [];
  let wake = Promise.withResolvers<void>();
  let end: "closed" | Error | undefined;
  from.on("data", (chunk: Buffer) => {
    chunks.push(chunk.toString("utf8"));
    wake.resolve();
  });
  from.on("error", (error) => {
    end = error;
    wake.resolve();
  });
  from.on("close", () => {
    end ??= "closed";
    wake.resolve();
  });
  for (;;) {
    for (let at = text.indexOf("\r\n"); at >= 0; at = text.indexOf("\r\n")) {
      const line = text.slice(0, at);
      text = text.slice(at + 2);
      lines.push(line);
      if (line[3] === "-") continue;
      yield lines;
      lines = [];
    }
    if (chunks.length === 0 && end !== undefined) {
      if (end instanceof Error) throw end;
      return undefined;
    }
    await wake.promise;
    wake = Promise.withResolvers();
    text += chunks.splice(0).join("");
  }
}
