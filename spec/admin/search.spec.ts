/** Finding messages: filters and cursors over a long queue, and what an administrator has at hand: id, Message-ID, address. */
import { describe, expect, it } from "vitest";
import { findMessages, searchMessages } from "../../src/admin/search.ts";
import { messageFilter, type MessageFilter, type MessageSummary } from "../../src/admin/schemas.ts";
import { parseMessageId, type MessageId } from "../../src/core/ids.ts";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageDraft, MessageRecord } from "../../src/spool/record.ts";
import { outboundDraft } from "../delivery/outbound-records.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";
import { account, delivered, draft, EventList, seededRandom, stored, type DraftWishes } from "../spool/support.ts";

const signal = new AbortController().signal;
const body = Buffer.from("Subject: x\r\n\r\nx\r\n");

async function openSpool() {
  const clock = new ManualClock();
  const spool = await openMemorySpool({ clock, random: seededRandom(), events: new EventList() });
  const add = async (what: MessageDraft): Promise<MessageRecord> => {
    clock.set(clock.now() + 1);
    return stored(spool, body, what);
  };
  return {
    clock,
    spool,
    add,
    put: async (wishes: DraftWishes) => add(draft(wishes)),
    end: async (id: MessageId) => spool.update(id, delivered),
    find: async (query: string, historyMs = 30 * 86_400_000) =>
      (await findMessages(spool, query, clock.now(), historyMs, signal)).map(({ id }) => id),
    page: async (filter: Partial<MessageFilter>) =>
      searchMessages(spool, messageFilter.parse(filter), clock.now(), signal),
    [Symbol.asyncDispose]: async () => spool[Symbol.asyncDispose](),
  };
}

describe("page by page", () => {
  it("2,500 messages come once each, the oldest first, also while the queue changes", async () => {
    await using world = await openSpool();
    const put: MessageId[] = [];
    for (let number = 0; number < 2500; number++)
      put.push((await world.put(number % 5 === 0 ? { held: "loop" } : {})).id);
    const seen: string[] = [];
    let pages = 0;
    for (let after: string | undefined; ;) {
      const page = await world.page(after === undefined ? {} : { after });
      pages += 1;
      seen.push(...page.messages.map(({ id }) => id));
      after = page.next;
      // One that has been shown ends, one that has not yet been shown ends, a new one comes.
      if (pages === 3) {
        await world.end(put[10] ?? never());
        await world.end(put[2000] ?? never());
        put.push((await world.put({})).id);
      }
      if (after === undefined) break;
    }
    expect(pages).toBe(26);
    expect(seen).toEqual(put.filter((_id, number) => number !== 2000));

    const held: MessageSummary[] = [];
    for (let after: string | undefined; ;) {
      const page = await world.page({ state: "held", limit: 7, ...(after === undefined ? {} : { after }) });
      held.push(...page.messages);
      after = page.next;
      if (after === undefined) break;
    }
    expect(held).toHaveLength(500 - 2);
    expect(held.every(({ state, reason }) => state === "held" && reason === "loop")).toBe(true);
    // What is rare is found behind all the others.
    const last = await world.page({ state: "queued", youngerThanMs: 1, limit: 5 });
    expect(last).toMatchObject({ messages: [{ id: put.at(-1) }] });
    expect(last.next).toBeUndefined();
  });

  it("ends with its client, in the middle of the queue", async () => {
    await using world = await openSpool();
    for (let number = 0; number < 401; number++) await world.put({});
    const gone = new AbortController();
    const looking = searchMessages(
      world.spool,
      messageFilter.parse({ subject: "nobody has this" }),
      world.clock.now(),
      gone.signal,
    );
    gone.abort(new Error("the client has gone"));
    await expect(looking).rejects.toThrow("the client has gone");
  });
});

describe("filters", () => {
  const filters: readonly [name: string, filter: Partial<MessageFilter>, found: readonly string[]][] = [
    ["nothing", {}, ["fetched", "held", "partly", "submitted", "bounce"]],
    ["what is queued", { state: "queued" }, ["fetched", "submitted", "bounce"]],
    ["what is held, as a whole or in part", { state: "held" }, ["held", "partly"]],
    ["a direction", { direction: "outbound" }, ["submitted", "bounce"]],
    ["an account", { account: "box" }, ["fetched"]],
    ["a client with its user", { account: "192.0.2.1 (exchange)" }, ["submitted"]],
    ["a reason", { reason: "envelope-missing" }, ["held"]],
    ["a reason of one recipient", { reason: "refused" }, ["partly"]],
    ["a part of a recipient, whatever its case", { recipient: "VERTRIEB@" }, ["partly"]],
    ["a part of From", { sender: "erika müller" }, ["fetched"]],
    ["a part of the reverse path", { sender: "BOUNCES+1" }, ["fetched"]],
    ["a part of the subject", { subject: "angebot" }, ["submitted"]],
    ["an age", { olderThanMs: 4 * 3_600_000 }, ["fetched"]],
    ["a youth", { youngerThanMs: 3_600_000 }, ["bounce"]],
    ["both", { olderThanMs: 3_600_000, youngerThanMs: 4 * 3_600_000 }, ["held", "partly", "submitted"]],
    ["several at once", { direction: "inbound", state: "held", recipient: "chef" }, ["partly"]],
    ["what nobody has", { subject: "xyzzy" }, []],
  ];

  it.each(filters)("by %s", async (_name, filter, found) => {
    await using world = await openSpool();
    const names = new Map<string, string>();
    const put = async (name: string, what: MessageDraft): Promise<void> => {
      names.set((await world.add(what)).id, name);
      world.clock.set(world.clock.now() + 3_600_000);
    };
    const plain = draft({ at: world.clock.now() });
    await put("fetched", {
      ...plain,
      origin: { kind: "pop3", account: account("box"), uidl: "u1" },
      reversePath: { kind: "address", address: mustAddress("bounces+1@lists.example") },
      summary: { ...plain.summary, from: "Erika Müller <erika@else.example>" },
    });
    await put("held", draft({ held: "envelope-missing" }));
    await put("partly", {
      ...plain,
      recipients: draft({ to: ["chef@firma.example", "vertrieb@firma.example"] }).recipients.map((one, number) =>
        number === 0
          ? one
          : { ...one, state: { kind: "held", hold: { reason: "refused", detail: "550", since: 1 }, attempts: 1 } },
      ),
    });
    const submitted = outboundDraft({
      origin: { kind: "smtp", client: "192.0.2.1", user: "exchange", protocol: "ESMTP" },
    });
    await put("submitted", { ...submitted, summary: { ...submitted.summary, subject: "Ihr Angebot" } });
    await put("bounce", outboundDraft({ from: { kind: "null" }, to: ["b@y.example"] }));
    world.clock.set(world.clock.now() - 1_800_000);
    const page = await world.page(filter);
    expect(page.messages.map(({ id }) => names.get(id))).toEqual(found);
  });
});

describe("what is known of", () => {
  it("a queue id, as people type it, in the queue and in the history", async () => {
    await using world = await openSpool();
    const { id } = await world.put({});
    expect(await world.find(` ${id.toLowerCase()} `)).toEqual([id]);
    await world.end(id);
    expect(await world.find(id)).toEqual([id]);
    expect(await world.find("00000000000000")).toEqual([]);
  });

  it("a Message-ID, the newest first, with or without brackets, ended or not", async () => {
    await using world = await openSpool();
    const first = await world.put({ messageId: "<1@b.example>" });
    const second = await world.put({ messageId: "<1@b.example>" });
    await world.put({ messageId: "<2@b.example>" });
    await world.end(first.id);
    expect(await world.find("<1@b.example>")).toEqual([second.id, first.id]);
    expect(await world.find("1@b.example")).toEqual([second.id, first.id]);
  });

  it("a Message-ID that somebody has used a thousand times: the latest twenty", async () => {
    await using world = await openSpool();
    const ids: MessageId[] = [];
    for (let number = 0; number < 50; number++) ids.push((await world.put({ messageId: "<1@b.example>" })).id);
    expect(await world.find("<1@b.example>")).toEqual(ids.toReversed().slice(0, 20));
  });

  it("an address: as recipient, sender, author, or the name that was written to", async () => {
    await using world = await openSpool();
    const plain = draft({ to: ["chef@firma.example"] });
    const to = await world.put({ to: ["Erika@Else.example"] });
    const from = await world.add({
      ...plain,
      reversePath: { kind: "address", address: mustAddress("erika@else.example") },
    });
    const author = await world.add({ ...plain, summary: { ...plain.summary, from: "Erika <erika@else.example>" } });
    const alias = await world.add({
      ...plain,
      evidence: {
        profile: "exim",
        used: undefined,
        ignored: [],
        mapped: [{ from: "erika@else.example", to: ["chef@firma.example"], by: "alias" }],
        zone: undefined,
      },
    });
    await world.add({ ...plain, summary: { ...plain.summary, from: "Not <not.erika@else.example>" } });
    await world.add({ ...plain, summary: { ...plain.summary, from: "Nor <erika@else.example.com>" } });
    await world.put({ to: ["erika@other.example"] });
    const found = [alias.id, author.id, from.id, to.id];
    expect(await world.find("erika@else.example")).toEqual(found);
    expect(await world.find("<ERIKA@else.example>")).toEqual(found);
    await world.end(author.id);
    expect(await world.find("erika@else.example")).toEqual(found);
  });

  it("an address: what waits does not hide what has been delivered, nor the other way round", async () => {
    await using world = await openSpool();
    for (let number = 0; number < 30; number++) await world.put({ to: ["erika@else.example"] });
    const ended: MessageId[] = [];
    for (let number = 0; number < 30; number++) {
      const { id } = await world.put({ to: ["erika@else.example"] });
      await world.end(id);
      ended.push(id);
    }
    const found = await world.find("erika@else.example");
    expect(found).toHaveLength(40);
    expect(found).toEqual(found.toSorted().toReversed());
    expect(found.slice(0, 20)).toEqual(ended.toReversed().slice(0, 20));
  });

  it("an address whose mail ended days ago, as long as the history is kept", async () => {
    await using world = await openSpool();
    const { id } = await world.put({ to: ["erika@else.example"] });
    await world.end(id);
    world.clock.set(world.clock.now() + 12 * 86_400_000);
    expect(await world.find("erika@else.example")).toEqual([id]);
    expect(await world.find("erika@else.example", 5 * 86_400_000)).toEqual([]);
  });

  it("anything else is nothing", async () => {
    await using world = await openSpool();
    await world.put({});
    for (const query of ["", "   ", "chef", "@", "<>", "x".repeat(1000), "chef@firma.example\r\nx"])
      expect(await world.find(query)).toEqual([]);
  });

  it("an address ends with its client too", async () => {
    await using world = await openSpool();
    const gone = new AbortController();
    const looking = findMessages(world.spool, "erika@else.example", world.clock.now(), 30 * 86_400_000, gone.signal);
    gone.abort(new Error("the client has gone"));
    await expect(looking).rejects.toThrow("the client has gone");
  });
});

function never(): MessageId {
  const id = parseMessageId("00000000000000");
  if (id === undefined) throw new TypeError();
  return id;
}
