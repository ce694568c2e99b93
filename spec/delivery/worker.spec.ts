import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/spool/store.ts";
import { chunkKey } from "../../src/spool/keys.ts";
import { mustAddress } from "../../src/core/address.ts";
import { all, day, delivered, makeWorld, replied, unreachable, type World } from "./fixtures.ts";

const minute = 60_000;
const at = (name: string): string => `${name}@firma.example`;

function kinds({ events }: World): string[] {
  return events.map(({ kind }) => kind).filter((kind) => kind !== "spool-opened");
}

describe("outcomes", () => {
  test("a delivered message leaves the queue for the history; the target got our Received field and every octet", async () => {
    const world = await makeWorld();
    const id = await world.add([at("anna"), at("bernd")]);
    await world.drain();
    expect(await world.states(id)).toEqual({ anna: "delivered", bernd: "delivered" });
    expect(await world.spool.load(id)).toBeUndefined();
    expect(world.transport.transactions).toHaveLength(1);
    expect(world.transport.transactions[0]?.octets.toString()).toBe(
      "Received: by popgate\r\nMessage-ID: <a@b>\r\nDate: today\r\n\r\nbody\r\n",
    );
    expect(kinds(world)).toEqual(["delivered", "ended"]);
  });

  test("one delivered, one refused, one deferred: each its own state, and the retry goes to the third alone", async () => {
    const world = await makeWorld({}, ({ recipients }) => ({
      outcomes: recipients.map((recipient) => ({
        recipient,
        outcome: recipient.startsWith("anna")
          ? delivered
          : recipient.startsWith("bernd")
            ? replied("refused", 550, "5.1.10")
            : replied("deferred", 451, "4.3.0"),
      })),
    }));
    const id = await world.add([at("anna"), at("bernd"), at("chef")]);
    await world.drain();
    expect(await world.states(id)).toEqual({ anna: "delivered", bernd: "held", chef: "queued" });
    expect(kinds(world).toSorted()).toEqual(["deferred", "delivered", "held", "refused"]);
    world.transport.script = (transaction) => all(transaction, delivered);
    await world.drain();
    expect(world.transport.transactions).toHaveLength(1);
    await world.clock.advance(2 * minute);
    await world.drain();
    expect(world.transport.transactions.map(({ recipients }) => recipients)).toEqual([
      [at("anna"), at("bernd"), at("chef")],
      [at("chef")],
    ]);
    expect(await world.states(id)).toEqual({ anna: "delivered", bernd: "held", chef: "delivered" });
    const bernd = (await world.record(id)).recipients.find(({ address }) => address === at("bernd"));
    expect(bernd?.state).toMatchObject({
      hold: { reason: "refused", detail: expect.stringContaining("550 5.1.10") as string },
    });
  });

  test("unconfirmed is tried again with the same octets, and counted", async () => {
    const world = await makeWorld({}, (transaction, number) =>
      number === 1
        ? all(transaction, {
            kind: "unconfirmed",
            cause: { kind: "connection", phase: "dot", code: "ECONNRESET", message: "lost" },
          })
        : {},
    );
    const id = await world.add([at("anna")]);
    await world.drain();
    await world.clock.advance(2 * minute);
    await world.drain();
    const [first, second] = world.transport.transactions;
    expect(second?.octets.equals(first?.octets ?? Buffer.alloc(0))).toBe(true);
    expect((await world.record(id)).recipients[0]).toMatchObject({ unconfirmed: 1, state: { kind: "delivered" } });
    expect(kinds(world)).toEqual(["unconfirmed", "delivered", "ended"]);
  });

  test("refused mail is redirected where that is configured, once", async () => {
    const rules = {
      retryMs: [minute],
      giveUpMs: day,
      onReject: { kind: "redirect" as const, to: mustAddress(at("office")) },
    };
    const world = await makeWorld({ rules }, (transaction) =>
      transaction.recipients[0].startsWith("office") ? {} : all(transaction, replied("refused", 550, "5.1.1")),
    );
    const id = await world.add([at("nobody"), at("noone")]);
    await world.drain();
    await world.drain();
    expect(await world.states(id)).toEqual({ nobody: "dropped", noone: "dropped", office: "delivered" });
    expect(world.transport.transactions.map(({ recipients }) => recipients)).toEqual([
      [at("nobody"), at("noone")],
      [at("office")],
    ]);
  });

  test("the redirect address itself refused: held, not chased in a circle", async () => {
    const rules = {
      retryMs: [minute],
      giveUpMs: day,
      onReject: { kind: "redirect" as const, to: mustAddress(at("office")) },
    };
    const world = await makeWorld({ rules }, (transaction) => all(transaction, replied("refused", 550, "5.1.1")));
    const id = await world.add([at("nobody")]);
    await world.drain();
    await world.drain();
    await world.drain();
    expect(await world.states(id)).toEqual({ nobody: "dropped", office: "held" });
  });

  test("a target without the extension that the message needs: held as cannot-convert, whatever on_reject says", async () => {
    const rules = {
      retryMs: [minute],
      giveUpMs: day,
      onReject: { kind: "redirect" as const, to: mustAddress(at("office")) },
    };
    const world = await makeWorld({ rules }, (transaction) =>
      all(transaction, { kind: "refused", cause: { kind: "extension", missing: "SMTPUTF8", message: "needed" } }),
    );
    const id = await world.add(["jörg@firma.example"]);
    await world.drain();
    expect((await world.record(id)).recipients[0]?.state).toMatchObject({
      kind: "held",
      hold: { reason: "cannot-convert" },
    });
  });
});

describe("time", () => {
  test("deferrals follow the schedule, and end as held, never as a bounce", async () => {
    const world = await makeWorld({}, (transaction) => all(transaction, replied("deferred", 451, "4.3.0")));
    const id = await world.add([at("anna")]);
    const seen: number[] = [];
    const begun = world.clock.now();
    for (let tries = 0; tries < 200 && (await world.states(id))["anna"] === "queued"; tries++) {
      await world.drain();
      seen.push(world.transport.transactions.length);
      const due = await world.spool.nextDueAt("inbound");
      if (due !== undefined) world.clock.set(due);
    }
    expect(seen.slice(0, 4)).toEqual([1, 2, 3, 4]);
    expect((await world.record(id)).recipients[0]?.state).toMatchObject({ kind: "held", hold: { reason: "gave-up" } });
    expect(world.clock.now() - begun).toBeGreaterThanOrEqual(5 * day);
  });

  test("a target that is down for a day costs one connection per trial, and then everything goes at once", async () => {
    let down = true;
    const world = await makeWorld({}, (transaction) =>
      down
        ? {
            ...all(transaction, {
              kind: "deferred",
              cause: unreachable.kind === "unavailable" ? unreachable.cause : { kind: "internal", message: "" },
            }),
            destination: unreachable,
          }
        : {},
    );
    const ids = [];
    for (let index = 0; index < 30; index++) ids.push(await world.add([at("anna")]));
    const stop = new AbortController();
    const running = world.worker.run(stop.signal);
    await world.clock.advance(day);
    const trials = world.transport.transactions.length;
    // Four at the first moment, then one at a time, five minutes apart in the end.
    expect(trials).toBeGreaterThan(200);
    expect(trials).toBeLessThan(400);
    expect(kinds(world)).toContain("destination-down");
    // What is told of a message is when it is really tried again.
    const firstDown = world.events.find((event) => event.kind === "destination-down");
    const firstDeferred = world.events.find((event) => event.kind === "deferred");
    expect(firstDeferred?.nextAttemptAt).toBe(firstDown?.probeAt);
    down = false;
    await world.clock.advance(7 * minute);
    for (const id of ids) expect(await world.states(id)).toEqual({ anna: "delivered" });
    expect(world.transport.transactions.length).toBe(trials + 30);
    expect(kinds(world)).toContain("destination-up");
    stop.abort();
    await running;
  });

  test.each([
    ["hangs up at MAIL", { kind: "connection", phase: "mail", code: "ECONNECTION", message: "closed" }],
    ["has no room for it", { kind: "reply", phase: "mail", reply: { code: 452, enhanced: "4.3.1", text: "no room" } }],
  ] as const)("a message at which the target %s does not stop the others", async (_, cause) => {
    const poisoned: { id?: string } = {};
    const world = await makeWorld({}, (transaction) =>
      transaction.message === poisoned.id
        ? { ...all(transaction, { kind: "deferred", cause }), destination: { kind: "unavailable", cause } }
        : {},
    );
    poisoned.id = await world.add([at("anna")]);
    const stop = new AbortController();
    const running = world.worker.run(stop.signal);
    await world.clock.advance(1000);
    const others = [];
    for (let index = 0; index < 10; index++) others.push(await world.add([at("bernd")]));
    await world.clock.advance(minute);
    for (const id of others) expect(await world.states(id)).toEqual({ bernd: "delivered" });
    stop.abort();
    await running;
  });

  test("a target down for longer than give_up: everything is held for a person", async () => {
    const world = await makeWorld({}, (transaction) => ({
      ...all(transaction, { kind: "deferred", cause: { kind: "tls", message: "down" } }),
      destination: unreachable,
    }));
    const id = await world.add([at("anna")]);
    await world.drain();
    world.clock.set(world.clock.now() + 5 * day + minute);
    await world.drain();
    expect((await world.record(id)).recipients[0]?.state).toMatchObject({ kind: "held", hold: { reason: "gave-up" } });
  });
});

describe("transactions", () => {
  test("recipients beyond the target's number go at once in the next transaction", async () => {
    const world = await makeWorld({}, ({ recipients }) => ({
      outcomes: recipients.map((recipient, index) => ({
        recipient,
        outcome: index < 3 ? delivered : replied("deferred", 452, "4.5.3"),
      })),
      tooMany: recipients.slice(3),
    }));
    const names = Array.from({ length: 8 }, (_, index) => at(`u${index}`));
    const id = await world.add(names);
    await world.drain();
    expect(world.transport.transactions.map(({ recipients }) => recipients.length)).toEqual([8, 5, 2]);
    expect(new Set(Object.values(await world.states(id)))).toEqual(new Set(["delivered"]));
  });

  test("a target that takes nobody for their number is not asked for ever", async () => {
    const world = await makeWorld({}, (transaction) => ({
      ...all(transaction, replied("deferred", 452, "4.5.3")),
      tooMany: transaction.recipients,
    }));
    const id = await world.add([at("anna"), at("bernd")]);
    await world.drain();
    expect(world.transport.transactions).toHaveLength(1);
    expect(await world.states(id)).toEqual({ anna: "queued", bernd: "queued" });
  });

  test("our own limit of recipients", async () => {
    const world = await makeWorld({ maxRecipients: 200 });
    await world.add(Array.from({ length: 450 }, (_, index) => at(`u${index}`)));
    await world.drain();
    expect(world.transport.transactions.map(({ recipients }) => recipients.length)).toEqual([200, 200, 50]);
  });

  test("refused as a whole after the dot for one invalid recipient: then each alone, and only that one is held", async () => {
    const world = await makeWorld({}, (transaction) =>
      transaction.recipients.some((address) => address.startsWith("nobody"))
        ? all(transaction, replied("refused", 550, "5.1.1", "dot"))
        : {},
    );
    const id = await world.add([at("anna"), at("nobody"), at("bernd")]);
    await world.drain();
    expect(world.transport.transactions.map(({ recipients }) => recipients)).toEqual([
      [at("anna"), at("nobody"), at("bernd")],
      [at("anna")],
      [at("nobody")],
      [at("bernd")],
    ]);
    expect(await world.states(id)).toEqual({ anna: "delivered", nobody: "held", bernd: "delivered" });
  });

  test("cut off while recipients were being named: then in small groups, so that the good one is reached", async () => {
    const lost = {
      kind: "deferred",
      cause: { kind: "connection", phase: "rcpt", code: "ECONNECTION", message: "closed" },
    } as const;
    // A target that hangs up at the fifth unknown recipient, and takes with it what it had said.
    const world = await makeWorld({}, ({ recipients }) => {
      const unknown = recipients.filter((address) => address.startsWith("nobody")).length;
      if (unknown >= 5) return { outcomes: recipients.map((recipient) => ({ recipient, outcome: lost })) };
      return {
        outcomes: recipients.map((recipient) => ({
          recipient,
          outcome: recipient.startsWith("nobody") ? replied("refused", 550, "5.1.10") : delivered,
        })),
      };
    });
    const id = await world.add([...Array.from({ length: 7 }, (_, index) => at(`nobody${index}`)), at("anna")]);
    await world.drain();
    await world.clock.advance(2 * minute);
    await world.drain();
    expect((await world.states(id))["anna"]).toBe("delivered");
    expect((await world.states(id))["nobody6"]).toBe("held");
  });

  test("refused after the dot for what it contains: not tried one by one", async () => {
    const world = await makeWorld({}, (transaction) => all(transaction, replied("refused", 552, "5.3.4", "dot")));
    await world.add([at("anna"), at("bernd")]);
    await world.drain();
    expect(world.transport.transactions).toHaveLength(1);
  });
});

describe("the spool", () => {
  test("an outcome that cannot be stored is kept until it can; the message is not handed over twice", async () => {
    const world = await makeWorld();
    const id = await world.add([at("anna")]);
    let failures = 3;
    world.store.faults.onCommit = (writes) =>
      writes.some(({ table }) => table === "history") && failures-- > 0
        ? new StoreError("Input/output error", false)
        : undefined;
    const stop = new AbortController();
    const running = world.worker.run(stop.signal);
    await world.clock.advance(2 * minute);
    expect(world.transport.transactions).toHaveLength(1);
    expect(await world.states(id)).toEqual({ anna: "delivered" });
    stop.abort();
    await running;
  });

  test("while the spool has failed nothing is begun", async () => {
    const world = await makeWorld();
    await world.add([at("anna")]);
    world.store.faults.onCommit = () => new StoreError("Input/output error", false);
    await expect(world.add([at("bernd")])).rejects.toThrow(/cannot be written/u);
    const stop = new AbortController();
    const running = world.worker.run(stop.signal);
    await world.clock.advance(minute);
    expect(world.transport.transactions).toHaveLength(0);
    world.store.faults.onCommit = undefined;
    await world.clock.advance(minute);
    expect(world.transport.transactions).toHaveLength(1);
    stop.abort();
    await running;
  });

  test("a body that is damaged in the spool: held, with what is wrong", async () => {
    const world = await makeWorld();
    const id = await world.add([at("anna")]);
    await world.store.commit([{ table: "chunk", key: chunkKey(id, 0), value: Buffer.from("x".repeat(47)) }]);
    await world.drain();
    expect((await world.record(id)).recipients[0]?.state).toMatchObject({ kind: "held", hold: { reason: "damaged" } });
  });

  test("a message dropped by a person while it was under way", async () => {
    const world = await makeWorld({}, async (transaction) => {
      await world.spool.update(transaction.message, (record) => ({
        ...record,
        recipients: record.recipients.map((recipient) => ({
          ...recipient,
          state: { kind: "dropped" as const, at: 1, by: "admin" },
        })),
      }));
      return {};
    });
    const id = await world.add([at("anna")]);
    await world.drain();
    expect(await world.states(id)).toEqual({ anna: "dropped" });
  });
});

test("a fault of our own: told once, the message stays queued and is left alone for a while, the others go on", async () => {
  const broken: { id?: string } = {};
  const world = await makeWorld({}, (transaction) => {
    if (transaction.message === broken.id) throw new TypeError("a bug");
    return {};
  });
  broken.id = await world.add([at("anna")]);
  const good = await world.add([at("bernd")]);
  const stop = new AbortController();
  const running = world.worker.run(stop.signal);
  await world.clock.advance(5 * minute);
  expect(kinds(world).filter((kind) => kind === "internal-error")).toHaveLength(1);
  expect(await world.states(good)).toEqual({ bernd: "delivered" });
  expect((await world.spool.list(undefined, 10)).map(({ id }) => id)).toEqual([broken.id]);
  await world.clock.advance(10 * minute);
  expect(kinds(world).filter((kind) => kind === "internal-error")).toHaveLength(2);
  stop.abort();
  await running;
});

test("large messages get half of the places: small ones are not held up", async () => {
  const gate = Promise.withResolvers<void>();
  const world = await makeWorld({ concurrency: 4, largeOctets: 1000 }, async ({ size }) => {
    if (size >= 1000) await gate.promise;
    return {};
  });
  for (let index = 0; index < 6; index++) await world.add([at("large")], `Subject: x\r\n\r\n${"y".repeat(2000)}`);
  const small = [];
  for (let index = 0; index < 20; index++) small.push(await world.add([at("small")]));
  const stop = new AbortController();
  const running = world.worker.run(stop.signal);
  await world.clock.advance(minute);
  for (const id of small) expect(await world.states(id)).toEqual({ small: "delivered" });
  expect(world.transport.transactions.filter(({ recipients }) => recipients[0] === at("large"))).toHaveLength(2);
  gate.resolve();
  await world.clock.advance(minute);
  expect(world.transport.transactions).toHaveLength(26);
  stop.abort();
  await running;
});

test("the longest due goes first, and stopping begins nothing more", async () => {
  const world = await makeWorld({ concurrency: 1 });
  const first = await world.add([at("a")]);
  await world.clock.advance(1000);
  const second = await world.add([at("b")]);
  const stop = new AbortController();
  world.transport.script = (_, number) => {
    if (number === 1) stop.abort();
    return {};
  };
  await world.worker.run(stop.signal);
  expect(world.transport.transactions.map(({ message }) => message)).toEqual([first]);
  expect(await world.states(second)).toEqual({ b: "queued" });
});
