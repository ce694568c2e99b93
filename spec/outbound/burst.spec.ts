/**
 * A burst from Exchange: five thousand messages over twenty connections, into a real spool on disk, each answered 250 only
 * when it has been flushed.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { createReceiver, defaultMaxHeaderOctets } from "../../src/outbound/receiver.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { EventList, seededRandom, TemporaryDirectory } from "../spool/support.ts";
import { listen } from "./smtp-support.ts";

const messages = 5000;
const connections = 20;

test("5,000 messages over 20 connections are all on disk when they are all answered", async () => {
  using dir = new TemporaryDirectory();
  const ports = { clock: systemClock, random: seededRandom(), events: new EventList() };
  const options = {
    ...defaultSpoolOptions,
    dir: dir.path,
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 30,
    ballastOctets: 0,
  };
  {
    await using spool = await openSpool(options, ports);
    const receiver = createReceiver(
      { hostname: "gate.firma.example", maxOctets: 1e6, maxHeaderOctets: defaultMaxHeaderOctets },
      {
        spool,
        clock: systemClock,
        events: { emit: () => undefined },
        pressure: () => ({ kind: "ok" }),
        maxRelayOctets: () => undefined,
      },
    );
    const { port } = await listen({ receiver });
    const answered = await Promise.all(
      Array.from({ length: connections }, async (_, n) => submitAll(port, n, messages / connections)),
    );
    expect(answered.reduce((sum, count) => sum + count, 0)).toBe(messages);
    expect(spool.counts().queuedOutbound).toBe(messages);
  }
  await using again = await openSpool(options, ports);
  expect(again.counts().queuedOutbound).toBe(messages);
  const due = await again.due("outbound", Date.now() + 1000, messages + 1);
  expect(new Set(due.map(({ id }) => id)).size).toBe(messages);
});

/** Sends so many over one connection, each when the one before has been answered; how many were taken. */
async function submitAll(port: number, sender: number, count: number): Promise<number> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const replies = repliesOf(socket);
  const say = async (text: string): Promise<string> => {
    socket.write(text);
    return (await replies.next()).value ?? "";
  };
  await replies.next();
  await say("EHLO exchange.firma.example\r\n");
  let taken = 0;
  for (let number = 0; number < count; number++) {
    await say(`MAIL FROM:<user${sender}@firma.example>\r\n`);
    await say("RCPT TO:<kunde@else.example>\r\n");
    await say("DATA\r\n");
    const body = `Subject: ${sender}-${number}\r\nMessage-ID: <${sender}-${number}@firma.example>\r\n\r\n${"x".repeat(500)}\r\n.\r\n`;
    if ((await say(body)).startsWith("250 2.0.0")) taken += 1;
  }
  socket.destroy();
  return taken;
}

/** Final lines of replies. */
async function* repliesOf(socket: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const chunk of socket) {
    const lines = (rest + chunk.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (/^\d{3}(?: |$)/u.test(line)) yield line;
  }
  return undefined;
}
