/** The desk on a spool in memory: one report for what is owed, whatever fails, and none that nobody asked for. */
import { describe, expect, test } from "vitest";
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import { queuedRecipient, type DsnWishes, type OwedReport, type Recipient } from "../../src/spool/record.ts";
import { StoreError } from "../../src/spool/store.ts";
import {
  anna,
  at,
  bounced,
  day,
  makeWorld,
  message,
  never,
  owing,
  readReport,
  refusedConnection,
  spoolWith,
  type World,
} from "./fixtures.ts";

const minute = 60_000;

function waiting(address = "kunde@else.example", dsn?: DsnWishes): Recipient {
  const state = { kind: "queued", nextAttemptAt: at + 10 * minute, attempts: 3 } as const;
  return { ...queuedRecipient(mustAddress(address), at), dsn, state, lastCause: refusedConnection };
}

function delivered(address = "kunde@else.example", dsn?: DsnWishes): Recipient {
  const reply = { code: 250, enhanced: "2.0.0", text: "ok" };
  return { ...queuedRecipient(mustAddress(address), at), dsn, state: { kind: "delivered", at, reply } };
}

function notify(...wishes: DsnWishes["notify"]): DsnWishes {
  return { notify: wishes, orcpt: undefined };
}

async function onlyReport(
  world: World,
): ReturnType<World["reports"]> extends Promise<(infer R)[]> ? Promise<R> : never {
  const [report, ...others] = await world.reports();
  if (report === undefined || others.length > 0) throw new Error(`${others.length + 1} reports`);
  return report;
}

describe("a failure", () => {
  test("is one report to Exchange with the null sender, and the message ends with it", async () => {
    const world = await makeWorld();
    const id = await world.send();
    expect(await world.desk().tick(never)).toBe(1);
    const { record, raw } = await onlyReport(world);
    expect(record).toMatchObject({
      direction: "inbound",
      origin: { kind: "local", purpose: "report" },
      reversePath: { kind: "null" },
      recipients: [{ address: "anna@firma.example", state: { kind: "queued" }, dsn: { notify: ["NEVER"] } }],
      summary: { subject: "Undeliverable: Angebot" },
    });
    const { parts, status } = await readReport(raw);
    expect(status[1]).toMatchObject({ Action: "failed", Status: "5.1.1", "Remote-MTA": "dns; smtp.provider.example" });
    // What was removed does not come back, and our own trace field shows.
    expect(parts[2]?.content.toString()).toBe(
      "Received: by mail.firma.example\r\nFrom: anna@firma.example\r\nSubject: Angebot\r\n",
    );
    expect(await world.spool.load(id)).toBeUndefined();
    expect(await world.spool.history(id)).toMatchObject({ owed: [] });
    const told = world.events.filter(({ kind }) => kind === "report-spooled" || kind === "ended");
    expect(told).toEqual([
      { kind: "report-spooled", message: record.id, of: id, report: "failed", recipients: ["kunde@else.example"] },
      { kind: "ended", message: id, account: undefined },
    ]);
    expect(await world.desk().tick(never)).toBe(0);
    expect(await world.reports()).toHaveLength(1);
  });

  test("of one recipient among a hundred names that one only, and the message stays for the others", async () => {
    const world = await makeWorld();
    const others = Array.from({ length: 99 }, (_, index) => waiting(`u${index}@else.example`));
    const id = await world.send({ to: [...others, bounced()], owed: [owing("failed", "kunde@else.example")] });
    expect(await world.desk().tick(never)).toBe(1);
    const { raw } = await onlyReport(world);
    const { status, text } = await readReport(raw);
    expect(status).toHaveLength(2);
    expect(text).toContain("This report is not about the 99 other recipients of the message.");
    expect(text).not.toContain("u0@else.example");
    expect(await world.spool.load(id)).toMatchObject({ owed: [] });
    expect(world.events.some(({ kind }) => kind === "ended")).toBe(false);
  });

  test("of a foreign sender, whose mail was forwarded, goes by the relays in the postmaster's name", async () => {
    const world = await makeWorld();
    await world.send({ from: { kind: "address", address: mustAddress("fremd@anders.example") } });
    await world.desk().tick(never);
    expect((await onlyReport(world)).record).toMatchObject({
      direction: "outbound",
      submission: { sender: "postmaster@firma.example", requireTls: false },
      recipients: [{ address: "fremd@anders.example" }],
      reversePath: { kind: "null" },
    });
  });

  test("of an own sender whose box is at the provider goes by the relays too", async () => {
    const world = await makeWorld();
    await world.send();
    await world.desk({ isElsewhere: (address) => address === "anna@firma.example" }).tick(never);
    expect((await onlyReport(world)).record).toMatchObject({ direction: "outbound" });
  });

  test("of a sender that is not ASCII needs SMTPUTF8, and is marked so", async () => {
    const world = await makeWorld();
    await world.send({ from: { kind: "address", address: mustAddress("jürgen@firma.example") } });
    await world.desk().tick(never);
    expect((await onlyReport(world)).record.traits).toMatchObject({ eightBitHeader: true });
  });
});

describe("who is told of what (RFC 3461 §4.1)", () => {
  const wishes: readonly (readonly [DsnWishes | undefined, readonly OwedReport["kind"][]])[] = [
    [undefined, ["failed", "delayed"]],
    [{ notify: [], orcpt: "rfc822;kunde@else.example" }, ["failed", "delayed"]],
    [notify("NEVER"), []],
    [notify("FAILURE"), ["failed"]],
    [notify("DELAY"), ["delayed"]],
    [notify("SUCCESS"), ["relayed"]],
    [notify("SUCCESS", "FAILURE", "DELAY"), ["failed", "delayed", "relayed"]],
  ];
  const made = { failed: bounced, delayed: waiting, relayed: delivered } as const;
  const table = wishes.flatMap(([dsn, kinds]) =>
    (["failed", "delayed", "relayed"] as const).map((kind) => [dsn, kind, kinds.includes(kind)] as const),
  );

  test.each(table)("NOTIFY %o, %s: %s", async (dsn, kind, told) => {
    const world = await makeWorld();
    const id = await world.send({
      to: [made[kind]("kunde@else.example", dsn)],
      owed: [owing(kind, "kunde@else.example")],
    });
    expect(await world.desk().tick(never)).toBe(told ? 1 : 0);
    expect(await world.reports()).toHaveLength(told ? 1 : 0);
    // Told or not: it is owed no more.
    expect(await world.spool.owed(undefined, 10)).toEqual([]);
    expect(((await world.spool.load(id)) ?? (await world.spool.history(id)))?.owed).toEqual([]);
  });

  test.each(["failed", "delayed", "relayed"] as const)(
    "the null reverse path is never reported to: %s",
    async (kind) => {
      const world = await makeWorld();
      const to = [made[kind]("kunde@else.example", notify("SUCCESS", "FAILURE", "DELAY"))];
      await world.send({ from: nullReversePath, to, owed: [owing(kind, "kunde@else.example")] });
      expect(await world.desk().tick(never)).toBe(0);
      expect(await world.reports()).toEqual([]);
      expect(await world.spool.owed(undefined, 10)).toEqual([]);
    },
  );

  test("a delay of what has been delivered meanwhile is not told", async () => {
    const world = await makeWorld();
    await world.send({ to: [delivered()], owed: [owing("delayed", "kunde@else.example")] });
    expect(await world.desk().tick(never)).toBe(0);
    expect(await world.spool.owed(undefined, 10)).toEqual([]);
  });

  test("failure, delay and relaying of one message are three reports", async () => {
    const world = await makeWorld();
    await world.send({
      to: [bounced("a@else.example"), waiting("b@else.example"), delivered("c@else.example", notify("SUCCESS"))],
      owed: [owing("delayed", "b@else.example"), owing("failed", "a@else.example"), owing("relayed", "c@else.example")],
    });
    expect(await world.desk().tick(never)).toBe(3);
    const reports = await world.reports();
    const actions = await Promise.all(reports.map(async ({ raw }) => (await readReport(raw)).status[1]?.["Action"]));
    expect(new Set(actions)).toEqual(new Set(["delayed", "failed", "relayed"]));
  });
});

describe("what is returned (RFC 3461 §4.3)", () => {
  const large = Buffer.concat([Buffer.from(message), Buffer.alloc(2_000_000, "0123456789\r\n")]);
  const cases = [
    ["failed", undefined, "small", "text/rfc822-headers"],
    ["failed", "HDRS", "small", "text/rfc822-headers"],
    ["failed", "FULL", "small", "message/rfc822"],
    ["failed", "FULL", "large", "text/rfc822-headers"],
    ["delayed", "FULL", "small", "text/rfc822-headers"],
    ["relayed", "FULL", "small", "text/rfc822-headers"],
  ] as const;

  test.each(cases)("%s, RET %s, a %s message: %s", async (kind, ret, size, type) => {
    const world = await makeWorld();
    const recipient = { failed: bounced(), delayed: waiting(), relayed: delivered(undefined, notify("SUCCESS")) }[kind];
    const body = size === "small" ? message : large;
    await world.send({ to: [recipient], submission: { ret }, owed: [owing(kind, "kunde@else.example")], body });
    await world.desk().tick(never);
    const { raw } = await onlyReport(world);
    const returned = (await readReport(raw)).parts[2];
    expect(returned?.type).toBe(type);
    expect(returned?.content.toString()).toContain("Subject: Angebot");
    expect(raw.toString()).not.toContain("geheim@firma.example");
    expect(returned?.content.toString().includes("Guten Tag")).toBe(type === "message/rfc822");
  });

  test("REQUIRETLS: nothing of it", async () => {
    const world = await makeWorld();
    await world.send({ submission: { requireTls: true, ret: "FULL" } });
    await world.desk().tick(never);
    const { raw, record } = await onlyReport(world);
    expect((await readReport(raw)).parts).toHaveLength(2);
    expect(record.summary.subject).toBe("Undeliverable");
    expect(raw.toString()).not.toContain("Angebot");
  });

  test("lines that SMTP cannot carry: the header", async () => {
    const world = await makeWorld();
    const body = `${message}${"x".repeat(5_000)}\r\n`;
    await world.send({ submission: { ret: "FULL" }, body });
    await world.desk().tick(never);
    const { raw } = await onlyReport(world);
    expect((await readReport(raw)).parts[2]?.type).toBe("text/rfc822-headers");
  });

  test("a body that cannot be read back: a report all the same", async () => {
    const world = await makeWorld();
    const id = await world.send({ submission: { ret: "FULL" } });
    for (const key of world.store.keys("chunk", "", undefined, 10))
      await world.store.commit([{ table: "chunk", key, value: Buffer.from("something else altogether") }]);
    expect(await world.desk().tick(never)).toBe(1);
    const { raw } = await onlyReport(world);
    expect((await readReport(raw)).parts).toHaveLength(2);
    expect(await world.spool.history(id)).toMatchObject({ owed: [] });
  });
});

describe("a report waits for others of its message", () => {
  const trying = queuedRecipient(mustAddress("langsam@else.example"), at);

  test("while one is being tried, but for half a minute at most", async () => {
    const world = await makeWorld();
    await world.send({ to: [bounced(), trying], owed: [owing("failed", "kunde@else.example")] });
    const desk = world.desk();
    expect(await desk.tick(never)).toBe(0);
    world.clock.set(at + 29_000);
    expect(await desk.tick(never)).toBe(0);
    world.clock.set(at + 30_000);
    expect(await desk.tick(never)).toBe(1);
  });

  test("recipients refused one after the other share it", async () => {
    const world = await makeWorld();
    const id = await world.send({ to: [bounced(), trying], owed: [owing("failed", "kunde@else.example")] });
    const desk = world.desk();
    expect(await desk.tick(never)).toBe(0);
    await world.spool.update(id, (record) => ({
      ...record,
      recipients: [bounced(), bounced("langsam@else.example")],
      owed: [owing("failed", "kunde@else.example", "langsam@else.example")],
    }));
    expect(await desk.tick(never)).toBe(1);
    const { status } = await readReport((await onlyReport(world)).raw);
    expect(status.slice(1).map((block) => block["Final-Recipient"])).toEqual([
      "rfc822; kunde@else.example",
      "rfc822; langsam@else.example",
    ]);
  });

  test("a clock that was set back makes it due", async () => {
    const world = await makeWorld();
    await world.send({ to: [bounced(), trying], owed: [owing("failed", "kunde@else.example")] });
    world.clock.set(at - day);
    await world.spool.update((await world.spool.owed(undefined, 1))[0] ?? ("" as never), (record) => ({
      ...record,
      recipients: [bounced(), { ...trying, state: { kind: "queued", nextAttemptAt: 0, attempts: 1 } }],
    }));
    expect(await world.desk().tick(never)).toBe(1);
  });
});

describe("exactly one report", () => {
  test.each([false, true])("when the commit fails, until it does not; restarted in between: %s", async (restart) => {
    const world = await makeWorld();
    const id = await world.send({ submission: { ret: "FULL" }, body: `${message}${"x".repeat(900)}\r\n` });
    world.store.faults.onCommit = () => new StoreError("the disk is gone", false);
    expect(await world.desk().tick(never)).toBe(0);
    expect(await world.reports()).toEqual([]);
    expect(await world.spool.owed(undefined, 10)).toEqual([id]);
    expect(world.events.filter(({ kind }) => kind === "internal-error")).toEqual([]);
    world.store.faults.onCommit = undefined;
    if (restart) await world.restart();
    else await world.spool.update(id, (record) => ({ ...record, attempts: [] }));
    expect(await world.desk().tick(never)).toBe(1);
    expect(await world.reports()).toHaveLength(1);
    if (restart) await world.restart();
    expect(await world.desk().tick(never)).toBe(0);
    expect(await world.reports()).toHaveLength(1);
  });

  test("when two desks are at it at once", async () => {
    const world = await makeWorld();
    await world.send();
    const made = await Promise.all([world.desk().tick(never), world.desk().tick(never)]);
    expect(made.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await world.reports()).toHaveLength(1);
    expect(world.events.filter(({ kind }) => kind === "internal-error")).toEqual([]);
  });

  test("and what comes to be owed while it is made is not lost", async () => {
    const world = await makeWorld();
    const to = [bounced(), waiting("spaet@else.example")];
    const id = await world.send({ to, owed: [owing("failed", "kunde@else.example")] });
    let late: Promise<unknown> | undefined;
    world.store.faults.onCommit = () => {
      // The report's transaction is under way: this change waits for its turn.
      late ??= world.spool.update(id, (record) => ({
        ...record,
        recipients: [bounced(), bounced("spaet@else.example")],
        owed: [...(record.owed ?? []), owing("failed", "spaet@else.example")],
      }));
      return undefined;
    };
    const desk = world.desk();
    expect(await desk.tick(never)).toBe(1);
    world.store.faults.onCommit = undefined;
    await late;
    expect(await world.spool.load(id)).toMatchObject({ owed: [{ recipients: ["spaet@else.example"] }] });
    expect(await desk.tick(never)).toBe(1);
    expect(await world.reports()).toHaveLength(2);
  });

  test("what is owed no more when the transaction comes is not told", async () => {
    const world = await makeWorld();
    const id = await world.send({ to: [waiting()], owed: [owing("delayed", "kunde@else.example")] });
    // Delivered between the look at the record and the transaction.
    const { spool } = world;
    world.spool = spoolWith(spool, {
      body: (wanted, start) => {
        async function* body(): AsyncGenerator<Buffer> {
          await spool.update(id, (present) => ({
            ...present,
            recipients: [delivered(), waiting("b@else.example")],
            owed: [],
          }));
          yield* spool.body(wanted, start);
        }
        return body();
      },
    });
    expect(await world.desk().tick(never)).toBe(0);
    world.spool = spool;
    expect(await world.reports()).toEqual([]);
    expect(world.events.filter(({ kind }) => kind === "internal-error")).toEqual([]);
  });
});

test("while the spool is full nothing is made, and nothing is lost", async () => {
  const world = await makeWorld();
  const id = await world.send();
  const { spool } = world;
  world.spool = spoolWith(spool, { health: () => ({ kind: "full", detail: "the disk" }) });
  expect(await world.desk().tick(never)).toBe(0);
  world.spool = spool;
  expect(await spool.owed(undefined, 10)).toEqual([id]);
  expect(await world.desk().tick(never)).toBe(1);
});

describe("a report that cannot be made by a fault of ours", () => {
  test("is told once, left alone for a while, and does not stop the others", async () => {
    const world = await makeWorld();
    const broken = await world.send();
    const { spool } = world;
    let isBroken = true;
    world.spool = spoolWith(spool, {
      body: (id, start) => {
        if (isBroken && id === broken) throw new TypeError("a fault of ours");
        return spool.body(id, start);
      },
    });
    await world.send();
    const desk = world.desk();
    const faults = (): number => world.events.filter(({ kind }) => kind === "internal-error").length;
    expect(await desk.tick(never)).toBe(1);
    expect(faults()).toBe(1);
    for (let round = 0; round < 5; round++) await desk.tick(never);
    expect(faults()).toBe(1);
    world.clock.set(at + 61 * minute);
    await desk.tick(never);
    expect(faults()).toBe(1);
    // Repaired: it is made after the pause.
    isBroken = false;
    expect(await desk.tick(never)).toBe(0);
    world.clock.set(at + 122 * minute);
    expect(await desk.tick(never)).toBe(1);
  });
});

test("it runs by itself until it is told to stop", async () => {
  const world = await makeWorld();
  const stop = new AbortController();
  const running = world.desk().run(stop.signal);
  await world.clock.sleeping(at + 5_000);
  await world.send();
  await world.clock.advance(5_000);
  expect(await world.reports()).toHaveLength(1);
  stop.abort();
  await running;
  expect(world.events.filter(({ kind }) => kind === "internal-error")).toEqual([]);
});

test("more messages than one page holds", async () => {
  const world = await makeWorld();
  for (let number = 0; number < 230; number++) await world.send({ from: anna });
  expect(await world.desk().tick(never)).toBe(230);
  expect(await world.spool.owed(undefined, 1)).toEqual([]);
});
