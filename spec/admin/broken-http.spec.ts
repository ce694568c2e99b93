/** What Node's HTTP server would answer by itself, without a word: here it is a problem detail like any other. */
import { connect } from "node:net";
import { expect, it } from "vitest";
import { openInterface } from "./interface.ts";

async function answerTo(socketPath: string, text: string): Promise<string> {
  const socket = connect(socketPath);
  socket.end(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

it.each([
  ["no Host field", "GET /healthz HTTP/1.1\r\n\r\n", 400, "needs a Host field"],
  ["no Host field, and no such path", "GET /nowhere HTTP/1.1\r\n\r\n", 400, "needs a Host field"],
  ["another expectation", "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417, "Expectation failed"],
])("%s", async (_, request, status, words) => {
  await using admin = await openInterface();
  const answer = await answerTo(admin.socket, request);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `, "u"));
  expect(answer).toMatch(/\r\ncontent-type: application\/problem\+json/iu);
  expect(answer).toContain(words);
  expect(admin.events.all).toEqual([]);
});

it("HTTP/1.0 needs no Host field", async () => {
  await using admin = await openInterface();
  expect(await answerTo(admin.socket, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 200 .*"alive":true/su);
});
