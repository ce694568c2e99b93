/** What may come in to the web page's server, and how it is answered when it is too much or no HTTP at all. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { openPage } from "./web-support.ts";

/** Sends it, and reads until the server closes. */
async function talk(port: number, octets: string): Promise<string> {
  const socket = await open(port);
  socket.write(octets);
  return allOf(socket);
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  return socket;
}

async function allOf(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => {
    socket.once("close", resolve);
  });
  return Buffer.concat(chunks).toString("latin1");
}

describe("what is no request", () => {
  test.each([
    ["noise", "\x16\x03\x01\r\n\r\n", 400],
    ["a head that is too large", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    [
      "two lengths",
      "POST /web/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      400,
    ],
    [
      "a length and chunks",
      "POST /web/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
    ],
    ["a bare line feed", "GET / HTTP/1.1\nHost: localhost\n\n", 400],
    ["no host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["no host, as in the old days", "GET /healthz HTTP/1.0\r\n\r\n", 400],
    ["two hosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 400],
    [
      "another host in the request line",
      "GET http://evil.example/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
      401,
    ],
  ])("%s: %i, with our headers", async (_what, octets, status) => {
    await using page = await openPage();
    const answer = await talk(page.port, octets);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.[01] ${status} `, "u"));
    expect(answer).toContain("x-content-type-options: nosniff");
    expect(answer).toMatch(/content-security-policy: default-src 'none'/u);
  });
});

describe("too much", () => {
  test("a body", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    expect((await browser.post("/v1/actions", { ids: ["x".repeat(1024 * 1024)] })).status).toBe(413);
  });

  test("connections of one address: the next one is closed, and the others go on", async () => {
    await using page = await openPage();
    const sockets: Socket[] = [];
    for (let at = 0; at < 50; at++) sockets.push(await open(page.port));
    const more = await open(page.port);
    expect(await allOf(more)).toBe("");
    const [first, second] = sockets;
    first?.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    expect(await allOf(first!)).toMatch(/^HTTP\/1\.1 200 /u);
    // A place that has become free is given away again.
    expect((await page.ask("/healthz")).status).toBe(200);
    second?.destroy();
    for (const socket of sockets) socket.destroy();
  });
});

test("closing ends what is open, also in the middle of a request, and whoever follows events", async () => {
  const page = await openPage();
  const browser = await page.loggedIn();
  const stream = await page.open("/v1/events", { headers: browser.headers() });
  stream.on("error", () => undefined);
  stream.resume();
  const half = await open(page.port);
  half.resume();
  half.write("POST /web/login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n");
  half.write("Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{");
  await page.ask("/healthz");
  const ends = [half, stream].map(async (each) => new Promise((resolve) => void each.once("close", resolve)));
  await page[Symbol.asyncDispose]();
  await Promise.all(ends);
  expect([half.destroyed, stream.destroyed]).toEqual([true, true]);
  expect(page.clock.waits).toEqual([]);
});
