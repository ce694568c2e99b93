/** What status, back pressure and the sweep are told of the relays. */
import { describe, expect, test } from "vitest";
import { relayWay } from "../../src/delivery/route.ts";
import { ScriptedTransport } from "./fixtures.ts";
import { down, minute, outboundWorld, trouble } from "./outbound-world.ts";

class Sized extends ScriptedTransport {
  readonly size: number | undefined;
  constructor(name: string, size: number | undefined) {
    super(undefined, `relay ${name}`);
    this.size = size;
  }
  maxOctets(): number | undefined {
    return this.size;
  }
}

const outside = "kunde@elsewhere.example";

describe("the largest message that any relay takes", () => {
  test.each<[string, (number | undefined)[], number | undefined]>([
    ["the larger one's", [10_000, 20_000], 20_000],
    ["unknown while one has not said", [10_000, undefined], undefined],
    ["unknown without relays", [], undefined],
  ])("%s", async (_, sizes, expected) => {
    const relays = sizes.map((size, n) => ({ name: `r${n}`, transport: new Sized(`r${n}`, size) }));
    await using world = await outboundWorld({ relays });
    expect(world.outbound.maxOctets()).toBe(expected);
  });
});

describe("trouble of all relays", () => {
  test("is none while one of them works, and none without relays", async () => {
    await using none = await outboundWorld({ relays: [] });
    expect(none.outbound.relayTrouble()).toBeUndefined();
    await using two = await outboundWorld({ relays: [{ name: "one", script: down }, { name: "two" }] });
    await two.add({ from: "a@firma.example", to: [outside] });
    await two.drain();
    expect(two.outbound.relayTrouble()).toBeUndefined();
  });

  test("names each with its cause, since the last of them failed", async () => {
    await using world = await outboundWorld({
      relays: [
        { name: "one", script: down },
        { name: "two", script: (transaction) => trouble(transaction, "auth") },
      ],
    });
    await world.add({ from: "a@firma.example", to: [outside] });
    await world.drain();
    const found = world.outbound.relayTrouble();
    expect(found?.detail).toMatch(/^one: .*refused.*; two: .*535/u);
    expect(found?.since).toBeLessThanOrEqual(world.clock.now());
  });
});

describe("where a recipient's mail would go", () => {
  test("to the first relay that can be used; to the first of all when none can", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", script: down }, { name: "two" }] });
    const id = await world.add({ from: "a@firma.example", to: [outside] });
    const record = await world.record(id);
    const [recipient] = record.recipients;
    if (recipient === undefined) throw new Error("nobody");
    const { outbound } = world;
    expect(outbound.destinationFor(record, recipient)).toBe("relay one");
    expect(outbound.hindranceOf(record, recipient)).toBeUndefined();
    const [one, two] = outbound.states().map(({ destination }) => destination);
    one?.stop(true);
    expect(outbound.destinationFor(record, recipient)).toBe("relay two");
    // One of its ways is open: nothing keeps it.
    expect(outbound.hindranceOf(record, recipient)).toBeUndefined();
    two?.stop(true);
    expect(outbound.destinationFor(record, recipient)).toBe("relay one");
    expect(outbound.hindranceOf(record, recipient)).toMatchObject({ cause: { kind: "internal" } });
  });

  test("nowhere when no relay is for its sender, and that is the sender's trouble", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one", senders: ["*@firma.example"] }] });
    const id = await world.add({ from: "a@shop.example", to: [outside] });
    const record = await world.record(id);
    const [recipient] = record.recipients;
    if (recipient === undefined) throw new Error("nobody");
    expect(world.outbound.destinationFor(record, recipient)).toBeUndefined();
    expect(world.outbound.hindranceOf(record, recipient)).toMatchObject({ account: "sender" });
    await world.drain();
    expect(await world.states(id)).toEqual({ [outside]: "queued" });
  });

  test("and nobody has to have been tried for that", async () => {
    await using world = await outboundWorld({ relays: [{ name: "one" }] });
    expect(world.outbound.lastDelivery()).toBeUndefined();
    await world.add({ from: "a@firma.example", to: [outside] });
    await world.clock.advance(minute);
    await world.drain();
    expect(world.outbound.lastDelivery()).toBe(world.clock.now());
    expect(relayWay("one")).toContain("one");
  });
});
