/**
 * Clients that mean harm, or are broken: what they send is never taken for something else, costs bounded memory, and
 * does nothing to others.
 */
import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { LineClient } from "../demo/line-client.ts";
import { addressed, heldMemory, later, listen, no, repliesUntil, send, until } from "./smtp-support.ts";

describe("smuggling", () => {
  const strays = [
    "\n.\n",
    "\n.\r\n",
    "\r.\r",
    "\r.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\n.\r",
    "\r.\n",
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\0\n.\r\n",
    "\n\r.\r\n",
    "\r\n.\r\r\n",
    "\r\r\n\n.\n",
    "\r\n .\r\n",
  ];

  it.each(strays)("what stands behind %j stays text", async (stray) => {
    const { hello, receiver } = await listen();
    const client = await hello();
    const inner = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<victim@b.example>\r\nDATA\r\nsmuggled";
    const reply = await send(client, Buffer.from(`text${stray}${inner}\r\n.\r\n`, "latin1"));
    expect(reply).toMatch(/^250 2\.0\.0 queued as 00000000000001$/u);
    expect(await client.say("NOOP")).toBe("250 2.0.0");
    expect(receiver.taken).toHaveLength(1);
    expect(receiver.taken[0]?.recipients).toEqual([{ address: "x@kunde.example", dsn: undefined }]);
    expect(receiver.bodies[0]).toContain(`${inner}\r\n`);
  });

  it.each(strays)("nor when it comes octet by octet: %j", async (stray) => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    await client.say("DATA");
    for (const octet of Buffer.from(`a${stray}QUIT\r\n.\r\n`, "latin1")) {
      client.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.reply()).toMatch(/^250 2\.0\.0 queued/u);
    expect(receiver.bodies[0]).toMatch(/QUIT\r\n$/u);
  });
});

describe("commands", () => {
  it.each([
    "NOOP\n",
    "NOOP\nNOOP",
    "NOOP\rNOOP",
    "NO\0OP",
    "NOOP\r",
    "MAIL FROM:<a@b.example>\nRCPT TO:<x@y.example>",
    "NOOP \u0007",
    "NOOP \u007f",
  ])("with a bare line end or a control character are no commands: %j", async (line) => {
    const { hello } = await listen();
    const client = await hello();
    expect(await client.say(line)).toBe("500 5.5.2");
    expect(await client.say("NOOP")).toBe("250 2.0.0");
  });

  it("that are no UTF-8 are refused", async () => {
    const { hello } = await listen();
    const client = await hello();
    client.write(Buffer.from("MAIL FROM:<\xe4@b.example>\r\n", "latin1"));
    expect(await client.reply()).toMatch(/^500 5\.5\.2 /u);
  });

  it("may come octet by octet", async () => {
    const { greeted, receiver } = await listen();
    const client = await greeted();
    for (const octet of "EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nBDAT 3 LAST\r\na\r\nQUIT\r\n") {
      client.write(octet);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await repliesUntil(client, /^221/u)).toHaveLength(4);
    expect(receiver.bodies).toEqual(["a\r\n"]);
  });

  it("of 2,048 octets are read, longer ones are thrown away as they come", async () => {
    const { hello } = await listen();
    const client = await hello();
    expect(await client.say(`NOOP ${"x".repeat(2048 - 7)}`)).toBe("250 2.0.0");
    expect(await client.say(`NOOP ${"x".repeat(2048 - 6)}`)).toBe("500 5.5.2");
    const before = await heldMemory();
    // No end comes: were it kept, it would be kept now.
    for (let i = 0; i < 64; i++) client.write(Buffer.alloc(1_000_000, "x"));
    await until(() => client.unsent === 0);
    expect((await heldMemory()) - before).toBeLessThan(10_000_000);
    client.write("\r\nNOOP\r\n");
    expect(await client.reply()).toMatch(/^500 5\.5\.2 Line too long/u);
    expect(await client.reply()).toMatch(/^250/u);
  });

  it("a last one without its end is not run", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client);
    client.write("RSET");
    client.end();
    expect(await client.reply()).toBe("closed");
    expect(receiver.running).toBe(0);
  });

  it("that are not understood, ten times, end the connection", async () => {
    const { hello, events } = await listen();
    const client = await hello();
    client.write("FOO\r\n".repeat(20));
    expect(await repliesUntil(client, /^421 4\.7\.0 /u)).toEqual(
      Array.from({ length: 9 }, () => "500 5.5.1 Command not recognized"),
    );
    expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    expect(events.of("client-refused")).toMatchObject([{ reply: expect.stringMatching(/^421 4\.7\.0 /u) as string }]);
  });

  it("a message with many bad recipients is no reason to end it: the good ones get theirs", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await client.say("MAIL FROM:<a@b.example>");
    for (let i = 0; i < 50; i++) expect(await client.say("RCPT TO:<x@bad..example>")).toBe("501 5.1.3");
    await client.say("RCPT TO:<x@kunde.example>");
    await client.say("DATA");
    client.write(".\r\n");
    expect(await client.reply()).toMatch(/^250/u);
    expect(receiver.taken[0]?.recipients).toHaveLength(1);
  });

  it.each(["GET / HTTP/1.1", "POST /mail HTTP/1.0", "CONNECT host:25 HTTP/1.1", "PRI * HTTP/2.0"])(
    "of a web client end the connection: %s",
    async (line) => {
      const { port } = await listen();
      const client = await LineClient.open(port);
      later(() => client[Symbol.dispose]());
      await client.reply();
      client.write(`${line}\r\nHost: x\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\n`);
      expect(await client.reply()).toMatch(/^421 4\.7\.0 /u);
      expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    },
  );

  it("before the greeting end the connection", async () => {
    const { port, receiver, events, gatekeeper } = await listen();
    const socket = connect(port, "127.0.0.1");
    later(() => void socket.destroy());
    socket.on("error", () => undefined);
    // In the same turn as the connection itself: they are there before the server can greet.
    socket.write("EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nspam\r\n.\r\n");
    let heard = "";
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    await once(socket, "close");
    expect(heard).toMatch(/^421 4\.5\.0 /u);
    expect(heard.trim().split("\r\n")).toHaveLength(1);
    expect(receiver.taken).toEqual([]);
    expect(gatekeeper.open).toBe(0);
    expect(events.of("client-refused")).toMatchObject([{ stage: "connect" }]);
  });

  it("whose replies are never read stop being read themselves", async () => {
    const { port, gatekeeper } = await listen();
    const socket = connect({ port, host: "127.0.0.1" });
    later(() => void socket.destroy());
    socket.on("error", () => undefined);
    socket.pause();
    await once(socket, "connect");
    await until(() => gatekeeper.open === 1);
    socket.write("EHLO me\r\n");
    const help = Buffer.from("HELP\r\n".repeat(10_000));
    let taken = 0;
    // Until the server has stopped reading: nothing drains for a long run of turns. The kernel keeps some megabytes, and
    // wakes a writer only when a good part of that is free again.
    const most = 500;
    for (let idle = 0; idle < 20_000 && taken < most;) {
      if (socket.writableLength === 0) {
        socket.write(help);
        taken++;
        idle = 0;
      } else idle++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken).toBeLessThan(most);
  });
});

describe("the end of a connection", () => {
  it("a client that ends its side is answered what it has sent", async () => {
    const { hello, receiver, gatekeeper } = await listen();
    const client = await hello();
    receiver.commit = async () => {
      // Long enough for its end to be noticed.
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
      return undefined;
    };
    client.write("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\nHi\r\n.\r\n");
    client.end();
    expect(await repliesUntil(client, /^250 2\.0\.0 queued/u)).toHaveLength(3);
    expect(await client.reply()).toBe("closed");
    expect(receiver.bodies).toEqual(["Hi\r\n"]);
    await until(() => gatekeeper.open === 0);
  });

  it("a client that ends its side in the middle of a message has sent none", async () => {
    const { hello, receiver, gatekeeper } = await listen();
    const client = await hello();
    await addressed(client);
    await client.say("DATA");
    client.write("half\r\n.\r");
    client.end();
    expect(await client.reply()).toBe("closed");
    await until(() => gatekeeper.open === 0);
    expect(receiver.taken).toEqual([]);
    expect(receiver.broken).toHaveLength(1);
  });

  it("a client that goes while its message is stored is not waited for, and the receiver hears of it", async () => {
    const { hello, receiver, gatekeeper } = await listen();
    const client = await hello();
    let aborted = false;
    receiver.commit = async (signal) => {
      client.reset();
      if (!signal.aborted) await once(signal, "abort");
      aborted = true;
      throw new Error("given up");
    };
    await addressed(client);
    await client.say("DATA");
    client.write(".\r\n");
    await until(() => aborted && gatekeeper.open === 0 && receiver.running === 0);
    expect(receiver.taken).toEqual([]);
  });

  it("one whose receiver is slow is not read faster than that", async () => {
    const { port, receiver } = await listen();
    const gate = Promise.withResolvers<void>();
    receiver.before = async () => {
      await gate.promise;
      return undefined;
    };
    receiver.limit = 1e9;
    const client = await LineClient.open(port);
    later(() => client[Symbol.dispose]());
    await client.reply();
    await client.say("EHLO me");
    await addressed(client);
    await client.say("DATA");
    const total = 100_000_000;
    const piece = Buffer.alloc(1_000_000, "x");
    let written = 0;
    for (let idle = 0; idle < 2000 && written < total;) {
      if (client.unsent === 0) {
        client.write(piece);
        written += piece.length;
        idle = 0;
      } else idle++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    // What the kernel's buffers hold, and a packet or two of ours.
    expect(written).toBeLessThan(50_000_000);
    gate.resolve();
    client.write("\r\n.\r\n");
    expect(await client.reply()).toMatch(/^250/u);
    expect(receiver.octets).toBe(written + 2);
  });

  it("lines of a message may have any length", async () => {
    const { hello, receiver } = await listen();
    receiver.limit = 10_000_000;
    const client = await hello();
    const line = "y".repeat(5_000_000);
    expect(await send(client, `${line}\r\n.\r\n`)).toMatch(/^250/u);
    expect(receiver.octets).toBe(line.length + 2);
  });
});

describe("the log", () => {
  it("of a client that knocks without end has ten lines in a minute, and then a number", async () => {
    const { events, port, gatekeeper, listener } = await listen();
    gatekeeper.onAdmit = () => no(554, "5.7.1", "Stranger", true);
    for (let i = 0; i < 35; i++) {
      using client = await LineClient.open(port);
      expect(await client.reply()).toMatch(/^554/u);
    }
    expect(events.of("client-refused")).toHaveLength(10);
    await listener[Symbol.asyncDispose]();
    expect(events.of("client-refused").at(-1)).toMatchObject({
      client: "127.0.0.1",
      stage: "connect",
      reply: "25 more within a minute, the last: 554 5.7.1 Stranger",
    });
  });
});
