/**
 * Hands mail to a server as a fast client does: MAIL, RCPT and DATA in one write (RFC 2920), the body after 354, the next
 * message after the 250. Each session is a connection.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

const patienceMs = 60_000;

/** Rejects when the server refuses anything. `make` gives the octets of a message, with its final dot. */
export async function submit(
  port: number,
  count: number,
  sessions: number,
  make: (number: number) => Buffer,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(sessions, count) }, async () => {
      const session = new Session(connect({ host: "127.0.0.1", port, noDelay: true }));
      await session.expect(220);
      session.write("EHLO exchange.firma.example\r\n");
      await session.expect(250);
      for (let number = next++; number < count; number = next++) {
        session.write("MAIL FROM:<anna@firma.example>\r\nRCPT TO:<kunde@kunden.example>\r\nDATA\r\n");
        await session.expect(250);
        await session.expect(250);
        await session.expect(354);
        session.write(make(number));
        await session.expect(250);
      }
      session.write("QUIT\r\n");
      await session.expect(221);
      session.end();
    }),
  );
}

class Session {
  readonly #socket: Socket;
  #text = "";
  #fault: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(patienceMs, () => socket.destroy(new Error("the server is silent")));
    socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      this.#wake();
    });
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(new Error("the server closed the connection")));
  }

  write(data: string | Buffer): void {
    this.#socket.write(data);
  }

  end(): void {
    this.#socket.end();
  }

  /** One whole reply with this code. */
  async expect(code: number): Promise<void> {
    for (;;) {
      const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/u.exec(this.#text)?.[0];
      if (reply !== undefined) {
        this.#text = this.#text.slice(reply.length);
        if (reply.startsWith(String(code))) return;
        throw new Error(`${code} was expected, not ${reply.trim()}`);
      }
      if (this.#fault !== undefined) throw this.#fault;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  #end(error: Error): void {
    this.#fault ??= error;
    this.#wake();
  }
}

/** One message of any size, piece by piece, on a connection of its own. */
export async function submitLarge(port: number, pieces: Iterable<Buffer>): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const session = new Session(socket);
  await session.expect(220);
  session.write("EHLO exchange.firma.example\r\n");
  await session.expect(250);
  session.write("MAIL FROM:<anna@firma.example>\r\nRCPT TO:<kunde@kunden.example>\r\nDATA\r\n");
  await session.expect(250);
  await session.expect(250);
  await session.expect(354);
  for (const piece of pieces) if (!socket.write(piece)) await once(socket, "drain");
  socket.write("\r\n.\r\n");
  await session.expect(250);
  session.end();
}
