/** The dialogue in lines: replies that come in pieces, that never end, that are TLS, or do not come. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { DialogueEnded, LineDialogue } from "../../src/doctor/line-dialogue.ts";
import { startRawServer, type Answer } from "../delivery/raw-server.ts";

const signal = new AbortController().signal;

async function withServer<T>(answer: Answer, talk: (dialogue: LineDialogue) => Promise<T>): Promise<T> {
  await using server = await startRawServer(answer);
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  using dialogue = new LineDialogue(socket, signal);
  return await talk(dialogue);
}

async function whyEnded(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DialogueEnded) return error.why;
    throw error;
  }
  return "not at all";
}

test("POP3: one line, and many up to the dot; an error has one line", async () => {
  const answer: Answer = (line, socket) => {
    if (line === "") return "+OK hello\r\n";
    if (line !== "CAPA") return "-ERR no\r\n";
    socket.write("+OK\r\nTOP\r\nU");
    socket.write("IDL\r\n.\r");
    return "\n";
  };
  const said = await withServer(answer, async (dialogue) => [
    await dialogue.greeting("pop3", 5000),
    await dialogue.pop3("CAPA", 5000, true),
    await dialogue.pop3("UIDL", 5000, true),
  ]);
  expect(said).toEqual([["+OK hello"], ["+OK", "TOP", "UIDL", "."], ["-ERR no"]]);
});

test("SMTP: several lines with the code; a line that is no reply ends it", async () => {
  const answer: Answer = (line) =>
    line === "" ? "220-one\r\n220 two\r\n" : line.startsWith("EHLO") ? "250-a\r\n250-SIZE 1\r\n250 b\r\n" : "what?\r\n";
  const said = await withServer(answer, async (dialogue) => [
    await dialogue.greeting("smtp", 5000),
    await dialogue.smtp("EHLO me", 5000),
    await dialogue.smtp("NOOP", 5000),
  ]);
  expect(said).toEqual([["220-one", "220 two"], ["250-a", "250-SIZE 1", "250 b"], ["what?"]]);
});

test.each([
  { what: "silence", answer: () => undefined, why: "silence" },
  { what: "an end", answer: (_: string, socket: Parameters<Answer>[1]) => (socket.end(), undefined), why: "closed" },
  { what: "TLS", answer: () => "\u0015\u0003\u0003\u0000\u0002\u0002\u0028", why: "tls" },
  { what: "a line without end", answer: () => "+OK".padEnd(70_000, "x"), why: "too-long" },
])("$what in place of a greeting is told as that", async ({ answer, why }) => {
  expect(await withServer(answer, async (dialogue) => whyEnded(dialogue.greeting("pop3", 200)))).toBe(why);
});
