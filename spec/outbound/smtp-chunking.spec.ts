/**
 * BDAT (RFC 3030) on smtp-server's connection. Exchange sends a message with a bare LF by BDAT only, and returns it to
 * its sender where CHUNKING is not offered.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LineClient } from "../demo/line-client.ts";
import { addressed, listen, no, until } from "./smtp-support.ts";

/** Sends a chunk and reads its reply. */
async function chunk(client: LineClient, octets: string, last = false): Promise<string> {
  client.write(Buffer.from(`BDAT ${octets.length}${last ? " LAST" : ""}\r\n${octets}`, "latin1"));
  return (await client.reply()).slice(0, 9);
}

describe("BDAT", () => {
  it("takes a message in one chunk", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    expect(await chunk(client, "Subject: x\r\n\r\nHello\r\n", true)).toBe("250 2.0.0");
    expect(receiver.bodies).toEqual(["Subject: x\r\n\r\nHello\r\n"]);
  });

  it("takes it in several, and acknowledges each", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client, "x@kunde.example", "y@kunde.example");
    client.write("BDAT 5\r\nHello");
    expect(await client.reply()).toBe("250 2.0.0 5 octets received");
    expect(await chunk(client, ", World")).toBe("250 2.0.0");
    client.write("bdat  0   last\r\n");
    expect(await client.reply()).toBe("250 2.0.0 queued as 00000000000001");
    expect(receiver.taken[0]).toMatchObject({ body: "Hello, World" });
    expect(receiver.taken[0]?.recipients).toHaveLength(2);
  });

  it("takes chunks and the commands behind them in one write", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    client.write(
      "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 3\r\nab\nBDAT 0\r\nBDAT 4\r\n\r\n.\rBDAT 2 LAST\r\n\nc" +
        "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 1 LAST\r\nzQUIT\r\n",
    );
    const replies: string[] = [];
    for (let i = 0; i < 10; i++) replies.push((await client.reply()).slice(0, 9));
    expect(replies).toEqual([
      "250 2.1.0",
      "250 2.1.5",
      "250 2.0.0",
      "250 2.0.0",
      "250 2.0.0",
      "250 2.0.0",
      "250 2.1.0",
      "250 2.1.5",
      "250 2.0.0",
      "221 2.0.0",
    ]);
    expect(receiver.bodies).toEqual(["ab\n\r\n.\r\nc", "z"]);
  });

  it("passes bare LF, bare CR, NUL, dots and what looks like the end of a message on as they are", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    const text = "a\nb\rc\0\r\n..\r\n.\r\nQUIT\r\n\n.\n\u00ff";
    await addressed(client);
    expect(await chunk(client, text, true)).toBe("250 2.0.0");
    expect(receiver.bodies).toEqual([text]);
  });

  it("gives the receiver exactly what was sent, however it is cut into chunks and packets", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    const text = fc.string({ unit: fc.constantFrom("a", "\r", "\n", ".", "\0", "BDAT 3\r\n", ".\r\n") });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 20 }),
        async (parts, size) => {
          await addressed(client);
          const last = parts.length - 1;
          const wire = parts.map((part, i) => `BDAT ${part.length}${i === last ? " LAST" : ""}\r\n${part}`).join("");
          for (let at = 0; at < wire.length; at += size) {
            client.write(wire.slice(at, at + size));
            await new Promise((resolve) => setImmediate(resolve));
          }
          for (const _ of parts) expect((await client.reply()).slice(0, 3)).toBe("250");
          expect(receiver.bodies.at(-1)).toBe(parts.join(""));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("forgets the chunks at RSET, and at QUIT, and when the client goes", async () => {
    const { hello, receiver, gatekeeper } = await listen();
    const client = await hello();
    await addressed(client);
    await chunk(client, "half");
    expect(receiver.running).toBe(1);
    expect(await client.say("RSET")).toBe("250 2.0.0");
    expect(receiver.running).toBe(0);
    await addressed(client);
    expect(await chunk(client, "whole", true)).toBe("250 2.0.0");
    await addressed(client);
    await chunk(client, "half");
    expect(await client.say("QUIT")).toBe("221 2.0.0");
    await until(() => receiver.running === 0 && gatekeeper.open === 0);
    const other = await hello();
    await addressed(other);
    await chunk(other, "half");
    other.write("BDAT 100\r\nnot all of it");
    other.reset();
    await until(() => receiver.running === 0 && gatekeeper.open === 0);
    expect(receiver.bodies).toEqual(["whole"]);
    expect(receiver.broken).toHaveLength(3);
  });

  it("takes neither MAIL, RCPT nor DATA between chunks, but NOOP", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    await chunk(client, "one ");
    expect(await client.say("RCPT TO:<y@kunde.example>")).toBe("503 5.5.1");
    expect(await client.say("DATA")).toBe("503 5.5.1");
    expect(await client.say("MAIL FROM:<a@b.example>")).toBe("503 5.5.1");
    expect(await client.say("NOOP")).toBe("250 2.0.0");
    expect(await chunk(client, "two", true)).toBe("250 2.0.0");
    expect(receiver.taken[0]).toMatchObject({ body: "one two" });
    expect(receiver.taken[0]?.recipients).toHaveLength(1);
  });

  it.each([
    ["before MAIL", [], "503 5.5.1"],
    ["before RCPT", ["MAIL FROM:<a@b.example>"], "503 5.5.1"],
    ["when no recipient was accepted", ["MAIL FROM:<a@b.example>", "RCPT TO:<x>"], "554 5.5.1"],
  ])("reads the chunk away when it is refused: %s", async (_, lines, reply) => {
    const { hello, receiver } = await listen();
    const client = await hello();
    for (const line of lines) await client.say(line);
    expect(await chunk(client, "QUIT\r\nVRFY x\r\n")).toBe(reply);
    expect(await chunk(client, "QUIT\r\n", true)).toBe(reply);
    expect(await client.say("NOOP")).toBe("250 2.0.0");
    expect(receiver.running).toBe(0);
  });

  it("after DATA it is out of order, and its octets are no commands", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    expect(await client.say("DATA")).toBe("354");
    client.write("text\r\n.\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n");
    expect((await client.reply()).slice(0, 9)).toBe("250 2.0.0");
    expect((await client.reply()).slice(0, 9)).toBe("503 5.5.1");
    expect((await client.reply()).slice(0, 9)).toBe("250 2.0.0");
    expect(receiver.bodies).toEqual(["text\r\n"]);
  });

  it("refuses what is too large in all, reads the chunks away, and takes the next message", async () => {
    const { hello, receiver } = await listen();
    receiver.limit = 10;
    const client = await hello();
    await addressed(client);
    expect(await chunk(client, "12345678")).toBe("250 2.0.0");
    expect(await chunk(client, "QUIT\r\n")).toBe("552 5.3.4");
    expect(await chunk(client, "x")).toBe("552 5.3.4");
    expect(await client.say("MAIL FROM:<a@b.example>")).toBe("503 5.5.1");
    expect(await chunk(client, "QUIT\r\n", true)).toBe("552 5.3.4");
    await addressed(client);
    expect(await chunk(client, "1234567890", true)).toBe("250 2.0.0");
    expect(receiver.bodies).toEqual(["1234567890"]);
  });

  it("refuses a chunk that is announced to be too large, before the receiver gets any of it", async () => {
    const { hello, receiver } = await listen();
    receiver.limit = 1000;
    const client = await hello();
    await addressed(client);
    expect(await chunk(client, "x".repeat(500_000), true)).toBe("552 5.3.4");
    expect(receiver.octets).toBe(0);
    expect(await client.say("NOOP")).toBe("250 2.0.0");
  });

  it("gives the receiver's early answer to the next chunk, and to all that follow", async () => {
    const { hello, receiver } = await listen();
    receiver.before = () => Promise.resolve(no(554, "5.4.6", "A loop"));
    const client = await hello();
    await addressed(client);
    await chunk(client, "one");
    expect(await chunk(client, "two")).toBe("554 5.4.6");
    expect(await chunk(client, "three", true)).toBe("554 5.4.6");
    expect(await client.say("MAIL FROM:<a@b.example>")).toBe("250 2.1.0");
  });

  it.each([
    "BDAT",
    "BDAT x",
    "BDAT -1",
    "BDAT 5 FIRST",
    "BDAT 1.5",
    "BDAT 0x10",
    "BDAT 99999999999999999999",
    "BDAT LAST",
  ])("ends the connection at %j: nobody knows where the next command begins", async (line) => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    client.write(`${line}\r\nNOOP\r\nRSET\r\n`);
    expect(await client.reply()).toMatch(/^501 5\.5\.4 /u);
    expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    expect(receiver.running).toBe(0);
  });

  it("ends the connection when a fault of ours comes before a chunk: its octets are no commands", async () => {
    const { hello, receiver, events } = await listen();
    const client = await hello();
    await addressed(client);
    receiver.maxOctets = () => {
      throw new Error("oh");
    };
    client.write("BDAT 6 LAST\r\nNOOP\r\n");
    expect(await client.reply()).toMatch(/^451 4\.3\.0 /u);
    expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    expect(events.of("internal-error")).toHaveLength(1);
  });

  it("does not take BINARYMIME, which is not offered", async () => {
    const { hello } = await listen();
    expect(await (await hello()).say("MAIL FROM:<a@b.example> BODY=BINARYMIME")).toBe("501 5.5.4");
  });
});
