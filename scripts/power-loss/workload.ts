/**
 * The process whose writes are recorded: a real spool, used as popgate uses it, which says on standard output what it has
 * acknowledged.
 *
 *   workload.ts DIR mail|upgrade safe|no-sync|early SEED MESSAGES
 *
 * `mail`: several writers take messages of all sizes with their ledger entries, deliver to some recipients, hold, drop and
 * end them; the spool is opened anew in between, and copied at the end. `upgrade`: the spool in DIR is of an older schema
 * version; the start changes it.
 *
 * `no-sync` and `early` are for proving that the check can fail: the store does not flush, or a message is acknowledged
 * before its commit.
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import path from "node:path";
import { mustAddress } from "../../src/core/address.ts";
import { parseAccountName } from "../../src/core/ids.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { Health } from "../../src/spool/health.ts";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { queuedRecipient, type MessageDraft, type MessageRecord, type Recipient } from "../../src/spool/record.ts";
import { openOn, openSpool, type OwnedSpool } from "../../src/spool/spool.ts";
import { Chance } from "../torture/chance.ts";
import { stateOf, type Mark } from "./mark.ts";
import { quiet, spoolOptions } from "./spool-options.ts";

const [root = "", work = "mail", safety = "safe", seed = "1", messages = "40"] = process.argv.slice(2);
const dir = path.join(root, "spool");
const chance = new Chance(Number(seed));
const box = parseAccountName("box");
if (box === undefined) throw new TypeError("box");
const account = box;
let number = 0;
let remembered = 0;

function mark(what: Mark): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}

async function open(): Promise<OwnedSpool> {
  const ports = { clock: systemClock, random: chance, events: quiet };
  const options = spoolOptions(dir);
  if (safety !== "no-sync") return openSpool(options, ports);
  return openOn(openLmdbStore({ dir, unsafeNoSync: true }), new Health(dir, options, ports), options, ports);
}

/** Octets that no other message has. */
function bodyOf(size: number, uidl: string): Buffer {
  const body = Buffer.alloc(size, `line of ${uidl} ${chance.next()}\r\n`);
  for (let at = 0; at + 4 <= size; at += 512) body.writeUInt32LE(Math.floor(chance.next() * 2 ** 32), at);
  return body;
}

function draftOf(uidl: string): MessageDraft {
  const now = systemClock.now();
  const recipients = Array.from({ length: chance.whole(1, 3) }, (_, n) =>
    queuedRecipient(mustAddress(`${n}-${uidl}@firma.example`), now),
  );
  const held = chance.next() < 0.1;
  return {
    direction: chance.next() < 0.3 ? "outbound" : "inbound",
    origin: { kind: "pop3", account, uidl },
    reversePath: { kind: "address", address: mustAddress("sender@elsewhere.example") },
    recipients: held ? [] : recipients,
    hold: held ? { reason: "envelope-missing", detail: "no field", since: now } : undefined,
    edits: { prepend: "", cuts: [] },
    removed: [],
    evidence: undefined,
    summary: { messageId: `<${uidl}@elsewhere.example>`, from: "sender@elsewhere.example", subject: uidl, date: "" },
    traits: { eightBit: false, eightBitHeader: false, longLines: false },
    contentDigest: createHash("sha256").update(uidl).digest("hex"),
  };
}

async function take(spool: OwnedSpool): Promise<void> {
  number += 1;
  const uidl = `u${number}`;
  const body = bodyOf(chance.pick([200, 2000, 3900, 9000, 40_000, 70_000, 140_000]), uidl);
  const digest = createHash("sha256").update(body).digest("hex");
  const draft = draftOf(uidl);
  const now = systemClock.now();
  const entry = { uidl, listSize: body.length, contentDigest: draft.contentDigest, recipientsKey: "", fetchedAt: now };
  const ledger = { ...entry, state: "present" as const, since: now, skipped: undefined, failures: 0 };
  await using ingest = spool.begin();
  for (let at = 0; at < body.length; at += 16_384) await ingest.write(Buffer.from(body.subarray(at, at + 16_384)));
  const taken: Mark = { kind: "taken", id: ingest.id, digest, state: stateOf(draft), uidl };
  if (safety === "early") mark(taken);
  await ingest.commit(draft, { account, entry: ledger }, { onceFor: "content-and-recipient" });
  if (safety !== "early") mark(taken);
  while (chance.next() < 0.6) await change(spool, ingest.id);
}

async function change(spool: OwnedSpool, id: MessageRecord["id"]): Promise<void> {
  const present = await spool.load(id);
  if (present === undefined) return;
  const next = await spool.update(id, (record) => {
    const after = changed(record);
    mark({ kind: "changing", id, state: stateOf(after) });
    return after;
  });
  mark({ kind: "changed", id, state: stateOf(next) });
}

function changed(record: MessageRecord): MessageRecord {
  const at = systemClock.now();
  const reply = { code: 250, enhanced: "2.0.0", text: "taken" };
  const whole = chance.next() < 0.4;
  const recipients = record.recipients.map((one): Recipient => {
    const { kind } = one.state;
    if ((kind !== "queued" && kind !== "held") || (!whole && chance.next() < 0.5)) return one;
    const state = chance.weighted<{ weight: number; state: Recipient["state"] }>([
      { weight: 4, state: { kind: "delivered", at, reply } },
      { weight: 1, state: { kind: "dropped", at, by: "workload" } },
      { weight: whole ? 0 : 2, state: { kind: "queued", nextAttemptAt: at + 60_000, attempts: 1 } },
      {
        weight: whole ? 0 : 1,
        state: { kind: "held", attempts: 1, hold: { reason: "refused", detail: "550", since: at } },
      },
    ]);
    return { ...one, state: state.state };
  });
  const hold = record.recipients.length === 0 && whole ? undefined : record.hold;
  return { ...record, recipients, hold };
}

async function remember(spool: OwnedSpool): Promise<void> {
  remembered += 1;
  mark({ kind: "remembering", value: remembered });
  await spool.putState(account, { value: remembered });
  mark({ kind: "remembered", value: remembered });
}

async function writers(spool: OwnedSpool, count: number, each: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      for (let n = 0; n < each; n++) await take(spool);
    }),
  );
}

async function mail(count: number): Promise<void> {
  {
    await using spool = await open();
    mark({ kind: "opened" });
    for (let n = 0; n < count / 4; n++) {
      await take(spool);
      if (n % 3 === 0) await remember(spool);
    }
  }
  await using spool = await open();
  for (const together of [2, 6]) {
    await writers(spool, together, Math.ceil((count * 3) / 8 / together));
    await remember(spool);
    await spool.maintain();
  }
  await spool.backup(path.join(root, "copy"));
  mark({ kind: "copied", dir: "copy" });
  await take(spool);
}

async function upgrade(): Promise<void> {
  await using spool = await open();
  mark({ kind: "opened" });
  mark({ kind: "copied", dir: "spool/before-schema-2" });
  for (let n = 0; n < 5; n++) await take(spool);
}

if (work === "upgrade") await upgrade();
else await mail(Number(messages));
