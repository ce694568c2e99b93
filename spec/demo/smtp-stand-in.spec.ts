/** The SMTP stand-in over raw sockets: what it takes for the end of a message, its order of commands, and its knobs. */
import { beforeEach, describe, expect, test } from "vitest";
import { exchangeKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import type { SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { LineClient } from "./line-client.ts";
import { greeted, toData } from "./smtp-harness.ts";

let server: SmtpStandIn;
let client: LineClient;
let open: () => Promise<LineClient>;
const say = async (line: string): Promise<string> => client.say(line);
const reply = async (): Promise<string> => client.reply();

beforeEach(async () => {
  ({ server, client, open } = await greeted({ ...exchangeKnobs, mailboxes: new Set(["anna@firma.example"]) }));
});

const toAnna = async (): Promise<void> => toData(client, "anna@firma.example");

describe("the end of a message", () => {
  test.each([
    ["\n.\n", "LF . LF"],
    ["\n.\r\n", "LF . CRLF"],
    ["\r\n.\n", "CRLF . LF"],
    ["\r.\r", "CR . CR"],
    ["\r\n.\r", "CRLF . CR"],
    ["\r\n..\r\n", "a stuffed dot"],
  ])("%j (%s) does not end it", async (sequence) => {
    await toAnna();
    client.write(`Subject: x\r\n\r\na${sequence}b\r\n.\r\n`);
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
    await toAnna();
    for (const octet of "..first\r\n...\r\n.\r\n") {
      client.write(octet);
      await new Promise(setImmediate);
    }
    expect(await reply()).toMatch(/^250/u);
    expect(server.messages[0]?.raw.toString()).toBe(".first\r\n..\r\n");
  });

  test("what is pipelined behind it is the next command", async () => {
    await toAnna();
    client.write("x\r\n.\r\nNOOP\r\n");
    expect(await reply()).toMatch(/^250 2\.6\.0/u);
    expect(await reply()).toMatch(/^250 2\.0\.0/u);
  });
});

test("commands out of order are refused, and nothing is taken by them", async () => {
  client = await open();
  await reply();
  expect(await say("MAIL FROM:<>")).toBe("503 5.5.1");
  await say("EHLO me");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("503 5.5.1");
  expect(await say("DATA")).toBe("503 5.5.1");
  expect(await say("VRFY anna")).toBe("502 5.5.1");
  expect(server.messages).toEqual([]);
});

test("the fifth error ends the connection, as Exchange does", async () => {
  for (let count = 0; count < 5; count++) expect(await say("VRFY x")).toBe("502 5.5.1");
  expect(await reply()).toMatch(/^421 4\.7\.0/u);
  expect(await reply()).toBe("closed");
});

test("unknown recipients, too many recipients, SIZE, back pressure", async () => {
  server.set({ maxRecipients: 1, size: 1000 });
  await say("EHLO me");
  expect(await say("MAIL FROM:<> SIZE=2000")).toBe("552 5.3.4");
  expect(await say("MAIL FROM:<> SIZE=500")).toBe("250 2.1.0");
  expect(await say("RCPT TO:<nobody@firma.example>")).toBe("550 5.1.10");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("250 2.1.5");
  expect(await say("RCPT TO:<anna@firma.example>")).toBe("452 4.5.3");
  await say("RSET");
  server.set({ backPressure: "mail" });
  expect(await say("MAIL FROM:<>")).toBe("452 4.3.1");
});

test("an unknown recipient that shows only after the dot refuses the whole message", async () => {
  server.set({ recipientCheck: "dot" });
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
  await toAnna();
  client.write("x\r\n.\r\n");
  expect(await reply()).toBe("closed");
  expect(server.messages).toHaveLength(count);
});

test("a second connection beyond the limit is turned away; the first goes on", async () => {
  server.set({ maxConnections: 1 });
  const second = await open();
  expect(await second.reply()).toMatch(/^421 4\.3\.2/u);
  expect(await second.reply()).toBe("closed");
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
