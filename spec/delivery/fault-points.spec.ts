import { describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import { createOverdueSweep } from "../../src/delivery/overdue-sweep.ts";
import { createStrandedMail } from "../../src/delivery/stranded-mail.ts";
import { verifyStore } from "../../src/spool/verify.ts";
import { FaultyStore, noFaults, type FaultPlan } from "../fakes/faulty-store.ts";
import { all, delivered, replied, ScriptedTransport, type Script } from "./fixtures.ts";
import { minute, outboundWorld, type OutboundWorld } from "./outbound-world.ts";

const hour = 60 * minute;
const firstTime = new Set(["b@x.example"]);

/** Counts who has taken what: a transaction whose body did not come to its end is none. */
class Tally {
  readonly taken = new Map<string, number>();

  /** `firstFails`: recipients that are put off the first time. */
  script(firstFails: ReadonlySet<string>): Script {
    const seen = new Set<string>();
    return (transaction) => {
      const outcomes = transaction.recipients.map((recipient) => {
        const key = `${transaction.message} ${recipient}`;
        if (firstFails.has(recipient) && !seen.has(key)) {
          seen.add(key);
          return { recipient, outcome: replied("deferred", 451, "4.3.0") };
        }
        return { recipient, outcome: delivered };
      });
      return { outcomes };
    };
  }

  note(message: MessageId, recipient: string): void {
    const key = `${message} ${recipient}`;
    this.taken.set(key, (this.taken.get(key) ?? 0) + 1);
  }
}

/** As a server that answers by the script, and counts what it has answered 250 to. */
class CountingTransport extends ScriptedTransport {
  readonly #tally: Tally;
  constructor(name: string, tally: Tally, firstFails: ReadonlySet<string>) {
    super(tally.script(firstFails), name);
    this.#tally = tally;
  }

  override async deliver(...[transaction]: Parameters<ScriptedTransport["deliver"]>) {
    const result = await super.deliver(transaction);
    if (result.bodyError !== undefined) {
      const cause = { kind: "internal", message: "the body could not be read" } as const;
      return { ...result, ...all(transaction, { kind: "deferred", cause }) };
    }
    for (const { recipient, outcome } of result.outcomes)
      if (outcome.kind === "delivered") this.#tally.note(transaction.message, recipient);
    return result;
  }
}

interface Day {
  readonly calls: number;
  readonly faults: number;
}

/** Outbound mail on two ways, with an allowance that is kept in the spool, and the two sweeps beside it. */
async function dayWithFault(plan: FaultPlan): Promise<Day> {
  const tally = new Tally();
  let faulty: FaultyStore | undefined;
  await using world = await outboundWorld({
    relays: [
      {
        name: "main",
        transport: new CountingTransport("relay main", tally, firstTime),
        senders: ["*@firma.example"],
        rates: [{ messages: 100, perMs: hour }],
      },
      { name: "other", transport: new CountingTransport("relay other", tally, firstTime), senders: ["*@shop.example"] },
    ],
    between: (store) => (faulty = new FaultyStore(store)),
  });
  if (faulty === undefined) throw new Error("no store");
  const ids = [
    await world.add({ from: "chef@firma.example", to: ["a@x.example", "b@x.example"] }),
    await world.add({ from: "info@shop.example", to: ["c@x.example", "b@x.example"] }),
    await world.add({ from: "chef@firma.example", to: ["d@x.example"], size: 300_000 }),
  ];
  const begun = faulty.calls;
  faulty.plan = (call, number) => plan(call, number - begun);

  const stop = new AbortController();
  const running = [world.outbound.run(stop.signal), ...sweeps(world).map(async (sweep) => sweep.run(stop.signal))];
  await world.clock.advance(2 * minute);
  const calls = faulty.calls - begun;
  faulty.plan = noFaults;
  // What was put off, what waits for the disk, and a message that we failed at ourselves: all come within a quarter of an hour.
  await world.clock.advance(15 * minute);
  stop.abort();
  await Promise.all(running);

  const held = await heldAsDamaged(world, ids);
  for (const [n, recipients] of [
    ["a@x.example", "b@x.example"],
    ["c@x.example", "b@x.example"],
    ["d@x.example"],
  ].entries())
    for (const recipient of recipients) {
      const key = `${ids[n] ?? ""} ${recipient}`;
      // Exactly once; or, since its octets could not be read, not at all, and a person is told.
      expect([recipient, tally.taken.get(key) ?? 0]).toEqual([recipient, held.has(key) ? 0 : 1]);
    }
  for (const id of ids) expect(world.outbound.isUnderWay(id)).toBe(false);
  expect(await verifyStore(world.store)).toMatchObject({ faults: [], setAside: 0 });
  return { calls, faults: faulty.faults };
}

function sweeps({ spool, clock, events, outbound }: OutboundWorld) {
  const ports = { spool, clock, events: { emit: (event: (typeof events)[number]) => void events.push(event) } };
  return [
    createStrandedMail({ ...ports, longestPauseMs: hour }),
    createOverdueSweep({
      ...ports,
      rules: { delayNoticeMs: 1, giveUpMs: 5 * 24 * hour },
      isUnderWay: (id) => outbound.isUnderWay(id),
      hindranceOf: (record, recipient) => outbound.hindranceOf(record, recipient),
    }),
  ];
}

/** Who waits for a person, with the reason that the octets could not be read. */
async function heldAsDamaged(world: OutboundWorld, ids: readonly MessageId[]): Promise<ReadonlySet<string>> {
  const held = new Set<string>();
  for (const id of ids)
    for (const { address, state } of (await world.record(id)).recipients) {
      expect(["delivered", "held"]).toContain(state.kind);
      if (state.kind !== "held") continue;
      expect(state.hold.reason).toBe("damaged");
      held.add(`${id} ${address}`);
    }
  return held;
}

describe("delivery on a store that fails", () => {
  it("at no call: everything is taken once", async () => {
    const { calls, faults } = await dayWithFault(noFaults);
    expect(faults).toBe(0);
    expect(calls).toBeGreaterThan(20);
  });

  it("once, at each of its calls in turn: everything is taken once, or held and told of", async () => {
    const { calls } = await dayWithFault(noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults } = await dayWithFault((_, number) => (number === at ? "fails" : "works"));
      expect({ at, faults }).toEqual({ at, faults: 1 });
    }
  });

  it("from each of its commits on, for minutes: an outcome is kept until it can be written down", async () => {
    const commits: number[] = [];
    await dayWithFault((call, number) => {
      if (call === "commit") commits.push(number);
      return "works";
    });
    expect(commits.length).toBeGreaterThan(5);
    for (const at of commits) {
      const { faults } = await dayWithFault((call, number) => (call === "commit" && number >= at ? "fails" : "works"));
      expect({ at, hasFailed: faults > 0 }).toEqual({ at, hasFailed: true });
    }
  });

  it("by what no store may throw, at each of its calls in turn: the same", async () => {
    const { calls } = await dayWithFault(noFaults);
    for (let at = 1; at <= calls; at++) {
      const { faults } = await dayWithFault((_, number) => (number === at ? "breaks" : "works"));
      expect({ at, faults }).toEqual({ at, faults: 1 });
    }
  });
});
