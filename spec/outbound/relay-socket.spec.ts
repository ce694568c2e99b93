/**
 * The relay table over a socket: the listener with the real gatekeeper, clients from several addresses of this machine.
 * Whoever may not send gets no further than MAIL, and nothing of it reaches the receiver.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { certificates } from "../fakes/certificates.ts";
import { openGatekeeper } from "./gatekeeper-support.ts";
import {
  clientCases,
  openRelayCases,
  recipientCases,
  relaySetUp,
  senderCases,
  type ClientCase,
} from "./relay-cases.ts";
import { listen, type Harness } from "./smtp-support.ts";

const dir = mkdtempSync(path.join(tmpdir(), "popgate-relay-"));
afterAll(() => rmSync(dir, { recursive: true }));
const files = { certFile: path.join(dir, "cert.pem"), keyFile: path.join(dir, "key.pem") };
const { server } = certificates();
writeFileSync(files.certFile, server.cert);
writeFileSync(files.keyFile, server.key, { mode: 0o600 });

const fromSockets = clientCases.filter(({ socket }) => socket !== undefined);
/** So many refusals a connection bears without being closed. */
const atOnce = 5;

test("the table has clients of both kinds that connect from this machine", () => {
  expect(fromSockets.filter(({ connect: code, mail }) => code === 554 || mail !== undefined).length).toBeGreaterThan(4);
  expect(fromSockets.filter(({ connect: code, mail }) => code === 220 && mail === undefined).length).toBeGreaterThan(4);
});

describe.each(fromSockets)("$name (users: $users) from $socket", (of) => {
  test("is answered as the table says", async () => {
    const receivers: Harness["receiver"][] = [];
    // A gatekeeper for each connection: wrong logins lock a client out, which is another spec's business.
    const open = async (): Promise<number> => {
      const { keeper } = openGatekeeper(of.users ? {} : { users: new Map() });
      const { port, receiver } = await listen({ gatekeeper: keeper, tls: files });
      receivers.push(receiver);
      return port;
    };
    if (of.connect === 554) {
      await using client = await Client.open(await open(), of);
      expect(await client.reply()).toBe(554);
      expect(await client.reply()).toBe(0);
      return;
    }
    for (const senders of chunks(senderCases, atOnce)) {
      await using client = await begun(await open(), of);
      for (const { path: from, code } of senders) {
        const reply = await client.say(`MAIL FROM:<${from}>`);
        expect(codeClass(reply), from).toBe(code === 501 ? 501 : (of.mail ?? code));
        await client.say("RSET");
      }
    }
    for (const recipients of chunks(recipientCases, atOnce)) {
      await using client = await begun(await open(), of);
      const opened = await client.say("MAIL FROM:<user@firma.example>");
      expect(opened).toBe(of.mail ?? 250);
      for (const { path: to, code } of recipients) {
        // The line end of one case makes two commands, and the second is what matters.
        const replies = [await client.say(`RCPT TO:<${to}>`)];
        if (to.includes("\r\n")) replies.push(await client.reply());
        if (of.mail !== undefined) expect(replies.every((reply) => reply >= 500)).toBe(true);
        else if (!to.includes("\r\n")) expect(codeClass(replies[0] ?? 0), to).toBe(code);
      }
    }
    if (of.mail === undefined) return;
    await using client = await begun(await open(), of);
    for (const line of ["MAIL FROM:<user@firma.example>", "RCPT TO:<user@foreign.example>", "DATA"])
      expect(await client.say(line)).toBeGreaterThanOrEqual(500);
    expect(receivers.flatMap(({ taken }) => taken)).toEqual([]);
  });
});

const stranger = fromSockets.find(({ name }) => name === "another network, not logged in");
const allowed = fromSockets.find(({ name }) => name === "an allowed network, not logged in");

test.each(openRelayCases)("open-relay test from a stranger: $name", async ({ from, to }) => {
  if (stranger === undefined || allowed === undefined) throw new Error("no such clients in the table");
  const { port, receiver } = await listen({ gatekeeper: openGatekeeper().keeper, tls: files });
  await using client = await begun(port, stranger);
  const replies = [await client.say(`MAIL FROM:<${from}>`), await client.say(`RCPT TO:<${to}>`)];
  const data = await client.say("DATA");
  expect([...replies, data].every((reply) => reply >= 500 && reply < 600)).toBe(true);
  expect(receiver.taken).toEqual([]);
  // The listener is there for who may send.
  await using friend = await begun(port, allowed);
  expect(await friend.say("MAIL FROM:<user@firma.example>")).toBe(250);
});

/** 501 and 553 both say that it is no path. */
function codeClass(code: number): number {
  return code === 553 || code === 555 ? 501 : code;
}

async function begun(port: number, of: ClientCase): Promise<Client> {
  const client = await Client.open(port, of);
  expect(await client.reply()).toBe(220);
  expect(await client.say("EHLO client.example")).toBe(250);
  if (of.tls) {
    expect(await client.say("STARTTLS")).toBe(220);
    await client.secure();
    expect(await client.say("EHLO client.example")).toBe(250);
  }
  if (of.login !== "none") expect(await logIn(client, of)).toBe(of.auth);
  return client;
}

async function logIn(client: Client, of: ClientCase): Promise<number> {
  const user = of.login === "unknown user" ? "nobody" : relaySetUp.user;
  const password = of.login === "wrong password" ? "geraten" : relaySetUp.password;
  return client.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString("base64")}`);
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size));
}

/** A client from one address that reads reply codes. 0: the connection has ended. */
class Client implements AsyncDisposable {
  #socket: Socket;
  #lines: AsyncGenerator<string, undefined>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = linesOf(socket);
  }

  static async open(port: number, { socket: localAddress = "127.0.0.1" }: ClientCase): Promise<Client> {
    const socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
    await once(socket, "connect");
    return new Client(socket);
  }

  async secure(): Promise<void> {
    this.#socket.removeAllListeners();
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secured, "secureConnect");
    this.#socket = secured;
    this.#lines = linesOf(secured);
  }

  async say(line: string): Promise<number> {
    this.#socket.write(`${line}\r\n`);
    return this.reply();
  }

  async reply(): Promise<number> {
    for (;;) {
      const { value } = await this.#lines.next();
      if (value === undefined) return 0;
      if (/^\d{3}(?: |$)/u.test(value)) return Number(value.slice(0, 3));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.on("error", () => undefined);
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string, undefined> {
  const queue: string[] = [];
  const state = { rest: "", ended: false, wake: Promise.withResolvers<void>() };
  socket.on("data", (chunk: Buffer) => {
    const parts = (state.rest + chunk.toString("utf8")).split("\r\n");
    state.rest = parts.pop() ?? "";
    queue.push(...parts);
    state.wake.resolve();
  });
  for (const event of ["close", "error"])
    socket.on(event, () => {
      state.ended = true;
      state.wake.resolve();
    });
  for (;;) {
    const line = queue.shift();
    if (line !== undefined) yield line;
    else if (state.ended) return undefined;
    else {
      await state.wake.promise;
      state.wake = Promise.withResolvers();
    }
  }
}
