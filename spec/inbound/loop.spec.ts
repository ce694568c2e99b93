/** Mail that popgate has relayed and that comes back through a collector, from the listener to the box and back. */
import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { resolveHeld, type Resolution } from "../../src/inbound/resolve.ts";
import { render } from "../../src/message/render.ts";
import { createReceiver } from "../../src/outbound/receiver.ts";
import type { EnvelopePolicy } from "../../src/message/policy.ts";
import type { MessageRecord, Recipient } from "../../src/spool/record.ts";
import { exchange, pieces, request, to } from "../outbound/receiving.ts";
import { address, bench, collector, type Bench } from "./bench.ts";

const never = new AbortController().signal;
const original =
  "From: a@firma.example\r\nTo: all@firma.example\r\nSubject: s\r\nMessage-ID: <1@firma.example>\r\n\r\nHi\r\n";

interface Sent {
  readonly id: MessageId;
  /** As it left by the relay. */
  readonly octets: string;
  readonly at: string;
}

/** What became of each recipient: where it went, or that nothing is known of it. */
type Fate = "relay" | "exchange" | "unconfirmed" | "queued";

/** Submits a message to popgate and has it delivered in the spool's books. */
async function send(b: Bench, fates: Readonly<Record<string, Fate>>, message = original): Promise<Sent> {
  const receiver = createReceiver(
    { hostname: collector.hostname, maxOctets: 1e6, maxHeaderOctets: 1e5 },
    {
      spool: b.spool,
      clock: b.clock,
      events: { emit: () => undefined },
      pressure: () => ({ kind: "ok" }),
      maxRelayOctets: () => undefined,
    },
  );
  const [first, ...others] = Object.keys(fates).map((text) => to(text));
  if (first === undefined) throw new TypeError("nobody");
  const received = await receiver.receive(exchange, request, [first, ...others], pieces(message), never);
  if (received.kind !== "stored") throw new Error(received.answer.text);
  const record = await b.spool.load(received.id);
  if (record === undefined) throw new Error("it is not there");
  const octets: Buffer[] = [];
  for await (const chunk of render(b.spool.body(record.id), record.edits)) octets.push(Buffer.from(chunk));
  b.clock.set(b.clock.now() + 1000);
  const at = b.clock.now();
  await b.spool.update(record.id, (present) => afterDelivery(present, fates, at));
  return { id: record.id, octets: Buffer.concat(octets).toString("latin1"), at: new Date(at).toISOString() };
}

function afterDelivery(record: MessageRecord, fates: Readonly<Record<string, Fate>>, at: number): MessageRecord {
  const fateOf = ({ address: of }: Recipient): Fate => fates[of] ?? "queued";
  const attempts = (["relay", "exchange", "unconfirmed"] as const).flatMap((fate) => {
    const recipients = record.recipients.filter((one) => fateOf(one) === fate).map((one) => one.address);
    const destination = fate === "exchange" ? "exchange 10.0.0.5:25" : "relay strato";
    return recipients.length === 0 ? [] : [{ at, destination, recipients, text: fate }];
  });
  const reply = { code: 250, enhanced: undefined, text: "OK" };
  const recipients = record.recipients.map((one): Recipient => {
    const fate = fateOf(one);
    if (fate === "queued") return one;
    if (fate === "unconfirmed") return { ...one, unconfirmed: 1 };
    return { ...one, state: { kind: "delivered", at, reply } };
  });
  return { ...record, recipients, attempts };
}

/** Into the box: what the provider adds, `via` of servers on the way, and what came. */
function back(sent: Sent, recipient: string, via = "", message = sent.octets): Buffer {
  const provider =
    `Return-Path: <a@firma.example>\r\nEnvelope-To: ${recipient}\r\n` +
    "Received: from smtp.provider.example by mx.provider.example with ESMTPS id 7; Tue, 24 Nov 2026 08:00:00 +0000\r\n";
  return Buffer.from(provider + via + message, "latin1");
}

async function inbound(b: Bench): Promise<MessageRecord> {
  const found = (await b.spooled()).filter(({ record }) => record.direction === "inbound");
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`${found.length} messages came in`);
  return only.record;
}

async function arrives(b: Bench, octets: Buffer): Promise<string> {
  b.box.add(octets);
  expect(await b.poll()).toMatchObject({ kind: "done", fetched: 1, deleted: 1 });
  const { hold, recipients } = await inbound(b);
  return hold === undefined ? recipients.map((one) => one.address).join(" ") : hold.reason;
}

const forwarded = "Received: from mx.friend.example by smtp.friend.example with ESMTP id 3; now\r\n";
const listed = `${forwarded}List-Id: <club.lists.example>\r\n`;

describe("mail that popgate has relayed", () => {
  it("is held when it comes back for whom it was relayed, and the hold names it", async () => {
    const b = await bench();
    const sent = await send(b, { "info@firma.example": "relay", "x@kunde.example": "relay" });
    expect(await arrives(b, back(sent, "info@firma.example"))).toBe("loop");
    const { hold, edits, removed } = await inbound(b);
    expect(hold?.detail).toBe(
      `this is message ${sent.id}, which popgate itself relayed to info@firma.example (${sent.at}); it has come back`,
    );
    expect(removed.map(({ name }) => name)).toEqual(["Return-Path", "Envelope-To"]);
    expect(edits.prepend).toMatch(/^Received:/u);
    expect(b.heard("held")).toMatchObject([{ reason: "loop" }]);
  });

  it.each<[string, Readonly<Record<string, Fate>>, string, string, string]>([
    ["an alias at the provider", { "info@firma.example": "relay" }, "chef@firma.example", "", "loop"],
    ["the same recipient, by a list", { "info@firma.example": "relay" }, "info@firma.example", listed, "loop"],
    ["not confirmed by the relay", { "info@firma.example": "unconfirmed" }, "info@firma.example", "", "loop"],
    ["a list's copy to a colleague", { "club@lists.example": "relay" }, "b@firma.example", listed, "b@firma.example"],
    [
      "a list's copy to a colleague, of mail that went to an own address too",
      { "club@lists.example": "relay", "info@firma.example": "relay" },
      "b@firma.example",
      listed,
      "b@firma.example",
    ],
    ["forwarded by a friend", { "x@friend.example": "relay" }, "b@firma.example", forwarded, "b@firma.example"],
    [
      "forwarded by a friend with Resent-From, of mail that went to an own address too",
      { "x@friend.example": "relay", "info@firma.example": "relay" },
      "b@firma.example",
      `Resent-From: x@friend.example\r\n${forwarded}`,
      "b@firma.example",
    ],
    [
      "the list's copy to somebody whose own went to Exchange",
      { "club@lists.example": "relay", "b@firma.example": "exchange" },
      "b@firma.example",
      listed,
      "b@firma.example",
    ],
    [
      "the list's copy to somebody whose own still waits",
      { "club@lists.example": "relay", "b@firma.example": "queued" },
      "b@firma.example",
      "",
      "b@firma.example",
    ],
  ])("%s", async (_, fates, recipient, via, outcome) => {
    const b = await bench();
    expect(await arrives(b, back(await send(b, fates), recipient, via))).toBe(outcome);
  });

  it("is no list's mail for a field that it left with, nor resent for one", async () => {
    const b = await bench();
    const sent = await send(b, { "info@firma.example": "relay" }, `Resent-From: a@firma.example\r\n${original}`);
    expect(await arrives(b, back(sent, "chef@firma.example"))).toBe("loop");
  });

  it("is known by the address that an alias replaces", async () => {
    const b = await bench({
      policy: { ...collector, aliases: new Map([["info@firma.example" as never, [address("chef@firma.example")]]]) },
    });
    const sent = await send(b, { "info@firma.example": "relay" });
    expect(await arrives(b, back(sent, "info@firma.example", listed))).toBe("loop");
  });

  it("is recognised in a box of one person", async () => {
    const { limits, hostname } = collector;
    const policy = { kind: "mailbox", deliverTo: [address("chef@firma.example")], limits, hostname } as const;
    const b = await bench({ policy });
    const sent = await send(b, { "chef@firma.example": "relay" });
    expect(await arrives(b, back(sent, "x"))).toBe("loop");
  });

  it("is mail when nothing is known of it, when another has written the field, or when it came in by us", async () => {
    const b = await bench();
    const sent = await send(b, { "info@firma.example": "relay" });
    const unknown = sent.octets.replace(sent.id, "0000000000000B");
    expect(await arrives(b, back(sent, "info@firma.example", "", unknown))).toBe("info@firma.example");
    const foreign = await bench();
    const other = await send(foreign, { "info@firma.example": "relay" });
    const text = other.octets.replace("by gate.firma.example", "by gate.other.example");
    expect(await arrives(foreign, back(other, "info@firma.example", "", text))).toBe("info@firma.example");
    const fetched = await bench();
    const first = await send(fetched, { "info@firma.example": "relay" });
    const byPop3 = first.octets.replace("with ESMTPS", "with POP3S");
    expect(await arrives(fetched, back(first, "info@firma.example", "", byPop3))).toBe("info@firma.example");
  });
});

describe("deciding again", () => {
  async function resolve(b: Bench, id: MessageId, policy: EnvelopePolicy): Promise<Resolution[]> {
    const options = {
      spool: b.spool,
      clock: b.clock,
      events: { emit: () => undefined },
      policyOf: async () => policy,
      which: [id],
      dryRun: false,
      maxHeaderOctets: 100_000,
    };
    return Array.fromAsync(resolveHeld(options, never));
  }

  it("leaves what came back held, also when it was held for another reason before", async () => {
    const strict = { ...collector, sources: [{ ...collector.sources[0], name: "X-Original-To" }] } as typeof collector;
    for (const policy of [collector, strict]) {
      const b = await bench({ policy });
      const sent = await send(b, { "info@firma.example": "relay" });
      const before = await arrives(b, back(sent, "info@firma.example"));
      expect(before).toBe(policy === collector ? "loop" : "envelope-missing");
      const { id } = await inbound(b);
      expect(await resolve(b, id, collector)).toMatchObject([{ kind: "held", reason: "loop" }]);
      const { hold } = await inbound(b);
      expect(hold?.reason).toBe("loop");
      expect(hold?.detail).toContain(sent.id);
    }
  });

  it("lets it go once the message that went out is forgotten", async () => {
    const b = await bench();
    const sent = await send(b, { "info@firma.example": "relay" });
    expect(await arrives(b, back(sent, "info@firma.example"))).toBe("loop");
    const history = b.spool.history.bind(b.spool);
    b.spool.history = async (id) => (id === sent.id ? undefined : history(id));
    const { id } = await inbound(b);
    expect(await resolve(b, id, collector)).toMatchObject([{ kind: "released", recipients: ["info@firma.example"] }]);
  });
});
