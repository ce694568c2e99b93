/** Servers that send anything at all: the client ends with a value or a `Pop3Error`, and always ends. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Pop3Error } from "../../src/pop3/port.ts";
import { client, knownGood, never, read } from "./stand-in-client.ts";

/** Pieces of what servers say, so that the client gets beyond the greeting, and octets of no sense. */
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("+OK\r\n", "+OK 1 20\r\n", "+OK\r\n1 20\r\n.\r\n", "+OK\r\n1 a\r\n.\r\n") },
  {
    weight: 3,
    arbitrary: fc.constantFrom("+OK 9 octets\r\nA: b\r\n\r\nx\r\n.\r\n", ".\r\n", "\n.\r\n", "-ERR no\r\n", "+ \r\n"),
  },
  { weight: 2, arbitrary: fc.constantFrom("\r", "\n", ".", "+", "-", "+O", "1 ", "\0", "A: b\r\n") },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }).map((octets) => Buffer.from(octets).toString("latin1")) },
);
const script = fc.array(piece, { maxLength: 14 });

describe("rubbish", () => {
  let lines: readonly string[] = [];
  const closings: Promise<void>[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const queue = [...lines];
    socket.on("error", () => socket.destroy());
    closings.push(new Promise((resolve) => void socket.on("close", () => resolve())));
    const next = (): void => {
      const text = queue.shift();
      if (text === undefined) socket.end();
      else socket.write(Buffer.from(text, "latin1"));
    };
    socket.on("data", next);
    // The greeting comes unasked, whatever it is; what follows comes for each packet, and once in a while by itself.
    next();
    if (queue.length % 3 === 0) next();
  });
  let port = 0;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
  });

  async function session(auth: string, pipelined: boolean): Promise<void> {
    // A server that says half a line and waits for us would be waited for in turn: that is what time-outs are for.
    const timeouts = { connectMs: 5000, greetingMs: 40, commandMs: 40, dataMs: 40 };
    await using box = await client(port, { auth, timeouts })(never, pipelined ? knownGood : undefined);
    const { messages } = await box.list();
    await box.top(1, 0, 100);
    for (const { number } of messages) {
      const retrieval = await box.retrieve(number);
      if (retrieval.kind === "message") await read(retrieval);
      await box.delete(number);
    }
    await box.quit();
  }

  it("ends every session", async () => {
    let ended = 0;
    let failed = 0;
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.constantFrom("user", "auto", "plain", "cram-md5"),
        fc.boolean(),
        async (text, auth, pipelined) => {
          lines = ["+OK ready\r\n", ...text];
          try {
            await session(auth, pipelined);
          } catch (error) {
            if (!(error instanceof Pop3Error)) throw error;
            failed += 1;
          }
          ended += 1;
        },
      ),
      { numRuns: 150 },
    );
    expect(ended).toBeGreaterThanOrEqual(150);
    expect(failed).toBeGreaterThan(0);
    // No socket is left open: this would wait for it.
    await Promise.all(closings);
    expect(closings.length).toBeGreaterThanOrEqual(150);
  });
});
