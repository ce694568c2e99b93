import { spawn } from "node:child_process";
import { once } from "node:events";
import net, { type LookupFunction } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { dial, DialError, type DialTarget, upgrade } from "../../src/net/dial.ts";
import { certificates } from "../fakes/certificates.ts";
import { listen, listenTls, policy, target } from "./loopback.ts";

const signal = new AbortController().signal;

/** A process that listens and never accepts, with its backlog full: further connections get no answer at all. */
async function listenDeaf(): Promise<{ readonly port: number } & AsyncDisposable> {
  const program = `const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      require("node:fs").writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [first] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(first.toString());
  // Linux takes one more than the backlog.
  const fillers = [1, 2].map(() => net.connect(port, "127.0.0.1").on("error", () => undefined));
  for (const filler of fillers) await once(filler, "connect");
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy();
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** How many sockets, timers and requests keep the process alive. */
function held(): number {
  const ours = new Set([
    "TCPSocketWrap",
    "TCPServerWrap",
    "TLSWrap",
    "Timeout",
    "GetAddrInfoReqWrap",
    "TCPConnectWrap",
  ]);
  return process.getActiveResourcesInfo().filter((name) => ours.has(name)).length;
}

beforeAll(async () => {
  // The first use of everything that stays: roots, DNS, TLS.
  certificates();
  await using server = await listenTls(certificates().server);
  (await dial(target(server.port, { host: "localhost" }), signal)).destroy();
  await server.allEnded();
});

async function failure(promise: Promise<unknown>): Promise<DialError> {
  const error: unknown = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DialError)) throw error;
  return error;
}

describe("a deadline or an abort at any stage leaves nothing behind", () => {
  const stuck: LookupFunction = () => undefined;

  interface Stage {
    readonly begin: (limits: Partial<DialTarget>, signal: AbortSignal) => Promise<unknown>;
    /** Resolves when the stage is reached. */
    readonly reached: Promise<unknown>;
    readonly over: () => Promise<unknown>;
    readonly words: RegExp;
  }

  const stages: Record<string, () => Promise<Stage & AsyncDisposable>> = {
    async "looking up the name"() {
      const reached = Promise.withResolvers<void>();
      const lookup: LookupFunction = (...given) => {
        reached.resolve();
        stuck(...given);
      };
      return {
        begin: (limits, signal) => dial(target(1, { host: "mail.test.example", lookup, ...limits }), signal),
        reached: reached.promise,
        over: () => Promise.resolve(),
        words: /looking up its name/u,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
    async connecting() {
      const deaf = await listenDeaf();
      const waiting = Promise.withResolvers<void>();
      const lookup: LookupFunction = (_host, _options, callback) => {
        setImmediate(() => {
          callback(null, [{ address: "127.0.0.1", family: 4 }]);
          waiting.resolve();
        });
      };
      return {
        begin: (limits, signal) => dial(target(deaf.port, { host: "mail.test.example", lookup, ...limits }), signal),
        reached: waiting.promise,
        over: () => Promise.resolve(),
        words: /, connecting\./u,
        [Symbol.asyncDispose]: () => deaf[Symbol.asyncDispose](),
      };
    },
    async "the TLS handshake"() {
      const server = await listen((socket) => socket.resume());
      return {
        begin: (limits, signal) => dial(target(server.port, limits), signal),
        reached: server.connection(),
        over: () => server.allEnded(),
        words: /TLS handshake/u,
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
    async "the handshake of an upgrade"() {
      const greeted = await listen((socket) => socket.resume());
      const plain = await dial(target(greeted.port, { tls: policy({ mode: "off" }) }), new AbortController().signal);
      return {
        begin: (limits, signal) => upgrade(plain, target(greeted.port, limits), signal),
        reached: greeted.connection(),
        over: () => greeted.allEnded(),
        words: /TLS handshake/u,
        [Symbol.asyncDispose]: () => greeted[Symbol.asyncDispose](),
      };
    },
  };

  it.each(Object.keys(stages))("%s", async (name) => {
    const before = held();
    {
      await using stage = await stages[name]!();
      const abort = new AbortController();
      const given = stage.begin({}, abort.signal);
      await stage.reached;
      abort.abort(new Error("stopping"));
      await expect(given).rejects.toThrow("stopping");
      await stage.over();
    }
    {
      await using stage = await stages[name]!();
      const error = await failure(stage.begin({ connectTimeoutMs: 30 }, signal));
      await stage.over();
      expect(error).toMatchObject({ kind: "connection", code: "TIMEOUT" });
      expect(error.message).toMatch(stage.words);
    }
    // Closing takes a turn or two of the event loop.
    for (let turns = 0; turns < 100 && held() > before; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(held()).toBeLessThanOrEqual(before);
  });

  it("leaves no listener on the caller's signal", async () => {
    const abort = new AbortController();
    const counts = { added: 0, removed: 0 };
    const add = abort.signal.addEventListener.bind(abort.signal);
    const remove = abort.signal.removeEventListener.bind(abort.signal);
    abort.signal.addEventListener = (...given: Parameters<typeof add>) => {
      counts.added++;
      add(...given);
    };
    abort.signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      counts.removed++;
      remove(...given);
    };
    await using server = await listenTls(certificates().server);
    (await dial(target(server.port), abort.signal)).destroy();
    await failure(dial(target(server.port, { tls: policy({ ca: [] }) }), abort.signal));
    expect(counts.added).toBeGreaterThan(0);
    expect(counts.removed).toBe(counts.added);
  });
});
