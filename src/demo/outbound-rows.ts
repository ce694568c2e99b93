/** What became of one outbound message, as the relays and Exchange's stand-in tell it, and whether that is right. */
import type { Inspection, Queue } from "../spool/port.ts";
import { bodyOf, composeDemo, demoKey } from "./messages.ts";
import type { OutboundDemoMessage } from "./outbound-messages.ts";
import type { ReceivedMessage } from "./received-message.ts";

export interface OutboundRow {
  readonly key: string;
  readonly shows: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly removed: readonly string[];
  /** What each relay took; a recipient stands as often as it was taken. */
  readonly relayed: readonly { readonly relay: "eins" | "zwei"; readonly recipients: readonly string[] }[];
  /** Of whom the sender has a failure report, with the status in it. */
  readonly reported: readonly { readonly recipient: string; readonly status: string }[];
  /** What was seen at the relay that must not be there. */
  readonly leaks: readonly string[];
  readonly bodyChanged: boolean;
  /** Reverse paths at the relay that are not the sender's. */
  readonly strangeSenders: readonly string[];
}

export interface Taken {
  readonly eins: readonly ReceivedMessage[];
  readonly zwei: readonly ReceivedMessage[];
  readonly exchange: readonly ReceivedMessage[];
}

export async function gatherOutboundRow(
  message: OutboundDemoMessage,
  spool: Queue & Inspection,
  taken: Taken,
): Promise<OutboundRow> {
  const [id] = await spool.byMessageIdField(`<${message.key}@demo.example>`);
  const record = id === undefined ? undefined : ((await spool.load(id)) ?? (await spool.history(id)));
  const relays = ["eins", "zwei"] as const;
  const mine = relays.map((relay) => ({
    relay,
    copies: taken[relay].filter(({ raw }) => demoKey(raw) === message.key),
  }));
  const copies = mine.flatMap((each) => each.copies);
  return {
    key: message.key,
    shows: message.shows,
    from: message.from,
    to: message.rcpt,
    removed: record?.removed.map(({ name }) => name) ?? [],
    relayed: mine
      .map(({ relay, copies: some }) => ({
        relay,
        recipients: some.flatMap(({ recipients }) => recipients).toSorted(),
      }))
      .filter(({ recipients }) => recipients.length > 0),
    reported: taken.exchange.flatMap((report) => reportsIn(report, message)),
    leaks: [...new Set(copies.flatMap(({ raw }) => leaksIn(raw, message)))],
    bodyChanged: copies.some(({ raw }) => bodyOf(raw) !== bodyOf(composeDemo(message))),
    strangeSenders: copies.map(({ reversePath }) => reversePath).filter((path) => path !== message.from),
  };
}

/** Failed recipients in a report of this message (RFC 3464 §2.3) that went to its sender. */
function reportsIn(
  { raw, reversePath, recipients }: ReceivedMessage,
  message: OutboundDemoMessage,
): OutboundRow["reported"] {
  const text = raw.toString("latin1");
  const isReport = reversePath === "" && text.includes("report-type=delivery-status");
  if (!isReport || !recipients.includes(message.from) || !text.includes(`<${message.key}@demo.example>`)) return [];
  return [...text.matchAll(/^Final-Recipient: rfc822; ?(\S+)\r\n(?:.+\r\n)*?Status: (\S+)/gimu)].map(
    ([, recipient = "", status = ""]) => ({ recipient, status }),
  );
}

/** Fields that must not go out, and people who were not to be seen. */
function leaksIn(raw: Buffer, { header, rcpt }: OutboundDemoMessage): string[] {
  const text = raw.toString("latin1");
  const sent = text.slice(0, text.indexOf("\r\n\r\n"));
  const visible = header.filter((line) => /^(?:to|cc):/iu.test(line)).join(" ");
  const fields = sent.match(/^(?:resent-)?bcc(?=:)/gimu) ?? [];
  return [...fields, ...rcpt.filter((address) => sent.includes(address) && !visible.includes(address))];
}

/** What is not as it must be, in words. */
export function checkOutboundRow({ must }: OutboundDemoMessage, row: OutboundRow): string[] {
  const faults: string[] = [];
  for (const relay of ["eins", "zwei"] as const) {
    const got = row.relayed.find((each) => each.relay === relay)?.recipients.join(" ") ?? "";
    const expected = must.relayed[relay].toSorted().join(" ");
    if (got !== expected) faults.push(`${relay} took it for "${got}", not for "${expected}"`);
  }
  const reported = row.reported.map(({ recipient }) => recipient).join(" ");
  if (reported !== must.reported.join(" ")) faults.push(`reported: "${reported}", not "${must.reported.join(" ")}"`);
  if (row.removed.join(" ") !== must.removed.join(" ")) faults.push(`removed: ${row.removed.join(", ") || "nothing"}`);
  if (row.leaks.length > 0) faults.push(`still to be seen at the provider: ${row.leaks.join(", ")}`);
  if (row.bodyChanged) faults.push("the body was changed");
  if (row.strangeSenders.length > 0) faults.push(`sent in the name of ${row.strangeSenders.join(", ")}`);
  return faults;
}
