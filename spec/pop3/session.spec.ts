/** The client as a whole, where a script of lines says too little: packets, memory, time, and its own end. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Capabilities, type Pop3Box, Pop3Error } from "../../src/pop3/port.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { client, knownGood, never, read } from "./stand-in-client.ts";

/** A server that is one function of the socket. */
async function serve(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    talk(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** Answers each command by its verb; keeps the packets that came. */
function answering(answers: Record<string, string | ((socket: Socket) => void)>, packets: string[] = []) {
  return (socket: Socket): void => {
    socket.write("+OK ready\r\n");
    socket.on("data", (chunk: Buffer) => {
      packets.push(chunk.toString());
      for (const line of chunk.toString().split("\r\n").slice(0, -1)) {
        const answer = answers[line] ?? answers[line.split(" ")[0] ?? ""] ?? "+OK\r\n";
        if (typeof answer === "string") socket.write(answer);
        else answer(socket);
      }
    });
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("packets", () => {
  it("polls an empty box with two writes", async () => {
    const packets: string[] = [];
    const port = await serve(answering({ STAT: "+OK 0 0\r\n" }, packets));
    await using box = await client(port)(never, knownGood);
    await box.list();
    expect(await box.quit()).toMatchObject({ confirmed: true });
    expect(packets).toEqual(["USER tester\r\nPASS secret\r\nSTAT\r\n", "QUIT\r\n"]);
  });

  it("writes what is asked for in one turn at once, and no more than the window", async () => {
    const packets: string[] = [];
    const port = await serve(answering({ RETR: "+OK 3 octets\r\nx\r\n.\r\n" }, packets));
    await using box = await client(port)(never, knownGood);
    packets.length = 0;
    const all = await Promise.all(Array.from({ length: 600 }, (_, index) => box.retrieve(index + 1)));
    for (const retrieval of all) expect((await read(retrieval)).toString()).toBe("x\r\n");
    expect(packets[0]?.split("\r\n")).toHaveLength(box.window + 1);
    expect(packets.join("").split("\r\n")).toHaveLength(601);
  });
});

describe("a message of 150 MB", () => {
  const block = Buffer.from(`${"0123456789abcdef".repeat(4)}\r\n`.repeat(1000));
  const blocks = Math.ceil((150 * 1024 * 1024) / block.length);

  function flood(counter: { sent: number }): (socket: Socket) => void {
    return (socket) => {
      socket.write(`+OK ${blocks * block.length} octets\r\n`);
      let left = blocks;
      const more = (): void => {
        while (left > 0) {
          left -= 1;
          if (!socket.write(block, () => (counter.sent += block.length))) {
            socket.once("drain", more);
            return;
          }
        }
        socket.write(".\r\n");
      };
      more();
    };
  }

  it("waits at the server while its reader sleeps, and comes whole", async () => {
    const counter = { sent: 0 };
    const port = await serve(answering({ RETR: flood(counter) }));
    await using box = await client(port)(never, knownGood);
    const retrieval = await box.retrieve(1);
    if (retrieval.kind === "refused") throw new Error("refused");
    const digest = createHash("sha256");
    let received = 0;
    for await (const slice of retrieval.body) {
      if (received === 0) await standstill(counter);
      received += slice.length;
      digest.update(slice);
    }
    expect(received).toBe(blocks * block.length);
    const expected = createHash("sha256");
    for (let index = 0; index < blocks; index += 1) expected.update(block);
    expect(digest.digest("hex")).toBe(expected.digest("hex"));
  });

  /** Until nothing moves any more; what has gone by then is in the buffers of two kernels' sockets and one queue. */
  async function standstill(counter: { sent: number }): Promise<void> {
    for (let before = -1, quiet = 0; quiet < 200; quiet = counter.sent === before ? quiet + 1 : 0) {
      before = counter.sent;
      await turn();
    }
    expect(counter.sent).toBeLessThan(50 * 1024 * 1024);
  }

  it("is never in memory while its reader is slow", async () => {
    const counter = { sent: 0 };
    const port = await serve(answering({ RETR: flood(counter) }));
    await using box = await client(port)(never, knownGood);
    const retrieval = await box.retrieve(1);
    if (retrieval.kind === "refused") throw new Error("refused");
    let queued = 0;
    let received = 0;
    for await (const slice of retrieval.body) {
      received += slice.length;
      await turn();
      queued = Math.max(queued, counter.sent - received);
    }
    expect(received).toBe(blocks * block.length);
    expect(queued).toBeLessThan(50 * 1024 * 1024);
  });
});

describe("readers that leave", () => {
  it("lets the rest of a message through, and goes on with the session", async () => {
    const large = `+OK\r\n${"line\r\n".repeat(200_000)}.\r\n`;
    const port = await serve(answering({ "RETR 1": large, "RETR 2": "+OK\r\nsecond\r\n.\r\n" }));
    await using box = await client(port)(never, knownGood);
    const retrieval = await box.retrieve(1);
    if (retrieval.kind === "refused") throw new Error("refused");
    for await (const slice of retrieval.body) {
      expect(slice.length).toBeGreaterThan(0);
      break;
    }
    expect((await read(await box.retrieve(2))).toString()).toBe("second\r\n");
  });

  it("hands out a message that was complete before the connection broke", async () => {
    const port = await serve(answering({ "RETR 1": "+OK\r\nwhole\r\n.\r\n", "RETR 2": (socket) => socket.end() }));
    await using box = await client(port)(never, knownGood);
    const [first, second] = [box.retrieve(1), box.retrieve(2)];
    await expect(second).rejects.toMatchObject({ kind: "connection" });
    expect((await read(await first)).toString()).toBe("whole\r\n");
  });
});

describe("what is remembered of a server", () => {
  /** Hangs up on so many CAPAs. */
  async function touchy(hangUps: number, packets: string[]): Promise<number> {
    let left = hangUps;
    const capa = (socket: Socket): void => {
      left -= 1;
      if (left >= 0) socket.end();
      else socket.write("+OK\r\nPIPELINING\r\nUIDL\r\n.\r\n");
    };
    return serve(answering({ CAPA: capa }, packets));
  }

  async function sessions(count: number, port: number): Promise<readonly number[]> {
    const connect = client(port);
    const windows: number[] = [];
    let known: Capabilities | undefined;
    for (let poll = 0; poll < count; poll += 1) {
      await using box = await connect(never, known);
      known = box.capabilities;
      windows.push(box.window);
      await box.quit();
    }
    return windows;
  }

  it("does not give CAPA up for one lost connection", async () => {
    const windows = await sessions(3, await touchy(1, []));
    expect(windows[0]).toBe(1);
    expect(windows[1]).toBeGreaterThan(1);
    expect(windows[2]).toBeGreaterThan(1);
  });

  it("gives CAPA up after the second", async () => {
    const packets: string[] = [];
    expect(await sessions(4, await touchy(9, packets))).toEqual([1, 1, 1, 1]);
    expect(packets.filter((packet) => packet.startsWith("CAPA"))).toHaveLength(2);
  });

  it("takes a hang-up at login for the line's fault once, where the password was good before", async () => {
    let logins = 0;
    const pass = (socket: Socket): void => {
      logins += 1;
      if (logins > 1) socket.end();
      else socket.write("+OK\r\n");
    };
    const connect = client(await serve(answering({ PASS: pass })));
    {
      await using box = await connect(never, knownGood);
      await box.quit();
    }
    await expect(connect(never, knownGood)).rejects.toMatchObject({ kind: "connection" });
    await expect(connect(never, knownGood)).rejects.toMatchObject({ kind: "auth" });
    await expect(connect(never, knownGood)).rejects.toMatchObject({ kind: "auth" });
  });

  it("does not send STAT along again when the server lost it", async () => {
    const packets: string[] = [];
    const port = await serve((socket) => {
      socket.write("+OK ready\r\n");
      socket.on("data", (chunk: Buffer) => {
        packets.push(chunk.toString());
        if (chunk.toString().includes("PASS secret\r\nSTAT")) socket.end("+OK\r\n+OK\r\n");
        else socket.write(chunk.toString().startsWith("USER") ? "+OK\r\n+OK\r\n" : "+OK 0 0\r\n");
      });
    });
    const connect = client(port);
    {
      await using box = await connect(never, knownGood);
      await expect(box.list()).rejects.toMatchObject({ kind: "connection" });
    }
    await using box = await connect(never, knownGood);
    expect(await box.list()).toMatchObject({ messages: [] });
    expect(packets).toEqual(["USER tester\r\nPASS secret\r\nSTAT\r\n", "USER tester\r\nPASS secret\r\n", "STAT\r\n"]);
  });
});

describe("the end of a session", () => {
  async function inMidMessage(
    signal: AbortSignal,
  ): Promise<{ box: Pop3Box; reading: Promise<Buffer>; closed: Promise<unknown> }> {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const port = await serve((socket) => {
      socket.on("close", () => resolve());
      answering({ RETR: "+OK\r\nhalf of it\r\n" })(socket);
    });
    const box = await client(port)(signal, knownGood);
    return { box, reading: read(await box.retrieve(1)), closed };
  }

  it("comes at once with the signal, in mid-message", async () => {
    const controller = new AbortController();
    const { box, reading, closed } = await inMidMessage(controller.signal);
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toMatchObject({ kind: "aborted" });
    await expect(box.noop()).rejects.toMatchObject({ kind: "aborted" });
    expect(await box.quit()).toMatchObject({ confirmed: false });
    await closed;
  });

  it("comes with disposal, which may happen twice", async () => {
    const { box, reading, closed } = await inMidMessage(never);
    await box[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
    await expect(reading).rejects.toBeInstanceOf(Pop3Error);
    await closed;
  });

  it("leaves no socket behind when the login fails", async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const port = await serve((socket) => {
      socket.on("close", () => resolve());
      answering({ PASS: "-ERR no\r\n" })(socket);
    });
    await expect(client(port)(never, knownGood)).rejects.toMatchObject({ kind: "auth" });
    await closed;
  });

  it("does not begin with a signal that is aborted already", async () => {
    const port = await serve(() => undefined);
    await expect(client(port)(AbortSignal.abort(), undefined)).rejects.toMatchObject({ kind: "aborted" });
  });

  it("does not let a password write commands of its own", async () => {
    const packets: string[] = [];
    const port = await serve(answering({}, packets));
    const secret = { kind: "password" as const, read: () => Promise.resolve("x\r\nDELE 1") };
    const connect = client(port, { credentials: { user: "tester", secret } });
    await expect(connect(never, knownGood)).rejects.toMatchObject({ kind: "permanent" });
    expect(packets.join("")).not.toContain("DELE");
  });
});

describe("time", () => {
  it("gives up on a greeting that never comes", async () => {
    const clock = new ManualClock();
    const port = await serve(() => undefined);
    const connecting = client(port, {}, clock)(never, undefined);
    connecting.catch(() => undefined);
    await clock.sleeping();
    await clock.advance(10 * 60_000);
    await expect(connecting).rejects.toMatchObject({ kind: "connection" });
  });

  it("gives up on a server that dribbles", async () => {
    const clock = new ManualClock();
    const dribble = Promise.withResolvers<Socket>();
    const port = await serve(answering({ RETR: (socket) => (socket.write("+OK\r\n"), dribble.resolve(socket)) }));
    await using box = await client(port, {}, clock)(never, knownGood);
    const retrieval = await box.retrieve(1);
    if (retrieval.kind === "refused") throw new Error("refused");
    const socket = await dribble.promise;
    const outcome = read(retrieval).catch((error: unknown) => error);
    // An octet a minute, for longer than anybody should wait.
    for (let minutes = 0; minutes < 10; minutes += 1) {
      socket.write("x");
      await turn();
      await clock.advance(60_000);
    }
    expect(await outcome).toMatchObject({ kind: "connection" });
  });

  it("does not hurry a reader that takes its time", async () => {
    const clock = new ManualClock();
    const large = `+OK\r\n${"a line of text\r\n".repeat(500_000)}.\r\n`;
    const port = await serve(answering({ RETR: large }));
    await using box = await client(port, {}, clock)(never, knownGood);
    const retrieval = await box.retrieve(1);
    if (retrieval.kind === "refused") throw new Error("refused");
    let octets = 0;
    for await (const slice of retrieval.body) {
      // The reader is behind: the socket is paused, and an hour is no fault of the server's.
      if (octets === 0) {
        for (let turns = 0; turns < 200; turns += 1) await turn();
        for (let minutes = 0; minutes < 60; minutes += 1) await clock.advance(60_000);
      }
      octets += slice.length;
    }
    expect(octets).toBe(500_000 * 16);
  });
});
