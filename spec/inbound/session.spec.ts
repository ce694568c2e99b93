import { describe, expect, it } from "vitest";
import type { EventKind } from "../../src/core/events.ts";
import { defaultLimits } from "../../src/inbound/limits.ts";
import { resolveHeld } from "../../src/inbound/resolve.ts";
import { Pop3Error } from "../../src/pop3/port.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { accountName, address, bench, collector, mail, type Bench } from "./bench.ts";
import { day, hour, minute } from "./entries.ts";

async function states(b: Bench): Promise<Record<string, string>> {
  const entries = await b.spool.entries(accountName);
  return Object.fromEntries(entries.map(({ uidl, state, skipped }) => [uidl, skipped ?? state]));
}

const kinds = (b: Bench, ...wanted: EventKind[]) =>
  b.events.map(({ kind }) => kind).filter((kind) => wanted.includes(kind));

describe("a session", () => {
  it("brings everything in for its envelope recipients, byte for byte, and deletes it", async () => {
    const b = await bench();
    const blind = mail("one", { to: "blind@firma.example, a@firma.example" });
    b.box.add(blind).add(mail("two"));
    expect(await b.poll()).toMatchObject({ kind: "done", listed: 2, fetched: 2, deleted: 2, left: 0, held: 0 });
    const [one] = await b.spooled();
    expect(one?.raw).toEqual(blind);
    expect(one?.record).toMatchObject({
      direction: "inbound",
      origin: { kind: "pop3", account: "sammel", uidl: "u1" },
      reversePath: { kind: "address", address: "s@sender.example" },
    });
    expect(one?.record.hold).toBeUndefined();
    expect(one?.record.recipients.map(({ address }) => address)).toEqual(["blind@firma.example", "a@firma.example"]);
    expect(one?.record.edits.prepend).toMatch(/^Received: .*\r\n$/su);
    expect(one?.record.edits.prepend).not.toContain("blind");
    const cut = one?.record.edits.cuts.map(({ start, end }) => blind.subarray(start, end).toString()).join("");
    expect(cut).toContain("Envelope-To:");
    expect(cut).toContain("Return-Path:");
    expect(b.box.messages).toEqual([]);
  });

  it("deletes a message only after it is durable", async () => {
    const b = await bench();
    b.box.add(mail("one")).add(mail("two"));
    const order: string[] = [];
    const { connect } = b.box;
    b.restart({
      connect: async (signal, known) => {
        const session = await connect(signal, known);
        const remove = session.delete.bind(session);
        session.delete = async (number) => {
          const spooled = await b.subjects();
          order.push(`${number}: ${spooled.join(" ")}`);
          return remove(number);
        };
        return session;
      },
    });
    await b.poll();
    expect(order).toHaveLength(2);
    for (const [index, name] of ["one", "two"].entries()) {
      expect(order.find((line) => line.startsWith(`${index + 1}:`))).toContain(name);
    }
  });

  it("keeps as many RETR outstanding as the box can use, and no more", async () => {
    for (const window of [1, 4]) {
      const b = await bench();
      b.box.window = window;
      for (let n = 0; n < 20; n++) b.box.add(mail(`m${n}`));
      let most = 0;
      const { connect } = b.box;
      b.restart({
        connect: async (signal, known) => {
          const session = await connect(signal, known);
          const retrieve = session.retrieve.bind(session);
          let out = 0;
          session.retrieve = async (number) => {
            most = Math.max(most, ++out);
            const reply = await retrieve(number);
            if (reply.kind === "refused") return reply;
            return {
              ...reply,
              body: (async function* () {
                yield* reply.body;
                out--;
              })(),
            };
          };
          return session;
        },
      });
      expect(await b.poll()).toMatchObject({ fetched: 20, deleted: 20 });
      expect(most).toBe(window);
    }
  });

  it("lets several commits share a flush, and no more than it may", async () => {
    const b = await bench({ limits: { ...defaultLimits, commitsInFlight: 3 } });
    for (let n = 0; n < 20; n++) b.box.add(mail(`m${n}`));
    const begin = b.spool.begin.bind(b.spool);
    let flying = 0;
    let most = 0;
    b.spool.begin = () => {
      const ingest = begin();
      const commit = ingest.commit.bind(ingest);
      ingest.commit = async (...args) => {
        most = Math.max(most, ++flying);
        // A disk takes its time.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        return commit(...args).finally(() => flying--);
      };
      return ingest;
    };
    expect(await b.poll()).toMatchObject({ fetched: 20, deleted: 20 });
    expect(most).toBe(3);
  });

  it("asks an empty box for nothing but its listing, and leaves the ledger alone", async () => {
    const b = await bench();
    await b.poll();
    await b.poll();
    b.box.log.length = 0;
    const calls = b.crashing.calls;
    expect(await b.poll()).toMatchObject({ kind: "done", listed: 0 });
    expect(b.box.log).toEqual(["CONNECT", "LIST", "QUIT"]);
    // The one write is the time of the login.
    expect(b.crashing.calls - calls).toBe(1);
  });

  it("is cut after so many messages, with its deletions made good", async () => {
    const b = await bench({ limits: { ...defaultLimits, sessionMessages: 3 } });
    for (let n = 0; n < 7; n++) b.box.add(mail(`m${n}`));
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 3, deleted: 3, more: true });
    expect(b.box.messages).toHaveLength(4);
    expect(await b.poll()).toMatchObject({ fetched: 3, more: true });
    expect(await b.poll()).toMatchObject({ fetched: 1, more: false });
    expect(await b.subjects()).toHaveLength(7);
  });

  it("is cut by octets too, and less often where a login costs a wait", async () => {
    const limits = { ...defaultLimits, sessionOctets: 1000, delayedLoginFactor: 3 };
    const b = await bench({ limits });
    for (let n = 0; n < 9; n++) b.box.add(mail(`m${n}`, { body: "x".repeat(600) }));
    b.box.window = 1;
    expect(await b.poll()).toMatchObject({ fetched: 2, more: true });
    b.restart({ limits, rules: { times: { kind: "every", ms: minute }, minIntervalMs: minute } });
    b.clock.set(b.clock.now() + minute);
    expect(await b.poll()).toMatchObject({ fetched: 4, more: true });
  });

  it("holds what it cannot place, and goes on", async () => {
    const b = await bench();
    b.box
      .add(mail("lost", { to: undefined }))
      .add(mail("foreign", { to: "x@else.example" }))
      .add(mail("good"));
    expect(await b.poll()).toMatchObject({ fetched: 3, held: 2, deleted: 3 });
    const held = (await b.spooled()).flatMap(({ record }) => (record.hold === undefined ? [] : [record]));
    expect(held.map(({ hold }) => String(hold?.reason)).sort()).toEqual(["envelope-missing", "no-local-recipient"]);
    expect(held.every(({ recipients }) => recipients.length === 0)).toBe(true);
    expect(kinds(b, "held", "received").sort()).toEqual(["held", "held", "received"]);
  });

  it("gives a mailbox's mail to its people, whatever the message says", async () => {
    const b = await bench({
      policy: {
        kind: "mailbox",
        deliverTo: [address("chef@firma.example")],
        limits: { maxReceived: 50, alsoRemove: [] },
        hostname: "gate.firma.example",
      },
    });
    b.box.add(mail("one", { to: "x@else.example" }));
    await b.poll();
    const [one] = await b.spooled();
    expect(one?.record.recipients.map(({ address }) => address)).toEqual(["chef@firma.example"]);
  });

  it("stops fetching when nothing more can be taken in, and loses nothing", async () => {
    const b = await bench();
    for (let n = 0; n < 5; n++) b.box.add(mail(`m${n}`));
    const begin = b.spool.begin.bind(b.spool);
    let taken = 0;
    b.spool.begin = () => {
      if (++taken > 2) throw new SpoolError("SPOOL_FULL", "full");
      return begin();
    };
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "spool" });
    b.spool.begin = begin;
    await b.settle();
    expect(await b.subjects()).toEqual(["m0", "m1", "m2", "m3", "m4"]);
    expect(b.box.messages).toEqual([]);
  });
});

describe("deletions", () => {
  it("that QUIT does not confirm are repeated without fetching anything again", async () => {
    const b = await bench();
    b.box.add(mail("one")).add(mail("two"));
    b.box.quitConfirmed = false;
    await b.poll();
    expect(b.heard("account-notice")[0]?.detail).toContain("2 deletion(s) will be checked");
    expect(await states(b)).toEqual({ u1: "deleting", u2: "deleting" });
    b.box.quitConfirmed = true;
    b.box.log.length = 0;
    expect(await b.poll()).toMatchObject({ listed: 2, fetched: 0, recognised: 0, deleted: 2 });
    expect(b.box.log.filter((line) => line.startsWith("RETR"))).toEqual([]);
    await b.poll();
    expect(await states(b)).toEqual({ u1: "gone", u2: "gone" });
    expect(await b.subjects()).toEqual(["one", "two"]);
  });

  it("that the server forgets are repeated, and reported when that goes on for a day", async () => {
    const b = await bench();
    b.box.add(mail("one"));
    b.box.losesDeletions = true;
    for (let n = 0; n < 3; n++) {
      await b.poll();
      b.clock.set(b.clock.now() + 13 * hour);
    }
    await b.poll();
    await b.poll();
    expect(b.heard("account-notice").map(({ detail }) => detail)).toEqual([
      "1 message(s) are still listed a day after their deletion was asked for",
    ]);
    expect(await b.subjects()).toEqual(["one"]);
  });

  it("that the server refuses leave the message, and bring nothing in twice", async () => {
    const b = await bench();
    b.box.add(mail("one"));
    b.box.refusesDelete = true;
    expect(await b.poll()).toMatchObject({ fetched: 1, deleted: 0 });
    expect(await b.poll()).toMatchObject({ fetched: 0, deleted: 0 });
    expect(await b.subjects()).toEqual(["one"]);
  });

  it("that are rolled back long after bring nothing in again", async () => {
    const b = await bench();
    b.box.add(mail("one")).add(mail("two"));
    const before = [...b.box.messages];
    await b.settle();
    expect(await states(b)).toEqual({ u1: "gone", u2: "gone" });
    b.box.messages.push(...before);
    b.box.add(mail("three"));
    expect(await b.poll()).toMatchObject({ listed: 3, fetched: 1, recognised: 2, deleted: 3 });
    expect(await b.subjects()).toEqual(["one", "three", "two"]);
  });
});

describe("keep", () => {
  it("until-delivered: deleted once the message has ended; a held one has not", async () => {
    const b = await bench({ keep: { kind: "until-delivered" } });
    b.box.add(mail("one")).add(mail("held", { to: undefined }));
    await b.poll();
    expect(await b.poll()).toMatchObject({ fetched: 0, deleted: 0, left: 2 });
    const [one] = (await b.spooled()).filter(({ record }) => record.hold === undefined);
    await b.spool.update(one!.record.id, (record) => ({
      ...record,
      recipients: record.recipients.map((recipient) => ({
        ...recipient,
        state: { kind: "delivered", at: 0, reply: { code: 250, enhanced: undefined, text: "OK" } },
      })),
    }));
    expect(await b.poll()).toMatchObject({ deleted: 1, left: 1 });
    expect(b.box.uidls).toEqual(["u2"]);
  });

  it("14 days: deleted after 14 days", async () => {
    const b = await bench({ keep: { kind: "for", ms: 14 * day } });
    b.box.add(mail("one"));
    await b.poll();
    b.clock.set(b.clock.now() + 13 * day);
    expect(await b.poll()).toMatchObject({ deleted: 0, left: 1 });
    b.clock.set(b.clock.now() + day);
    expect(await b.poll()).toMatchObject({ deleted: 1 });
    expect(await b.subjects()).toEqual(["one"]);
  });

  it("forever: fetched once, never deleted, told when the server will delete it", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    b.box.capabilities = { ...usualCapabilities, expire: { kind: "days", days: 30 } };
    b.box.add(mail("one"));
    for (let n = 0; n < 3; n++) await b.poll();
    expect(await b.subjects()).toEqual(["one"]);
    expect(b.box.messages).toHaveLength(1);
    expect(b.heard("account-notice")).toHaveLength(1);
  });
});

describe("messages that cannot be had", () => {
  it("too large: left, reported once, fetched when the limit is raised", async () => {
    const b = await bench({ maxOctets: 2000 });
    b.box.add(mail("big", { body: "x".repeat(3000) })).add(mail("small"));
    expect(await b.poll()).toMatchObject({ fetched: 1, left: 1 });
    await b.poll();
    b.restart({ maxOctets: 2000 });
    await b.poll();
    expect(b.heard("box-notice")).toHaveLength(1);
    b.restart({ maxOctets: 10_000 });
    await b.settle();
    expect(await b.subjects()).toEqual(["big", "small"]);
    expect(b.box.messages).toEqual([]);
  });

  it("too large although LIST says otherwise: broken off, left, and the rest goes on", async () => {
    const b = await bench({ maxOctets: 2000 });
    b.box.add(mail("big", { body: "x".repeat(9000) })).add(mail("small"));
    b.box.messages[0]!.listSize = 10;
    await b.settle();
    expect(await b.subjects()).toEqual(["small"]);
    expect(b.box.uidls).toEqual(["u1"]);
    expect(b.heard("box-notice")).toHaveLength(1);
    b.restart({ maxOctets: 20_000 });
    await b.settle();
    expect(await b.subjects()).toEqual(["big", "small"]);
  });

  it("refused: the others come in, it is tried again with pauses, and reported at the third time", async () => {
    const b = await bench();
    b.box.add(mail("bad")).add(mail("good"));
    b.box.refuse.add("u1");
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 1, unfetchable: 1 });
    expect(await b.subjects()).toEqual(["good"]);
    await b.poll();
    expect(await b.poll()).toMatchObject({ unfetchable: 0, left: 1 });
    expect(b.heard("box-notice")).toEqual([]);
    b.clock.set(b.clock.now() + 11 * minute);
    expect(await b.poll()).toMatchObject({ unfetchable: 1 });
    expect(b.heard("box-notice")).toHaveLength(1);
    b.box.refuse.clear();
    b.clock.set(b.clock.now() + day);
    await b.settle();
    expect(await b.subjects()).toEqual(["bad", "good"]);
  });

  it("breaking the session: the others come first next time, and it waits after the second time", async () => {
    const b = await bench();
    b.box
      .add(mail("bad", { body: "x".repeat(5000) }))
      .add(mail("one"))
      .add(mail("two"));
    b.box.dropAfter.set("u1", 3000);
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "connection", fetched: 0 });
    expect(await b.poll()).toMatchObject({ kind: "failed", fetched: 2 });
    expect(await b.subjects()).toEqual(["one", "two"]);
    expect(await b.poll()).toMatchObject({ kind: "done", left: 1, deleted: 2 });
    expect(b.box.uidls).toEqual(["u1"]);
    b.box.dropAfter.clear();
    b.clock.set(b.clock.now() + hour);
    await b.settle();
    expect(await b.subjects()).toEqual(["bad", "one", "two"]);
  });

  it("vanished between listing and RETR: nothing but a note in the ledger, and that goes too", async () => {
    const b = await bench();
    b.box.add(mail("one")).add(mail("two"));
    b.box.refuse.add("u1");
    await b.poll();
    b.box.messages = [];
    await b.poll();
    expect(await states(b)).toEqual({ u1: "unfetchable", u2: "gone" });
    expect((await b.spool.entries(accountName)).map(({ state }) => state)).toEqual(["gone", "gone"]);
  });

  it("breaking a box without unique ids: the others still come in", async () => {
    const b = await bench();
    b.box.capabilities = { ...usualCapabilities, uidl: false };
    b.box.add(mail("bad", { body: "x".repeat(5000) }), "bad").add(mail("one"));
    b.box.dropAfter.set("bad", 3000);
    expect(await b.poll()).toMatchObject({ kind: "failed" });
    expect(await b.poll()).toMatchObject({ kind: "failed", fetched: 1 });
    expect(await b.subjects()).toEqual(["one"]);
  });
});

describe("initial = new", () => {
  it("enters ten thousand messages in one go, fetches none of them, and deletes none", async () => {
    const b = await bench({ initial: "new" });
    for (let n = 0; n < 10_000; n++) b.box.add(mail("old"), `old${n}`);
    expect(await b.poll()).toMatchObject({ kind: "done", listed: 10_000, fetched: 0, left: 10_000 });
    b.box.add(mail("new"));
    expect(await b.poll()).toMatchObject({ fetched: 1, deleted: 1, left: 10_000 });
    await b.poll();
    expect(await b.subjects()).toEqual(["new"]);
    expect(b.box.messages).toHaveLength(10_000);
  });

  it("counts from the first contact, also with an empty box", async () => {
    const b = await bench({ initial: "new" });
    await b.poll();
    b.box.add(mail("first"));
    b.restart({ initial: "new" });
    await b.poll();
    expect(await b.subjects()).toEqual(["first"]);
  });

  it("needs unique ids, and says so instead of guessing", async () => {
    const b = await bench({ initial: "new" });
    b.box.capabilities = { ...usualCapabilities, uidl: false };
    b.box.add(mail("old"));
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: "permanent" });
    expect(b.box.messages).toHaveLength(1);
  });
});

describe("ids", () => {
  it("given to several messages: each comes in once, now and later", async () => {
    for (const keep of [{ kind: "never" }, { kind: "forever" }] as const) {
      const b = await bench({ keep });
      b.box.add(mail("one"), "same").add(mail("two"), "same").add(mail("three"), "other");
      await b.settle();
      await b.poll();
      expect(await b.subjects()).toEqual(["one", "three", "two"]);
      expect(b.box.messages).toHaveLength(keep.kind === "never" ? 0 : 3);
      expect(b.heard("box-notice").filter(({ uidl }) => uidl === "same")).toHaveLength(1);
    }
  });

  it("that become ambiguous: the known message is recognised, the other comes in", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    b.box.add(mail("one"), "same");
    await b.poll();
    b.box.add(mail("two"), "same");
    expect(await b.poll()).toMatchObject({ fetched: 1, recognised: 1 });
    b.box.messages.shift();
    expect(await b.poll()).toMatchObject({ fetched: 0, recognised: 1 });
    expect(await b.subjects()).toEqual(["one", "two"]);
  });

  it("that stand for a message which could not be read do not get it deleted unread", async () => {
    const b = await bench();
    b.box.add(mail("one"), "same");
    b.box.refusesDelete = true;
    await b.poll();
    b.box.add(mail("two"), "same");
    b.box.refuse.add("same");
    await b.poll();
    b.box.messages.shift();
    b.box.refuse.clear();
    b.box.refusesDelete = false;
    b.clock.set(b.clock.now() + day);
    await b.settle();
    expect(await b.subjects()).toEqual(["one", "two"]);
  });

  it("that the server does not give: digests serve, and deletions that get lost bring nothing in twice", async () => {
    const b = await bench();
    b.box.capabilities = { ...usualCapabilities, uidl: false };
    b.box.add(mail("one")).add(mail("two")).add(mail("one"));
    b.box.losesDeletions = true;
    expect(await b.poll()).toMatchObject({ fetched: 2, recognised: 1, deleted: 3 });
    b.restart();
    b.box.losesDeletions = false;
    expect(await b.poll()).toMatchObject({ fetched: 0, recognised: 3, deleted: 3 });
    await b.poll();
    expect(await b.subjects()).toEqual(["one", "two"]);
    expect(Object.values(await states(b))).toEqual(["gone", "gone"]);
  });

  it("that the server does not give, for mail that is kept: kept all the same, and said what it costs", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    b.box.capabilities = { ...usualCapabilities, uidl: false };
    b.box.add(mail("one"));
    for (let n = 0; n < 3; n++) await b.poll();
    expect(await b.subjects()).toEqual(["one"]);
    expect(b.box.messages).toHaveLength(1);
    expect(b.heard("account-notice")).toHaveLength(1);
  });

  it("that all change at once: content recognises what was brought in, also across a crash in the middle", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    for (let n = 0; n < 6; n++) b.box.add(mail(`m${n}`));
    await b.poll();
    b.box.renameAll();
    // The rebuilt server writes trace fields of its own, so that octets alone would not do.
    for (const message of b.box.messages.slice(0, 3)) {
      message.raw = Buffer.from(message.raw.toString().replace("with ESMTP id m", "with ESMTP id new-m"));
    }
    b.box.add(mail("new"));
    b.crashing.crashAt(9, false);
    expect(await b.poll()).toMatchObject({ kind: "failed" });
    b.restart();
    await b.settle();
    await b.poll();
    expect(await b.subjects()).toEqual(["m0", "m1", "m2", "m3", "m4", "m5", "new"]);
    expect(b.heard("box-rebuilt")).toHaveLength(1);
    const entries = await b.spool.entries(accountName);
    const live = entries.filter(({ state }) => state === "present");
    expect(live.map(({ uidl }) => uidl).sort()).toEqual(b.box.uidls.map(String).sort());
  });

  it("that change while real copies lie in the box: copies stay copies", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    const copy = (to: string) => mail("list", { to, received: to });
    b.box.add(copy("a@firma.example")).add(copy("b@firma.example"));
    await b.poll();
    b.box.renameAll();
    b.box.add(copy("c@firma.example"));
    expect(await b.poll()).toMatchObject({ fetched: 1, recognised: 2 });
    // Each old entry has moved to its new id: nothing is left under the old ones.
    expect(Object.keys(await states(b)).sort()).toEqual(b.box.uidls.map(String).sort());
    const recipients = (await b.spooled()).flatMap(({ record }) => record.recipients.map(({ address }) => address));
    expect(recipients.sort()).toEqual(["a@firma.example", "b@firma.example", "c@firma.example"]);
  });

  it("that stay while the server writes into a message: compared, and not brought in again", async () => {
    const b = await bench({ keep: { kind: "forever" } });
    b.box.add(mail("one"));
    await b.poll();
    b.box.messages[0]!.raw = Buffer.concat([Buffer.from("Status: RO\r\n"), b.box.messages[0]!.raw]);
    expect(await b.poll()).toMatchObject({ fetched: 0, recognised: 1 });
    expect(await b.poll()).toMatchObject({ fetched: 0, recognised: 0, left: 1 });
    expect(await b.subjects()).toEqual(["one"]);
  });

  it("that are given again to another message: it comes in", async () => {
    const b = await bench();
    b.box.add(mail("one"), "1");
    await b.settle();
    b.box.add(mail("two"), "1");
    await b.settle();
    expect(await b.subjects()).toEqual(["one", "two"]);
  });
});

describe("copies", () => {
  it("with an envelope field each go to their own recipient", async () => {
    const b = await bench();
    for (const to of ["a@firma.example", "b@firma.example"]) b.box.add(mail("list", { to, received: to }));
    await b.settle();
    const recipients = (await b.spooled()).flatMap(({ record }) => record.recipients.map(({ address }) => address));
    expect(recipients.sort()).toEqual(["a@firma.example", "b@firma.example"]);
  });
});

describe("copies where To and Cc decide", () => {
  const guessing = { ...collector, sources: [{ kind: "to-cc" }] } as const;
  const visible = "a@firma.example, b@firma.example";

  it("reach everybody once, whichever copy comes first, also in later sessions", async () => {
    const b = await bench({ policy: guessing });
    for (const received of ["x", "y"]) b.box.add(mail("list", { to: undefined, visible, received }));
    await b.settle();
    b.box.add(mail("list", { to: undefined, visible, received: "z" }));
    await b.settle();
    const recipients = (await b.spooled()).flatMap(({ record }) => record.recipients.map(({ address }) => address));
    expect(recipients.sort()).toEqual(["a@firma.example", "b@firma.example"]);
    expect(b.heard("duplicate")).toHaveLength(2);
    expect(b.box.messages).toEqual([]);
  });
});

describe("copies where To and Cc decide only now", () => {
  it("do not go again to those who got theirs by an envelope field, nor to those whom resolve has served", async () => {
    const b = await bench();
    b.box.add(mail("list", { received: "x" })).add(mail("other", { to: undefined, received: "x" }));
    await b.settle();
    const policy = { ...collector, sources: [{ kind: "to-cc" }] } as const;
    b.restart({ policy });
    const resolved = resolveHeld(
      {
        spool: b.spool,
        clock: b.clock,
        events: { emit: () => undefined },
        policyOf: async () => policy,
        which: "all",
        dryRun: false,
        maxHeaderOctets: 100_000,
      },
      new AbortController().signal,
    );
    for await (const { kind } of resolved) expect(kind).toBe("released");
    b.box.add(mail("list", { to: undefined, received: "y" })).add(mail("other", { to: undefined, received: "y" }));
    b.box.add(mail("list", { to: undefined, received: "z", visible: "a@firma.example" }));
    await b.settle();
    expect(await b.subjects()).toEqual(["list", "other"]);
    expect(b.heard("duplicate")).toHaveLength(3);
    expect(b.box.messages).toEqual([]);
  });
});

describe("failures", () => {
  it.each([
    ["auth", 15],
    ["in-use", 0.5],
    ["temporary", 1],
    ["tls", 10],
  ] as const)("%s at login: told, and backed off by about %d minutes", async (kind, minutes) => {
    const b = await bench();
    b.box.connectErrors.push(new Pop3Error(kind, "no", { reply: "-ERR no" }));
    const before = b.clock.now();
    expect(await b.poll()).toMatchObject({ kind: "failed", failure: kind, detail: "no: -ERR no" });
    const wait = (await b.account.nextPollAt()) - before;
    expect(wait).toBeGreaterThanOrEqual(minutes * minute * 0.8);
    expect(wait).toBeLessThanOrEqual(minutes * minute * 1.2);
    expect(b.heard("poll-failed")[0]).toMatchObject({ failure: kind, retryAt: before + wait });
    expect(await b.poll()).toMatchObject({ kind: "done" });
    expect(await b.account.nextPollAt()).toBe(before + minute);
  });

  it("a message on which a session hangs is broken off by the deadline, and comes last in the next one", async () => {
    const b = await bench();
    b.box.add(mail("bad")).add(mail("good"));
    b.box.hangIn.add("u1");
    for (const fetched of [0, 1]) {
      const begun = new Promise<void>((resolve) => {
        b.box.onCommand = (name) => {
          if (name === "RETR 1") resolve();
        };
      });
      const polled = b.poll();
      await begun;
      await b.clock.advance(defaultLimits.sessionDeadlineMs);
      expect(await polled).toMatchObject({ kind: "failed", failure: "connection", fetched });
    }
    expect(await b.subjects()).toEqual(["good"]);
  });

  it("being told to stop in the middle loses nothing and doubles nothing", async () => {
    for (const command of ["LIST", "RETR 1", "RETR 4", "DELE 2", "QUIT"]) {
      const b = await bench();
      for (let n = 0; n < 6; n++) b.box.add(mail(`m${n}`));
      const stop = new AbortController();
      b.box.onCommand = (name) => {
        if (name === command) stop.abort();
      };
      await b.account.poll(stop.signal);
      b.box.onCommand = undefined;
      expect(b.heard("box-notice")).toEqual([]);
      expect((await b.spool.entries(accountName)).every(({ failures }) => failures === 0)).toBe(true);
      b.restart();
      await b.settle();
      expect(await b.subjects(), `stopped at ${command}`).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
      expect(b.box.messages, `stopped at ${command}`).toEqual([]);
    }
  });

  it("a session that does not end is broken off by its deadline", async () => {
    const b = await bench();
    b.box.hangConnect = true;
    const polled = b.poll();
    await b.clock.sleeping();
    await b.clock.advance(defaultLimits.sessionDeadlineMs);
    expect(await polled).toMatchObject({ kind: "failed", failure: "connection" });
  });
});

describe("LOGIN-DELAY", () => {
  it("is kept across a restart, also when the process died in the session", async () => {
    const b = await bench();
    b.box.capabilities = { ...usualCapabilities, loginDelaySeconds: 900 };
    await b.poll();
    const first = b.clock.now();
    b.clock.set(first + 5 * minute);
    b.restart();
    expect(await b.poll()).toEqual({ kind: "delayed", account: accountName, until: first + 15 * minute });
    b.clock.set(first + 15 * minute);
    b.box.add(mail("one"));
    b.crashing.crashAt(3, false);
    await b.poll();
    expect(b.box.logins).toBe(2);
    b.restart();
    expect(await b.account.nextPollAt()).toBe(first + 30 * minute);
    expect(await b.poll()).toMatchObject({ kind: "delayed", until: first + 30 * minute });
    expect(b.box.logins).toBe(2);
  });

  it("that CAPA no longer names is over", async () => {
    const b = await bench();
    b.box.capabilities = { ...usualCapabilities, loginDelaySeconds: 900 };
    await b.poll();
    b.clock.set(b.clock.now() + 15 * minute);
    b.box.capabilities = usualCapabilities;
    await b.poll();
    expect(await b.account.earliestLoginAt()).toBe(b.clock.now());
  });

  it("that a reply asks for is waited for, and remembered", async () => {
    const b = await bench();
    b.box.connectErrors.push(new Pop3Error("login-delay", "too soon", { retryAfterMs: 10 * minute }));
    const now = b.clock.now();
    await b.poll();
    expect(await b.account.nextPollAt()).toBeGreaterThanOrEqual(now + 10 * minute);
    b.restart();
    expect(await b.account.earliestLoginAt()).toBe(now + 10 * minute);
  });

  it("does not run from a connection that never was", async () => {
    const b = await bench({ rules: { times: { kind: "every", ms: minute }, minIntervalMs: 15 * minute } });
    b.box.connectErrors.push(new Pop3Error("connection", "no route"));
    await b.poll();
    expect(await b.account.earliestLoginAt()).toBe(b.clock.now());
  });
});
