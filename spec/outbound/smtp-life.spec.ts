/** Time, the end of connections, the end of the listener, and its addresses. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { LineClient } from "../demo/line-client.ts";
import { certificates } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { ListenerFailed } from "../../src/outbound/smtp-listener.ts";
import { RefusalLog } from "../../src/outbound/smtp-refusal-log.ts";
import { certificateFiles } from "./smtp-tls-support.ts";
import { addressed, EventList, later, listen, repliesUntil, until, untilText } from "./smtp-support.ts";

describe("a silent client", () => {
  it("is sent away between commands", async () => {
    const { hello, gatekeeper } = await listen({ idleMs: 200 });
    const client = await hello();
    expect(await client.reply()).toMatch(/^421 4\.4\.2 /u);
    expect(await client.reply()).toBe("closed");
    await until(() => gatekeeper.open === 0);
  });

  it.each(["DATA\r\nhalf\r\n.\r", "BDAT 4\r\nhalf", "BDAT 400 LAST\r\nhalf"])(
    "is sent away within a message, and nothing is stored: %j",
    async (text) => {
      const { greeted, receiver, gatekeeper } = await listen({ idleMs: 200 });
      const client = await greeted();
      client.write(untilText + text);
      expect((await repliesUntil(client, /^421 4\.4\.2 /u)).length).toBeGreaterThanOrEqual(3);
      await until(() => gatekeeper.open === 0 && receiver.running === 0);
      expect(receiver.taken).toEqual([]);
    },
  );

  it("is not sent away while its login is checked, or its message waits for room", async () => {
    const { greeted, receiver, gatekeeper, port } = await listen({ idleMs: 300 });
    /** Resolves when the idle time has passed for a connection that was opened after the call. */
    const idleTime = async (): Promise<void> => {
      using other = await LineClient.open(port);
      await other.reply();
      expect(await other.reply()).toMatch(/^421/u);
    };
    gatekeeper.logIn = async () => {
      await idleTime();
      await idleTime();
      return { kind: "ok" };
    };
    receiver.before = async () => {
      await idleTime();
      await idleTime();
      return undefined;
    };
    const client = await greeted();
    const login = `EHLO me\r\nAUTH PLAIN ${Buffer.from("\0u\0p").toString("base64")}\r\n`;
    client.write(`${login}${untilText}BDAT 500000 LAST\r\n${"x".repeat(500_000)}`);
    expect(await repliesUntil(client, /^(?:250 2\.0\.0 queued|421)/u)).toHaveLength(5);
    expect(receiver.taken).toMatchObject([{ client: { user: "u" } }]);
  });

  it("that has not closed its side after QUIT is closed all the same", async () => {
    const { port, gatekeeper } = await listen({ idleMs: 200 });
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    later(() => void socket.destroy());
    socket.on("error", () => undefined).resume();
    await once(socket, "data");
    expect(gatekeeper.open).toBe(1);
    socket.write("QUIT\r\n");
    await once(socket, "end");
    await until(() => gatekeeper.open === 0);
  });
});

describe("the length of a connection", () => {
  it("is limited, however busy the client is, and a client in the middle of a message is told so", async () => {
    const clock = new ManualClock();
    const { hello, receiver } = await listen({ clock, sessionMs: 60_000 });
    const idle = await hello();
    const drip = await hello();
    await addressed(drip);
    await drip.say("DATA");
    drip.write("and so on\r\n");
    await until(() => receiver.octets > 0);
    await clock.advance(59_999);
    expect(await idle.say("NOOP")).toBe("250 2.0.0");
    await clock.advance(1);
    expect(await idle.reply()).toMatch(/^421 4\.4\.2 /u);
    expect(await drip.reply()).toMatch(/^421 4\.4\.2 /u);
    await until(() => receiver.running === 0);
    expect(receiver.taken).toEqual([]);
  });

  it("does not cut off a message that is whole and being stored: the client gets its 250 first", async () => {
    const clock = new ManualClock();
    const { hello, receiver } = await listen({ clock, sessionMs: 60_000 });
    const client = await hello();
    receiver.commit = async () => {
      await clock.advance(3_600_000);
      return undefined;
    };
    await addressed(client);
    await client.say("DATA");
    client.write(".\r\nNOOP\r\n");
    expect(await client.reply()).toMatch(/^250 2\.0\.0 queued/u);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 /u);
    expect(await client.reply()).toBe("closed");
  });

  it("leaves no sleeper behind when the connection has ended", async () => {
    const clock = new ManualClock();
    const { hello, gatekeeper } = await listen({ clock });
    const client = await hello();
    expect(clock.waits).toHaveLength(1);
    await client.say("QUIT");
    await until(() => gatekeeper.open === 0);
    expect(clock.waits).toEqual([]);
  });
});

describe("the stop of the listener", () => {
  it("takes no new connection, and leaves neither socket nor sleeper", async () => {
    const clock = new ManualClock();
    const { listener, hello, port, gatekeeper } = await listen({ clock, tls: certificateFiles(certificates().server) });
    const clients = [await hello(), await hello(true), await hello()];
    clients[2]?.write("MAIL FROM:<a@b.example>\r\n");
    expect(await clients[2]?.reply()).toMatch(/^250/u);
    const stopped = listener[Symbol.asyncDispose]();
    for (const client of clients) {
      expect(await client.reply()).toMatch(/^421 4\.3\.2 /u);
      expect(await client.reply()).toMatch(/^(?:closed|reset)$/u);
    }
    await stopped;
    expect(clock.waits).toEqual([]);
    expect(gatekeeper.open).toBe(0);
    const late = connect(port, "127.0.0.1");
    const [error] = (await once(late, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
    await listener[Symbol.asyncDispose]();
  });

  it("ends what has not come to its end within the grace: nothing is stored, and the receiver hears of it", async () => {
    const clock = new ManualClock();
    const { listener, hello, receiver } = await listen({ clock, graceMs: 10_000 });
    const drip = await hello();
    await addressed(drip);
    await drip.say("DATA");
    drip.write("and so on");
    const storing = await hello();
    let heard = false;
    receiver.commit = async (signal) => {
      await once(signal, "abort");
      heard = true;
      throw new Error("given up");
    };
    await addressed(storing);
    await storing.say("DATA");
    storing.write(".\r\n");
    await until(() => receiver.running === 2);
    const stopped = listener[Symbol.asyncDispose]();
    await clock.advance(9_999);
    expect(receiver.running).toBe(2);
    await clock.advance(1);
    await stopped;
    expect(heard).toBe(true);
    expect(receiver.running).toBe(0);
    expect(receiver.taken).toEqual([]);
    expect(await drip.reply()).toMatch(/^(?:closed|reset)$/u);
    expect(await storing.reply()).toMatch(/^(?:closed|reset)$/u);
  });

  it("lets the chunks of a message come to their end, but begins no other", async () => {
    const { listener, hello, receiver } = await listen({ graceMs: 60_000 });
    const client = await hello();
    await addressed(client);
    client.write("BDAT 4\r\none ");
    await client.reply();
    const stopped = listener[Symbol.asyncDispose]();
    client.write("BDAT 4\r\ntwo BDAT 5 LAST\r\nthreeMAIL FROM:<a@b.example>\r\n");
    expect(await client.reply()).toMatch(/^250 2\.0\.0 4 octets/u);
    expect(await client.reply()).toMatch(/^250 2\.0\.0 queued/u);
    expect(await client.reply()).toMatch(/^421 4\.3\.2 /u);
    await stopped;
    expect(receiver.bodies).toEqual(["one two three"]);
  });
});

describe("addresses", () => {
  it("are all opened and told, IPv6 as well", async () => {
    const { listener, events } = await listen({
      listen: [
        { host: "127.0.0.1", port: 0 },
        { host: "::1", port: 0 },
      ],
    });
    const [four, six] = listener.addresses();
    expect(listener.addresses()).toEqual([
      { host: "127.0.0.1", port: four?.port, tls: "off" },
      { host: "::1", port: six?.port, tls: "off" },
    ]);
    expect(events.of("listening").map(({ address }) => address)).toEqual([
      `127.0.0.1:${four?.port}`,
      `[::1]:${six?.port}`,
    ]);
  });

  it("0.0.0.0 and :: may have the same port", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const { listener, gatekeeper } = await listen({
      listen: [
        { host: "0.0.0.0", port },
        { host: "::", port },
      ],
    });
    expect(listener.addresses()).toHaveLength(2);
    using client = await LineClient.open(port);
    expect(await client.reply()).toMatch(/^220/u);
    expect(gatekeeper.admitted[0]?.address).toBe("127.0.0.1");
  });

  it("a client of IPv4 on :: has its own address", async () => {
    const { listener, gatekeeper } = await listen({ listen: [{ host: "::", port: 0 }] });
    using client = await LineClient.open(listener.addresses()[0]?.port ?? 0);
    await client.reply();
    expect(gatekeeper.admitted[0]).toMatchObject({
      address: "127.0.0.1",
      listener: expect.stringMatching(/^127\.0\.0\.1:/u) as string,
    });
  });

  it("of which one is taken open none, and it is said which", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    later(() => void taken.close());
    const { port } = taken.address() as AddressInfo;
    const clock = new ManualClock();
    const opening = listen({
      clock,
      tls: certificateFiles(certificates().server),
      listen: [
        { host: "127.0.0.1", port: 0 },
        { host: "127.0.0.1", port },
      ],
    });
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ListenerFailed);
    expect(String(error)).toContain(`cannot listen on 127.0.0.1:${port}: another program listens there`);
    expect(clock.waits).toEqual([]);
  });
});

describe("refusals in the log", () => {
  it("are counted from the eleventh in a minute on, told at its end, and clients are counted apart, up to a number", async () => {
    const clock = new ManualClock();
    const events = new EventList();
    using log = new RefusalLog(events, clock);
    const refusal = (client: string) => ({ client, user: undefined, stage: "mail" as const, reply: "550 5.7.1 No" });
    for (let i = 0; i < 12; i++) log.add(refusal("192.0.2.1"));
    log.add(refusal("192.0.2.2"));
    expect(events.of("client-refused")).toHaveLength(11);
    await clock.advance(60_000);
    expect(events.of("client-refused").at(-1)).toMatchObject({
      client: "192.0.2.1",
      reply: "2 more within a minute, the last: 550 5.7.1 No",
    });
    expect(clock.waits).toEqual([]);
    for (let i = 0; i < 2000; i++) log.add(refusal(`198.51.100.${i}`));
    expect(events.of("client-refused").length).toBeLessThan(12 + 1000 + 20);
    await clock.advance(60_000);
    expect(events.of("client-refused").at(-1)).toMatchObject({
      client: "other clients",
      reply: expect.stringMatching(/^\d{3,4} more/u) as string,
    });
  });
});
