import { describe, expect, it } from "vitest";
import { createReceiver, type ReceiverOptions, type ReceiverPorts } from "../../src/outbound/receiver.ts";
import type { Received, Receiver } from "../../src/outbound/port.ts";
import type { Spool } from "../../src/spool/port.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { StoreError, type Write } from "../../src/spool/store.ts";
import { receivedField } from "../../src/message/trace.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool, type StoreFaults } from "../fakes/memory-spool.ts";
import { EventList, octets, read, seededRandom } from "../spool/support.ts";
import { exchange, from, hostname, mail, pieces, recipient, request, to } from "./receiving.ts";

const never = new AbortController().signal;

interface World {
  readonly receiver: Receiver;
  readonly spool: Spool;
  readonly store: MemoryStore;
  readonly events: EventList;
  readonly clock: ManualClock;
  readonly faults: StoreFaults;
  /** What the spool holds; nothing else may be left of any message. */
  readonly all: () => Promise<readonly MessageRecord[]>;
}

async function world(
  options: Partial<ReceiverOptions> = {},
  ports: Partial<ReceiverPorts> = {},
  spoolOptions: { readonly maxOctets?: number } = {},
): Promise<World> {
  const clock = new ManualClock();
  const events = new EventList();
  const faults: StoreFaults = {};
  const store = new MemoryStore(faults);
  const spool = await openMemorySpool({ clock, random: seededRandom(), events }, store, spoolOptions);
  const receiver = createReceiver(
    { hostname, maxOctets: 1_000_000, maxHeaderOctets: 10_000, ...options },
    { spool, clock, events, pressure: () => ({ kind: "ok" }), maxRelayOctets: () => undefined, ...ports },
  );
  const all = async (): Promise<readonly MessageRecord[]> => {
    const records = await spool.list(undefined, 1000);
    const known = new Set<string>(records.map(({ id }) => id));
    const chunks = store.keys("chunk", "", undefined, 10_000).map((key) => key.slice(0, key.indexOf("/")));
    expect(chunks.filter((id) => !known.has(id))).toEqual([]);
    expect(store.keys("ingest", "", undefined, 1000)).toEqual([]);
    return records;
  };
  return { receiver, spool, store, events, clock, faults, all };
}

function told(received: Received): string {
  const { code, enhanced, text } = received.answer;
  return `${code} ${enhanced} ${text}`;
}

const storing = (writes: readonly Write[]): boolean => writes.some(({ table }) => table === "message");

describe("the receiver", () => {
  it("stores the octets as they came, with envelope, wishes and edits, and says under which id", async () => {
    const { receiver, spool, events, all } = await world();
    const dsn = { notify: ["SUCCESS"] as const, orcpt: "rfc822;X@kunde.example" };
    const message = `Bcc: b@else.example\r\n${mail}a\rb\nc\r\n`;
    const received = await receiver.receive(
      { ...exchange, user: "ex" },
      { ...request, ret: "HDRS", envid: "e=1", requireTls: true },
      [to("x@kunde.example", dsn), to("b@else.example")],
      pieces(message, 7),
      never,
    );
    const [record] = await all();
    if (record === undefined || received.kind !== "stored") throw new Error(told(received));
    expect(told(received)).toBe(`250 2.0.0 queued as ${record.id}`);
    expect((await read(spool, record.id)).toString("latin1")).toBe(message);
    expect(record).toMatchObject({
      direction: "outbound",
      origin: { kind: "smtp", client: "192.0.2.7", user: "ex", protocol: "ESMTPSA" },
      reversePath: { kind: "address", address: "a@firma.example" },
      submission: { sender: "a@firma.example", ret: "HDRS", envid: "e=1", requireTls: true },
      removed: [{ name: "Bcc", start: 0, end: 21 }],
      summary: { messageId: "<1@firma.example>", subject: "Grüße" },
      traits: { eightBit: true, eightBitHeader: true },
    });
    expect(record.recipients).toMatchObject([
      { address: "x@kunde.example", dsn, state: { kind: "queued", nextAttemptAt: record.receivedAt } },
      { address: "b@else.example", state: { kind: "queued" } },
    ]);
    expect(record.edits.prepend).toMatch(
      new RegExp(
        String.raw`^Received: from ex1\.firma\.example \(\[192\.0\.2\.7\]\)\r\n\tby mail\.firma\.example \(popgate\) with ESMTPSA \(TLSv1\.3 TLS_AES_256_GCM_SHA384\)\r\n\tid ${record.id};`,
        "u",
      ),
    );
    expect(await spool.due("outbound", record.receivedAt, 10)).toMatchObject([{ id: record.id }]);
    expect(events.of("submitted")).toMatchObject([
      { message: record.id, client: "192.0.2.7", user: "ex", from: "<a@firma.example>", size: message.length },
    ]);
  });

  it("adds what is missing, and keeps it as what the message is known by", async () => {
    const { receiver, spool, all } = await world();
    await receiver.receive(exchange, request, recipient, pieces("Subject: scan\r\n\r\nx\r\n"), never);
    const [record] = await all();
    const messageId = `<${record?.id ?? ""}@${hostname}>`;
    expect(record?.edits.prepend).toContain(`\r\nMessage-ID: ${messageId}\r\n`);
    expect(record?.edits.prepend).toContain("\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\n");
    expect(record?.evidence?.ignored).toEqual([{ what: "From", why: "missing, and not made up" }]);
    expect(await spool.byMessageIdField(messageId)).toEqual([record?.id]);
  });

  it.each([
    ["a@firma.example", mail, "a@firma.example"],
    ["", mail, "a@firma.example"],
    ["", mail.replace("A <a@", "B <b@"), "b@firma.example"],
    ["", "Subject: x\r\n\r\n", undefined],
    ["bounce@x.example", mail, "bounce@x.example"],
  ])(
    "takes the sender for the choice of a relay from the reverse path <%s>, else the author",
    async (path, body, sender) => {
      const { receiver, all } = await world();
      await receiver.receive(exchange, { ...request, reversePath: from(path) }, recipient, pieces(body), never);
      expect((await all())[0]?.submission?.sender).toBe(sender);
    },
  );

  it("keeps one recipient for each mailbox, with the wishes of all its mentions", async () => {
    const { receiver, all } = await world();
    const named = [
      to("X@kunde.example", { notify: ["SUCCESS"], orcpt: undefined }),
      to("y@kunde.example", { notify: ["NEVER"], orcpt: undefined }),
      to("x@KUNDE.example", { notify: ["NEVER"], orcpt: "rfc822;x@kunde.example" }),
      to("y@kunde.example", { notify: ["NEVER"], orcpt: undefined }),
      to("z@kunde.example"),
      to("z@kunde.example"),
      to("w@kunde.example", { notify: ["NEVER"], orcpt: undefined }),
      to("w@kunde.example"),
    ] as const;
    await receiver.receive(exchange, request, named, pieces(mail), never);
    expect((await all())[0]?.recipients.map(({ address, dsn }) => [address, dsn?.notify, dsn?.orcpt])).toEqual([
      ["X@kunde.example", ["SUCCESS"], "rfc822;x@kunde.example"],
      ["y@kunde.example", ["NEVER"], undefined],
      ["z@kunde.example", undefined, undefined],
      ["w@kunde.example", ["FAILURE", "DELAY"], undefined],
    ]);
  });

  it("answers only when the commit has ended", async () => {
    const gate = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    const { receiver, faults, events } = await world();
    faults.onCommit = (writes) => {
      if (!storing(writes)) return undefined;
      waits.resolve();
      return gate.promise;
    };
    let answered = false;
    const stop = new AbortController();
    const receiving = receiver
      .receive(exchange, request, recipient, pieces(mail), stop.signal)
      .finally(() => (answered = true));
    await waits.promise;
    // Once it has begun the commit decides, whatever the client or the operator do meanwhile.
    stop.abort();
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect({ answered, events: events.of("submitted").length }).toEqual({ answered: false, events: 0 });
    gate.resolve();
    expect((await receiving).kind).toBe("stored");
  });

  it("streams what is larger than a chunk, and keeps none of it when the client is lost", async () => {
    const { receiver, spool, all } = await world({ maxOctets: 10_000_000 });
    const large = Buffer.concat([Buffer.from(mail, "latin1"), octets(3_000_000).map((octet) => octet || 1)]);
    expect((await receiver.receive(exchange, request, recipient, pieces(large, 60_000), never)).kind).toBe("stored");
    const [record] = await all();
    if (record === undefined) throw new Error("nothing is stored");
    expect((await read(spool, record.id)).equals(large)).toBe(true);
    const lost = pieces(large, 60_000, async () => {
      throw new Error("ECONNRESET");
    });
    const received = await receiver.receive(exchange, request, recipient, lost, never);
    expect(received).toMatchObject({ kind: "no", close: true, answer: { code: 451, enhanced: "4.4.2" } });
    expect(await all()).toHaveLength(1);
  });

  it("stops waiting for the client when it is told to, and leaves nothing", async () => {
    const { receiver, all } = await world();
    const stop = new AbortController();
    const waits = Promise.withResolvers<void>();
    const stuck = pieces(mail, 100, async () => {
      waits.resolve();
      await new Promise(() => undefined);
    });
    const receiving = receiver.receive(exchange, request, recipient, stuck, stop.signal);
    await waits.promise;
    stop.abort();
    expect(await receiving).toMatchObject({ kind: "no", answer: { code: 421, enhanced: "4.3.2" } });
    expect(await all()).toEqual([]);
  });
});

describe("a message that is not taken", () => {
  const own = receivedField({
    hostname,
    from: "x",
    address: undefined,
    protocol: "ESMTP",
    id: "0000000000000B",
    at: 0,
  });

  it.each([
    ["too large", `${mail}${"x".repeat(3000)}`, /^552 5\.3\.4 .* 3000 octets/u],
    ["a header too large", `X: ${"y".repeat(1500)}\r\n${mail}`, /^552 5\.3\.4 The header .* 1000 octets/u],
    ["a NUL", `${mail}a\0b`, /^550 5\.6\.0 .*NUL/u],
    ["hops", `${"Received: x\r\n".repeat(60)}${mail}`, /^554 5\.4\.6 .*60 Received/u],
    ["a loop", own + own + mail, /^554 5\.4\.6 .*sent by mail\.firma\.example 2 times before, as 0000000000000B/u],
  ])("%s", async (_, message, answer) => {
    const { receiver, events, all } = await world({ maxOctets: 3000, maxHeaderOctets: 1000 });
    const received = await receiver.receive(exchange, request, recipient, pieces(message), never);
    expect(told(received)).toMatch(answer);
    expect(received).toMatchObject({ kind: "no", close: false });
    expect(await all()).toEqual([]);
    expect(events.of("submitted")).toEqual([]);
  });

  it("leaves what it has not read to the caller", async () => {
    const { receiver } = await world({ maxOctets: 500 });
    const body = pieces(Buffer.alloc(2000, "x"));
    expect((await receiver.receive(exchange, request, recipient, body, never)).answer.code).toBe(552);
    let rest = 0;
    for await (const chunk of body) rest += chunk.length;
    expect(rest).toBe(1400);
  });
});

describe("trouble of the spool", () => {
  it("leaves the mail with the client: no room", async () => {
    const { receiver, all } = await world({}, {}, { maxOctets: 100 });
    expect((await receiver.receive(exchange, request, recipient, pieces(mail), never)).kind).toBe("stored");
    expect(told(await receiver.receive(exchange, request, recipient, pieces(mail), never))).toMatch(/^452 4\.3\.1 /u);
    expect(await all()).toHaveLength(1);
  });

  it.each([
    [true, /^452 4\.3\.1 /u],
    [false, /^451 4\.3\.0 /u],
  ])("leaves the mail with the client: the commit fails (disk full: %s)", async (full, answer) => {
    const { receiver, faults, events, all } = await world();
    faults.onCommit = (writes) => (storing(writes) ? new StoreError("it failed", full) : undefined);
    expect(told(await receiver.receive(exchange, request, recipient, pieces(mail), never))).toMatch(answer);
    expect(events.of("submitted")).toEqual([]);
    faults.onCommit = undefined;
    expect(await all()).toEqual([]);
  });

  it("is a fault of our own when it cannot be explained", async () => {
    const { receiver, spool } = await world();
    spool.begin = () => {
      throw new TypeError("a bug");
    };
    await expect(receiver.receive(exchange, request, recipient, pieces(mail), never)).rejects.toThrow("a bug");
  });

  it("is told as such when the spool is closed", async () => {
    const { receiver, spool } = await world();
    await spool[Symbol.asyncDispose]();
    expect(told(await receiver.receive(exchange, request, recipient, pieces(mail), never))).toMatch(/^421 4\.3\.2 /u);
  });
});

it.each([
  [undefined, 1_000_000],
  [0, 1_000_000],
  [500_000, 495_904],
  [1_000_000, 995_904],
  [5_000_000, 1_000_000],
  [10, 1],
])("SIZE leaves room for our own fields at a relay of SIZE %s", async (relay, size) => {
  const { receiver } = await world({}, { maxRelayOctets: () => relay });
  expect(receiver.maxOctets()).toBe(size);
});
