/** What a person's acts make of outbound mail: its owed reports, and what its sender wished to be told. */
import { describe, expect, it } from "vitest";
import { mustAddress, type Address } from "../../src/core/address.ts";
import { isEnded, nextDue, type DsnWishes, type MessageRecord, type OwedReport } from "../../src/spool/record.ts";
import { drop, holdRecipients, redirect, release, retryNow } from "../../src/spool/transitions.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";
import { EventList, draft, octets, seededRandom, stored } from "./support.ts";

const [a, b, other] = ["a@x.example", "b@x.example", "other@x.example"].map((text) => mustAddress(text)) as [
  Address,
  Address,
  Address,
];
const act = { by: "the administrator", at: 5000 };
const cause = { kind: "internal", message: "no" } as const;
const bounced = { kind: "bounced", at: 1, cause } as const;
const heldBack = { kind: "held", hold: { reason: "sender-refused", detail: "", since: 1 }, attempts: 7 } as const;
const owed: readonly OwedReport[] = [{ kind: "failed", recipients: [a], since: 1 }];

function record(changes: Partial<MessageRecord> = {}): MessageRecord {
  return {
    ...draft({ to: ["a@x.example", "b@x.example"] }),
    direction: "outbound",
    version: 1,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any text will do
    id: "00000000000000" as MessageRecord["id"],
    receivedAt: 0,
    size: 0,
    digest: "",
    attempts: [],
    noticedAt: undefined,
    ...changes,
  };
}

/** The first has bounced, and the sender is owed the report; the second waits, or whatever is given. */
function half(second?: MessageRecord["recipients"][number]["state"]): MessageRecord {
  const { recipients } = record();
  const [first, last] = recipients;
  if (first === undefined || last === undefined) throw new Error("two recipients");
  return record({
    recipients: [{ ...first, state: bounced }, second === undefined ? last : { ...last, state: second }],
    owed,
  });
}

describe("a report that is owed", () => {
  it.each([
    ["drop", (one: MessageRecord) => drop(one, "all", act)],
    ["hold", (one: MessageRecord) => holdRecipients(one, "all", { ...heldBack.hold, since: 9 }, act.by)],
    ["retryNow", (one: MessageRecord) => retryNow(one, "all", act)],
    ["redirect", (one: MessageRecord) => redirect(one, "all", other, act)],
  ])("stays owed: %s", (_, change) => {
    const after = change(half());
    expect(after.owed).toBe(owed);
    expect(after.recipients[0]?.state).toBe(bounced);
    expect(isEnded(after)).toBe(false);
  });

  it("keeps the message, and nothing else of it is due, when all the rest is dropped", () => {
    const after = drop(half(), "all", act);
    expect(nextDue(after)).toBeUndefined();
    expect(isEnded(after)).toBe(false);
    expect(isEnded({ ...after, owed: [] })).toBe(true);
    // Nobody can drop the report itself.
    expect(drop(after, "all", act)).toBe(after);
  });

  it("keeps the body, too, until it is made", async () => {
    const clock = new ManualClock();
    const ports = { clock, events: new EventList(), random: seededRandom() };
    await using spool = await openMemorySpool(ports);
    const { id } = await stored(spool, octets(10), { ...draft({ to: ["a@x.example"] }), direction: "outbound" });
    await spool.update(id, (present) => ({
      ...present,
      recipients: present.recipients.map((one) => ({ ...one, state: heldBack })),
      owed: [{ kind: "delayed", recipients: [a], since: 1 }],
    }));
    await spool.update(id, (present) => drop(present, "all", act));
    expect(await spool.owed(undefined, 10)).toEqual([id]);
    expect(Buffer.concat(await Array.fromAsync(spool.body(id)))).toEqual(octets(10));
    await spool.update(id, (present) => ({ ...present, owed: [] }));
    expect(await spool.history(id)).toBeDefined();
  });
});

describe("a release", () => {
  it("starts anew, and what has been told of delay stays told", () => {
    const before = half(heldBack);
    const recipients = before.recipients.map((one) => ({ ...one, delayNoticeAt: 77 }));
    const after = release({ ...before, recipients }, [b], act);
    expect(after).toMatchObject({ queuedSince: 5000, owed });
    expect(after.recipients[1]).toMatchObject({
      state: { kind: "queued", nextAttemptAt: 5000, attempts: 0 },
      delayNoticeAt: 77,
    });
    expect(after.recipients[0]?.state).toBe(bounced);
  });
});

describe("a redirect", () => {
  const wishes: DsnWishes = { notify: ["SUCCESS", "FAILURE"], orcpt: "rfc822;first@x.example" };
  const to = (dsn: DsnWishes | undefined, changes: Partial<MessageRecord> = {}): DsnWishes | undefined => {
    const [first] = record().recipients;
    if (first === undefined) throw new Error("a recipient");
    const before = record({ recipients: [{ ...first, dsn }], ...changes });
    return redirect(before, "all", other, act).recipients.find(({ address }) => address === other)?.dsn;
  };

  it("takes the sender's wishes over, and reports go on to name whom the sender wrote to", () => {
    expect(to(wishes)).toEqual(wishes);
    expect(to({ notify: ["NEVER"], orcpt: undefined })).toEqual({ notify: ["NEVER"], orcpt: "rfc822;a@x.example" });
    expect(to(undefined)).toEqual({ notify: [], orcpt: "rfc822;a@x.example" });
    const utf8 = record({ recipients: record({ ...draft({ to: ["jürgen@x.example"] }) }).recipients });
    expect(redirect(utf8, "all", other, act).recipients[1]?.dsn?.orcpt).toBe("utf-8;jürgen@x.example");
  });

  it("of inbound mail has no such wishes", () => {
    expect(to(undefined, { direction: "inbound" })).toBeUndefined();
  });
});
