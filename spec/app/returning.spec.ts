/** An administrator returns outbound mail to its sender: from the act to the report, on a spool in memory. */
import { describe, expect, test } from "vitest";
import { actOn } from "../../src/app/message-actions.ts";
import { mustAddress, nullReversePath } from "../../src/core/address.ts";
import { queuedRecipient, type DsnWishes, type MessageRecord, type Recipient } from "../../src/spool/record.ts";
import { anna, at, makeWorld, never, owing, readReport, refusedConnection, type World } from "../report/fixtures.ts";

const act = { action: "bounce" } as const;

function waiting(address: string, more: Partial<Recipient> = {}): Recipient {
  return { ...queuedRecipient(mustAddress(address), at + 60_000), ...more };
}

function notify(...wishes: DsnWishes["notify"]): DsnWishes {
  return { notify: wishes, orcpt: undefined };
}

async function sent(world: World, to: readonly Recipient[], more: Parameters<World["send"]>[0] = {}): Promise<string> {
  return world.send({ to, owed: [], ...more });
}

async function bounce(world: World, id: string, recipients?: [string, ...string[]]) {
  const ports = { spool: world.spool, clock: world.clock, events: { emit: (e: never) => void world.events.push(e) } };
  return actOn([id], recipients === undefined ? act : { ...act, recipients }, "local:otto", ports);
}

describe("outbound mail", () => {
  test("that waits is bounced, the sender is told once, and it ends", async () => {
    const world = await makeWorld();
    const id = await sent(world, [
      waiting("kunde@else.example", { lastCause: refusedConnection }),
      waiting("neu@else.example"),
    ]);
    expect(await bounce(world, id)).toMatchObject([{ id, kind: "done", detail: "returned to its sender" }]);
    expect(world.events).toContainEqual({
      kind: "returned",
      message: id,
      account: undefined,
      by: "local:otto",
      recipients: ["kunde@else.example", "neu@else.example"],
    });
    expect(await world.desk().tick(never)).toBe(1);
    const [report] = await world.reports();
    const { status, text } = await readReport(report?.raw ?? Buffer.alloc(0));
    expect(status.slice(1)).toMatchObject([
      { "Final-Recipient": "rfc822; kunde@else.example", Action: "failed", Status: "5.4.1" },
      { "Final-Recipient": "rfc822; neu@else.example", Action: "failed", Status: "5.0.0" },
    ]);
    expect(text).toContain("An administrator returned the message without delivering it.");
    // Who it was is no business of the sender.
    expect(report?.raw.toString()).not.toContain("otto");
    const [past] = await bounce(world, id);
    expect(past).toMatchObject({ kind: "refused", detail: "it has ended already" });
    expect(past?.message?.recipients.map(({ state }) => state)).toEqual(["bounced", "bounced"]);
  });

  test("of which one recipient is named: the others wait on, and what has been delivered stays so", async () => {
    const world = await makeWorld();
    const reply = { code: 250, enhanced: undefined, text: "ok" };
    const id = await sent(world, [
      waiting("hatte@else.example", { state: { kind: "delivered", at, reply } }),
      waiting("weg@else.example"),
      waiting("kunde@else.example"),
    ]);
    expect(await bounce(world, id, ["WEG@else.example", "hatte@else.example"])).toMatchObject([{ kind: "done" }]);
    const record = await loaded(world, id);
    expect(record.recipients.map(({ state }) => state.kind)).toEqual(["delivered", "bounced", "queued"]);
    expect(record.owed).toEqual([{ ...owing("failed", "weg@else.example"), since: world.clock.now() }]);
    expect(record.attempts.at(-1)).toMatchObject({
      destination: "",
      recipients: ["weg@else.example"],
      text: "returned to the sender by local:otto",
    });
  });

  test("that was held bounces as well, and a delay is news no more", async () => {
    const world = await makeWorld();
    const hold = { reason: "by-administrator", detail: "", since: at } as const;
    const id = await sent(world, [waiting("kunde@else.example", { state: { kind: "held", hold, attempts: 1 } })], {
      owed: [owing("delayed", "kunde@else.example")],
    });
    await bounce(world, id);
    expect((await loaded(world, id)).owed).toMatchObject([{ kind: "failed", recipients: ["kunde@else.example"] }]);
  });

  test("whose sender wishes to hear nothing bounces without a report", async () => {
    const world = await makeWorld();
    const id = await sent(world, [waiting("kunde@else.example", { dsn: notify("NEVER") })]);
    expect(await bounce(world, id)).toMatchObject([{ kind: "done", message: { state: "ended" } }]);
    expect(await world.desk().tick(never)).toBe(0);
  });
});

describe("refused, and left as it is", () => {
  test.each([
    ["mail with the null sender", { from: nullReversePath }, "no sender who could be told"],
    ["inbound mail", { from: anna, draft: { direction: "inbound" } }, "may be forged"],
  ] as const)("%s", async (_, more, words) => {
    const world = await makeWorld();
    const id = await sent(world, [waiting("kunde@else.example")], more);
    const before = await loaded(world, id);
    const [result] = await bounce(world, id);
    expect(result?.kind).toBe("refused");
    expect(result?.detail).toContain(words);
    expect(await loaded(world, id)).toEqual(before);
  });

  test("a recipient that is not there changes nothing", async () => {
    const world = await makeWorld();
    const id = await sent(world, [waiting("kunde@else.example")]);
    expect(await bounce(world, id, ["nobody@else.example"])).toMatchObject([{ kind: "unchanged" }]);
  });
});

async function loaded(world: World, id: string): Promise<MessageRecord> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an id that the spool has given
  const record = await world.spool.load(id as MessageRecord["id"]);
  if (record === undefined) throw new Error(`${id} is not there`);
  return record;
}
