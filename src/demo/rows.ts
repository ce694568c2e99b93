/** What became of one message of the demonstration, as the spool and Exchange's stand-in tell it, and whether that is right. */
import type { Inspection, Queue } from "../spool/port.ts";
import type { MessageRecord } from "../spool/record.ts";
import { bodyOf, composeDemo, demoKey, type DemoMessage } from "./messages.ts";
import type { ReceivedMessage } from "./received-message.ts";

export interface DemoRow {
  readonly key: string;
  readonly shows: string;
  /** Recipients found, by local part. */
  readonly found: readonly string[];
  readonly evidence: readonly string[];
  readonly removed: readonly string[];
  /** Whom Exchange has taken it for; a name stands as often as it was taken. */
  readonly delivered: readonly string[];
  readonly held: readonly { readonly reason: string; readonly detail: string }[];
  /** What was seen in the header at Exchange that must not be there. */
  readonly leaks: readonly string[];
  /** The body at Exchange is not the one that was sent. */
  readonly bodyChanged: boolean;
}

const local = (address: string): string => address.split("@")[0] ?? address;

export async function gatherRow(
  message: DemoMessage,
  spool: Queue & Inspection,
  taken: readonly ReceivedMessage[],
): Promise<DemoRow> {
  const records: MessageRecord[] = [];
  for (const id of await spool.byMessageIdField(`<${message.key}@demo.example>`)) {
    const record = (await spool.load(id)) ?? (await spool.history(id));
    if (record !== undefined) records.push(record);
  }
  records.reverse();
  const mine = taken.filter(({ raw }) => demoKey(raw) === message.key);
  return {
    key: message.key,
    shows: message.shows,
    found: records.flatMap(({ recipients }) => recipients.map(({ address }) => local(address))),
    evidence: [...new Set(records.map(evidenceOf))],
    removed: [...new Set(records.flatMap(({ removed }) => removed.map(({ name }) => name)))],
    delivered: mine.flatMap(({ recipients }) => recipients.map(local)).toSorted(),
    held: records.flatMap(holdsOf),
    leaks: [...new Set(mine.flatMap(({ raw }) => leaksIn(raw, message)))],
    bodyChanged: mine.some(({ raw }) => bodyOf(raw) !== bodyOf(composeDemo(message))),
  };
}

function evidenceOf({ evidence }: MessageRecord): string {
  const used = evidence?.used;
  return used === undefined ? "nothing that counts" : `${used.field || used.source}: ${used.value}`;
}

function holdsOf({ hold, recipients }: MessageRecord): { reason: string; detail: string }[] {
  const whole = hold === undefined ? [] : [{ reason: hold.reason, detail: hold.detail }];
  const parts = recipients.flatMap(({ address, state }) =>
    state.kind === "held" ? [{ reason: state.hold.reason, detail: `${local(address)}: ${state.hold.detail}` }] : [],
  );
  return [...whole, ...parts];
}

/** Envelope fields, and people of ours who were not to be seen. */
function leaksIn(raw: Buffer, message: DemoMessage): string[] {
  const text = raw.toString("latin1");
  const header = text.slice(0, text.indexOf("\r\n\r\n"));
  const fields = header.match(/^(?:x-)?(?:envelope-to|original-to|delivered-to|bcc|return-path)(?=:)/gimu) ?? [];
  const visible = message.header
    .filter((line) => /^(?:to|cc):/iu.test(line))
    .join(" ")
    .toLowerCase();
  const people = ["anna", "bernd", "chef", "nobody", "verkauf"].filter(
    (name) => header.toLowerCase().includes(`${name}@firma.example`) && !visible.includes(`${name}@firma.example`),
  );
  return [...fields, ...people];
}

/** What is not as it must be, in words. */
export function checkRow({ must }: DemoMessage, row: DemoRow): string[] {
  const faults: string[] = [];
  const expected = must.delivered.toSorted().join(" ");
  if (row.delivered.join(" ") !== expected)
    faults.push(`delivered to "${row.delivered.join(" ")}", not to "${expected}"`);
  const reasons = row.held.map(({ reason }) => reason).join(" ");
  if (reasons !== must.held.join(" ")) faults.push(`held for "${reasons}", not for "${must.held.join(" ")}"`);
  for (const name of must.removed) if (!row.removed.includes(name)) faults.push(`${name} was not removed`);
  if (row.leaks.length > 0) faults.push(`still to be seen at Exchange: ${row.leaks.join(", ")}`);
  if (row.bodyChanged) faults.push("the body was changed");
  return faults;
}
