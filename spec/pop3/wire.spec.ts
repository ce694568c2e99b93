/** The owner of the socket, with trouble at each stage: before the greeting, at a handshake, behind the end. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { Pop3Error } from "../../src/pop3/port.ts";
import { Watchdog } from "../../src/pop3/watchdog.ts";
import { Pop3Wire } from "../../src/pop3/wire.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { never } from "./stand-in-client.ts";

let accepted = Promise.withResolvers<Socket>();
const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  accepted.resolve(socket);
});
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
});

interface Line extends Disposable {
  readonly wire: Pop3Wire;
  readonly near: Socket;
  readonly far: Socket;
}

async function open(signal: AbortSignal = never): Promise<Line> {
  accepted = Promise.withResolvers();
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(near, "connect");
  const far = await accepted.promise;
  const wire = new Pop3Wire(near, {
    clock: new ManualClock(),
    signal,
    greetingTimeoutMs: 1000,
    commandTimeoutMs: 1000,
    dataTimeoutMs: 1000,
    maxLineOctets: 512,
  });
  return {
    wire,
    near,
    far,
    [Symbol.dispose]: () => {
      wire[Symbol.dispose]();
      far.destroy();
    },
  };
}

async function kindOf(outcome: Promise<unknown>): Promise<string> {
  try {
    await outcome;
    return "ok";
  } catch (error) {
    return error instanceof Pop3Error ? error.kind : String(error);
  }
}

describe("a session that is over before it begins", () => {
  it("because we were stopped", async () => {
    using line = await open(AbortSignal.abort("stop"));
    expect(await kindOf(line.wire.greeting())).toBe("aborted");
    expect(await kindOf(line.wire.command("NOOP"))).toBe("aborted");
    expect(await kindOf(line.wire.secure(async (socket) => socket))).toBe("aborted");
    expect(line.near.destroyed).toBe(true);
    // Stopped by us is not lost.
    expect(line.wire.lost).toBe(false);
  });

  it("because the server sends nothing and goes", async () => {
    using line = await open();
    const greeting = line.wire.greeting();
    line.far.end();
    expect(await kindOf(greeting)).toBe("connection");
    expect(line.wire.lost).toBe(true);
  });
});

describe("a handshake", () => {
  it("does not begin while replies are outstanding", async () => {
    using line = await open();
    void line.wire.greeting().catch(() => undefined);
    await expect(line.wire.secure(async (socket) => socket)).rejects.toThrow("commands are outstanding");
  });

  it("whose session has been given up meanwhile leaves no socket behind", async () => {
    using line = await open();
    await line.wire.secure(async (socket) => {
      line.wire[Symbol.dispose]();
      return socket;
    });
    expect(line.near.destroyed).toBe(true);
    expect(await kindOf(line.wire.command("NOOP"))).toBe("aborted");
  });

  it("is gone on over what comes back", async () => {
    using line = await open();
    await line.wire.secure(async (socket) => socket.resume());
    const reply = line.wire.command("NOOP");
    expect((await once(line.far, "data"))[0]).toEqual(Buffer.from("NOOP\r\n"));
    line.far.write("+OK still here\r\n");
    expect(await reply).toMatchObject({ status: "ok", text: "still here" });
  });
});

describe("the end of a session", () => {
  it("fails what has not been written yet, and what is asked for later", async () => {
    using line = await open();
    const waiting = line.wire.command("NOOP");
    line.wire[Symbol.dispose]();
    line.wire[Symbol.dispose]();
    expect(await kindOf(waiting)).toBe("aborted");
    expect(await kindOf(line.wire.collect("LIST", 10, 10))).toBe("aborted");
  });

  it("sets memory free that a reader still holds, without waking the socket", async () => {
    using line = await open();
    const streaming = line.wire.stream("RETR 1", undefined, 1000);
    await once(line.far, "data");
    line.far.write("+OK\r\nhalf of a message\r\n");
    const { body } = await streaming;
    const reader = body[Symbol.asyncIterator]();
    expect((await reader.next()).value?.toString()).toBe("half of a message\r\n");
    line.wire[Symbol.dispose]();
    await expect(reader.next()).rejects.toBeInstanceOf(Pop3Error);
    expect(line.near.destroyed).toBe(true);
  });

  it("is not twice: a reset behind it is nobody's error", async () => {
    using line = await open();
    line.wire.close();
    line.far.resetAndDestroy();
    if (!line.near.closed) await once(line.near, "close");
    expect(line.wire.lost).toBe(false);
    expect(await kindOf(line.wire.command("NOOP"))).toBe("connection");
  });
});

describe("the watchdog", () => {
  /** Sleeps end when a spec says so, and take no notice of signals. */
  class Sleeps implements Clock {
    readonly ends: PromiseWithResolvers<void>[] = [];
    now(): number {
      return 0;
    }
    sleep(): Promise<void> {
      const end = Promise.withResolvers<void>();
      this.ends.push(end);
      return end.promise;
    }
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it("that is called off as its time comes does not look any more, and can be set again", async () => {
    const clock = new Sleeps();
    const looks: string[] = [];
    const answers = [500, undefined];
    const watchdog = new Watchdog(clock, () => {
      looks.push("look");
      return answers.shift();
    });
    expect(watchdog.arm(1000)).toBe(true);
    expect(watchdog.arm(1000)).toBe(false);
    clock.ends[0]?.resolve();
    watchdog[Symbol.dispose]();
    await turn();
    expect(looks).toEqual([]);

    expect(watchdog.arm(1000)).toBe(true);
    clock.ends[1]?.resolve();
    await turn();
    expect(looks).toEqual(["look"]);
    // It watches on for as long as it was told.
    expect(watchdog.arm(1000)).toBe(false);
    clock.ends[2]?.resolve();
    await turn();
    expect(looks).toEqual(["look", "look"]);
    expect(watchdog.arm(1000)).toBe(true);
    watchdog[Symbol.dispose]();
  });

  it("that is called off and set again while it looks rests for neither of the two", async () => {
    const clock = new Sleeps();
    const watchdog: Watchdog = new Watchdog(clock, () => {
      watchdog[Symbol.dispose]();
      watchdog.arm(2000);
      return undefined;
    });
    watchdog.arm(1000);
    clock.ends[0]?.resolve();
    await turn();
    expect(clock.ends).toHaveLength(2);
    expect(watchdog.arm(1000)).toBe(false);
    watchdog[Symbol.dispose]();
  });
});
