/** What the admin interface streams: raw messages in bounded memory, live events to readers that stay, lag or go. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import type { EventMessage } from "../../src/admin/schemas.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { Followers, openInterface, someId } from "./interface.ts";

const chunkOctets = 256 * 1024;

/** A message of which it is known how much has been read, and whether it has been let go. */
class Source {
  produced = 0;
  readonly over = Promise.withResolvers<"read to its end" | "let go">();
  readonly #chunks: number;
  readonly #onChunk: (() => void) | undefined;

  constructor(chunks: number, onChunk?: () => void) {
    this.#chunks = chunks;
    this.#onChunk = onChunk;
  }

  async *body(): AsyncGenerator<Buffer> {
    let isWhole = false;
    try {
      for (let number = 0; number < this.#chunks; number++) {
        const chunk = Buffer.alloc(chunkOctets, number % 251);
        this.produced += chunk.length;
        this.#onChunk?.();
        yield chunk;
      }
      isWhole = true;
    } finally {
      this.over.resolve(isWhole ? "read to its end" : "let go");
    }
  }
}

describe("a raw message", () => {
  it("of 150 MB is never read further ahead than a few chunks", async () => {
    const received = { octets: 0 };
    let ahead = 0;
    const source = new Source(600, () => {
      ahead = Math.max(ahead, source.produced - received.octets);
    });
    await using admin = await openInterface({ raw: async () => source.body() });
    const answer = await admin.open(`/v1/messages/${someId}/raw`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("message/rfc822");
    expect(answer.headers["content-disposition"]).toBe(`attachment; filename="${someId}.eml"`);
    expect(answer.headers["x-content-type-options"]).toBe("nosniff");
    let isInOrder = true;
    for await (const chunk of answer) {
      if (!(chunk instanceof Buffer)) throw new TypeError("not octets");
      const expected = Math.floor(received.octets / chunkOctets) % 251;
      isInOrder &&= chunk[0] === expected;
      received.octets += chunk.length;
    }
    expect(received.octets).toBe(600 * chunkOctets);
    expect(isInOrder).toBe(true);
    expect(await source.over.promise).toBe("read to its end");
    expect(ahead).toBeLessThan(4_000_000);
  });

  it("is let go when the client goes in the middle", async () => {
    const source = new Source(600);
    await using admin = await openInterface({ raw: async () => source.body() });
    const answer = await admin.open(`/v1/messages/${someId}/raw`);
    await once(answer, "readable");
    answer.destroy();
    expect(await source.over.promise).toBe("let go");
    expect(source.produced).toBeLessThan(4_000_000);
    expect(admin.events.all).toEqual([]);
  });

  it("is let go when the server closes", async () => {
    const source = new Source(600);
    await using admin = await openInterface({ raw: async () => source.body() });
    const answer = await admin.open(`/v1/messages/${someId}/raw`);
    answer.on("error", () => undefined);
    await once(answer, "readable");
    await admin.close();
    expect(await source.over.promise).toBe("let go");
  });

  it("is given as it is handed over when that is asked for", async () => {
    const asked: unknown[] = [];
    await using admin = await openInterface({
      raw: async (...all) => {
        asked.push(all);
        return new Source(1).body();
      },
    });
    await admin.get(`/v1/messages/${someId}/raw`);
    await admin.get(`/v1/messages/${someId}/raw?rendered=true`);
    await admin.get(`/v1/messages/${someId}/raw?rendered=false`);
    expect(asked).toEqual([
      [someId, false],
      [someId, true],
      [someId, false],
    ]);
  });

  it("that cannot be read at all is a problem", async () => {
    await using admin = await openInterface({
      raw: async () => broken(0),
    });
    const answer = await admin.get(`/v1/messages/${someId}/raw`);
    expect(answer.status).toBe(500);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.headers["content-disposition"]).toBeUndefined();
    expect(answer.json).toMatchObject({ detail: "the digest does not agree" });
  });

  it("that turns out to be damaged is broken off, so that nobody takes it for whole, and told", async () => {
    await using admin = await openInterface({ raw: async () => broken(8) });
    const answer = await admin.open(`/v1/messages/${someId}/raw`);
    expect(answer.statusCode).toBe(200);
    await expect(Array.fromAsync(answer)).rejects.toThrow("aborted");
    expect(answer.complete).toBe(false);
    expect(admin.events.of("internal-error").map(({ where }) => where)).toEqual([`reading ${someId}`]);
  });

  async function* broken(chunks: number): AsyncGenerator<Buffer> {
    yield* new Source(chunks).body();
    throw new SpoolError("SPOOL_DAMAGED", "the digest does not agree");
  }
});

function event(text: string): EventMessage {
  return { at: 1, kind: "delivered", level: "info", text, message: someId };
}

/** The next octets of an answer until they hold `part`. */
async function readUntil(answer: IncomingMessage, part: string): Promise<string> {
  let text = "";
  while (!text.includes(part)) {
    const chunk: unknown = answer.read();
    if (chunk instanceof Buffer) text += chunk.toString("utf8");
    else await once(answer, "readable");
  }
  return text;
}

describe("live events", () => {
  it("arrive as they happen, each on a line of its own", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const answer = await admin.open("/v1/events");
    expect(answer.statusCode).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(await readUntil(answer, "\n\n")).toBe(": popgate\n\n");
    await followers.count(1);
    followers.tell(event("first\r\ndata: forged\n\nevent: forged"));
    const text = await readUntil(answer, "\n\n");
    const [kind = "", data = "", ...rest] = text.split("\n");
    expect(kind).toBe("event: delivered");
    expect(JSON.parse(data.slice("data: ".length))).toEqual(event("first\r\ndata: forged\n\nevent: forged"));
    expect(rest).toEqual(["", ""]);
    followers.tell(event("second"));
    expect(await readUntil(answer, "\n\n")).toContain("second");
    answer.destroy();
  });

  it("are interrupted by a sign of life every 20 seconds", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const answer = await admin.open("/v1/events");
    await readUntil(answer, ": popgate\n\n");
    for (let times = 0; times < 3; times++) {
      await admin.clock.sleeping(admin.clock.now() + 20_000);
      await admin.clock.advance(19_999);
      expect(admin.clock.waits).toEqual([admin.clock.now() + 1]);
      await admin.clock.advance(1);
      expect(await readUntil(answer, "\n\n")).toBe(":\n\n");
    }
    answer.destroy();
  });

  it("leave no listener and no timer behind when the reader goes", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const [first, second] = [await admin.open("/v1/events"), await admin.open("/v1/events")];
    await followers.count(2);
    first.destroy();
    await followers.count(1);
    second.destroy();
    await followers.count(0);
    expect(admin.clock.waits).toEqual([]);
    // Nobody is there any more, and nothing comes of that.
    followers.tell(event("to nobody"));
  });

  it("disconnect a reader that does not keep up, and no other", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const slow = await admin.open("/v1/events");
    slow.on("error", () => undefined);
    const quick = await admin.open("/v1/events");
    await followers.count(2);
    let seen = 0;
    const reading = (async () => {
      while (seen < 400) seen += (await readUntil(quick, "\n\n")).split("event: ").length - 1;
    })();
    for (let told = 0; told < 400; told++) {
      followers.tell(event(`${told} ${"x".repeat(32_000)}`));
      // The quick one has its turns.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    await followers.count(1);
    expect(seen).toBe(400);
    quick.destroy();
    await followers.count(0);
  });

  it("that come faster than a connection can be told dead do no harm", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const answer = await admin.open("/v1/events");
    answer.on("error", () => undefined);
    await followers.count(1);
    answer.destroy();
    // In one turn: the server cannot know yet, and then writes to what is destroyed.
    for (let number = 0; number < 1000; number++) followers.tell(event("x".repeat(10_000)));
    await followers.count(0);
    expect((await admin.get("/healthz")).status).toBe(200);
  });

  it("end when the server closes", async () => {
    const followers = new Followers();
    const admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const answer = await admin.open("/v1/events");
    answer.on("error", () => undefined);
    const end = new Promise((resolve) => answer.once("close", resolve));
    await followers.count(1);
    await admin[Symbol.asyncDispose]();
    expect(followers.listeners.size).toBe(0);
    expect(admin.clock.waits).toEqual([]);
    await end;
    expect(answer.complete).toBe(false);
  });

  it("have a hundred readers at most", async () => {
    const followers = new Followers();
    await using admin = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
    const readers: IncomingMessage[] = [];
    for (let number = 0; number < 100; number++) readers.push(await admin.open("/v1/events"));
    const refused = await admin.get("/v1/events");
    expect(refused.status).toBe(503);
    expect(refused.json).toMatchObject({ title: "Too many readers" });
    for (const reader of readers) reader.destroy();
    await followers.count(0);
    const again = await admin.open("/v1/events");
    expect(again.statusCode).toBe(200);
    again.destroy();
    await followers.count(1);
  });
});
