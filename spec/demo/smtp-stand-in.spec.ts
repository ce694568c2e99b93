/** The SMTP stand-in over raw sockets: what it takes for the end of a message, its order of commands, and its knobs. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exchangeKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";

let server: SmtpStandIn;
let socket: Socket;
let lines: AsyncGenerator<string, undefined>;

async function* readLines(from: Socket): AsyncGenerator<string, undefined> {
  let text = "";
  for await (const chunk of from) {
    text += String(chunk);
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] !== "-") yield line;
    }
  }
  return undefined;
}

async function open(): Promise<void> {
  socket = connect({ port: server.port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  lines = readLines(socket);
}

async function reply(): Promise<string> {
  const next: IteratorResult<string, undefined> = await lines.next();
  return next.done === true ? "closed" : next.value;
}

async function say(text: string): Promise<string> {
  socket.write(`${text}\r\n`);
  return (await reply()).slice(0, 9).trim();
}

beforeEach(async () => {
  server = await startSmtpStandIn({ knobs: { ...exchangeKnobs, mailboxes: new Set(["anna@firma.example"]) } });
  await open();
  expect(await reply()).toMatch(/^220 /u);
});
afterEach(async () => {
  socket.destroy();
  await server.close();
});

async function toData(): Promise<void> {
  await say("EHLO me");
  await say("MAIL FROM:<>");
  await say("RCPT TO:<anna@firma.example>");
  expect(await say("DATA")).toMatch(/^354/u);
}

describe("the end of a message", () => {
  test.each([
    ["\n.\n", "LF . LF"],
    ["\n.\r\n", "LF . CRLF"],
    ["\r\n.\n", "CRLF . LF"],
    ["\r.\r", "CR . CR"],
    ["\r\n.\r", "CRLF . CR"],
    ["\r\n..\r\n", "a stuffed dot"],
  ])("%j (%s) does not end it", async (sequence) => {
    await toData();
    socket.write(`Subject: x\r\n\r\na${sequence}b\r\n.\r\n`);
    expect(await reply()).toMatch(/^250/u);
    expect(server.messages).toHaveLength(1);
    const unstuffed =
      sequence === "\r\n..\r\n"
        ? "\r\n.\r\n"
        : sequence === "\r\n.\n"
          ? "\r\n\n"
          : sequence === "\r\n.\r"
            ? "\r\n\r"
            : sequence;
    expect(server.messages[0]?.raw.toString()).toBe(`Subject: x\r\n\r\na${unstuffed}b\r\n`);
  });

  test("octet by octet, with a dot as the very first line", async () => {
    await toData();
    for (const octet of "..first\r\n...\r\n.\r\n") {
      socket.write(octet);
      await new Promise(setImmediate);
    }
    expect(await reply()).toMatch(/^250/u);
    expect(server.messages[0]?.raw.toString()).toBe(".first\r\n..\r\n");
  });

  test("what is pipelined behind it is the next command", async () => {
    await toData();
    socket.write("x\r\n.\r\nNOOP\r\n");
    expect(await reply()).toMatch(/^250 2\.6\.0/u);
    expect(await reply()).toMatch(/^250 2\.0\.0/u);
  });
});

test("commands out of order are refused, and nothing is taken by them", async () => {
  expect(await say("MAIL FROM:<>")).toBe("503 5.5.1");
  await say("EHLO me");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("503 5.5.1");
  expect(await say("DATA")).toBe("503 5.5.1");
  expect(await say("VRFY anna")).toBe("502 5.5.1");
  expect(server.messages).toEqual([]);
});

test("the fifth error ends the connection, as Exchange does", async () => {
  await say("EHLO me");
  for (let count = 0; count < 5; count++) expect(await say("VRFY x")).toBe("502 5.5.1");
  expect(await reply()).toMatch(/^421 4\.7\.0/u);
  expect(await reply()).toBe("closed");
});

test("unknown recipients, too many recipients, SIZE, back pressure", async () => {
  server.set({ maxRecipients: 1, size: 1000 });
  await say("EHLO me");
  expect(await say("MAIL FROM:<> SIZE=2000")).toBe("552 5.3.4");
  expect(await say("MAIL FROM:<> SIZE=500")).toBe("250 2.1.0");
  expect(await say("RCPT TO:<nobody@firma.example>")).toBe("550 5.1.1");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("250 2.1.5");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("452 4.5.3");
  await say("RSET");
  server.set({ backPressure: "mail" });
  expect(await say("MAIL FROM:<>")).toBe("452 4.3.1");
});

test("an unknown recipient that shows only after the dot refuses the whole message", async () => {
  server.set({ recipientCheck: "dot" });
  await say("EHLO me");
  await say("MAIL FROM:<>");
  await say("RCPT TO:<anna@firma.example>");
  expect(await say("RCPT TO:<nobody@firma.example>")).toBe("250 2.1.5");
  await say("DATA");
  expect(await say("x\r\n.")).toBe("550 5.1.1");
  expect(server.messages).toEqual([]);
});

test.each([
  ["drop", true, 1],
  ["drop", false, 0],
] as const)("%s at the dot, taken %s", async (action, taken, count) => {
  server.set({ at: { dot: { do: action, taken } } });
  await toData();
  socket.write("x\r\n.\r\n");
  expect(await reply()).toBe("closed");
  expect(server.messages).toHaveLength(count);
});

test("a second connection beyond the limit is turned away; the first goes on", async () => {
  server.set({ maxConnections: 1 });
  const first = { socket, lines };
  await open();
  expect(await reply()).toMatch(/^421 4\.3\.2/u);
  socket.destroy();
  ({ socket, lines } = first);
  expect(await say("EHLO me")).toMatch(/^250/u);
});

test("passwords do not stand in the transcript", async () => {
  server.set({ auth: ["PLAIN", "LOGIN"], users: new Map([["anna", "geheim"]]) });
  await say("EHLO me");
  expect(await say(`AUTH PLAIN ${Buffer.from("\0anna\0falsch").toString("base64")}`)).toBe("535 5.7.8");
  expect(await say("AUTH LOGIN")).toMatch(/^334/u);
  expect(await say(Buffer.from("anna").toString("base64"))).toMatch(/^334/u);
  expect(await say(Buffer.from("geheim").toString("base64"))).toBe("235 2.7.0");
  expect(server.transcript.join("\n")).not.toContain(Buffer.from("geheim").toString("base64"));
});
