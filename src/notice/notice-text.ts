/**
 * What a notice to the postmaster says: troubles, counts by reason, and the first of what is held one by one. Pure.
 *
 * Free text comes from senders and servers: each piece stays on its line, is cut, and holds no control characters.
 */
import type { HoldReason } from "../core/hold.ts";
import type { EpochMs } from "../core/ports.ts";
import { noticeWords, type NoticeLanguage } from "./notice-words.ts";
import type { Trouble } from "./troubles.ts";

/** One held message or recipient, as it is told. */
export interface NoticeItem {
  readonly id: string;
  readonly account: string;
  readonly from: string;
  readonly subject: string;
  readonly receivedAt: EpochMs;
  /** `undefined`: the message as a whole. */
  readonly recipient: string | undefined;
  readonly reason: HoldReason;
  readonly detail: string;
}

export interface NoticeContent {
  readonly hostname: string;
  /** Held messages, in all. */
  readonly messages: number;
  /** Holds by reason, all of them. */
  readonly counts: ReadonlyMap<HoldReason, number>;
  /** The holds that are told one by one. */
  readonly items: readonly NoticeItem[];
  readonly troubles: readonly Trouble[];
  /** Troubles of which only the number is known. */
  readonly moreTroubles: number;
}

/** So many troubles are listed; of the others there is only their number. */
const troublesAtMost = 50;
const longestField = 200;
const longestDetail = 500;

export function noticeSubject(language: NoticeLanguage, { messages, troubles }: NoticeContent): string {
  const { subject } = noticeWords[language];
  if (messages > 0) return subject.messages(messages);
  return troubles.some(({ account }) => account !== "") ? subject.account : subject.spool;
}

/** Plain text, lines ended by LF. */
export function noticeText(language: NoticeLanguage, content: NoticeContent): string {
  const words = noticeWords[language];
  const held = [...content.counts.values()].reduce((sum, count) => sum + count, 0);
  const lines = [words.opening(plain(content.hostname)), words.safe, "", ...troubleLines(language, content)];
  if (held > 0) {
    lines.push(words.counts);
    for (const [reason, count] of content.counts) lines.push(`  ${count} × ${reason}`);
    lines.push("");
  }
  for (const item of content.items) lines.push(...itemLines(language, item), "");
  if (held > content.items.length) lines.push(words.more(held - content.items.length), "");
  lines.push(words.closing);
  return `${lines.join("\n")}\n`;
}

function troubleLines(language: NoticeLanguage, { troubles, moreTroubles }: NoticeContent): string[] {
  const words = noticeWords[language];
  const more = moreTroubles + Math.max(0, troubles.length - troublesAtMost);
  if (troubles.length + more === 0) return [];
  const lines = troubles
    .slice(0, troublesAtMost)
    .flatMap(({ kind, account, detail, since }) => [
      `  ${time(since)}${account === "" ? "" : ` ${plain(account)}`}: ${words.trouble[kind]}`,
      `    ${plain(detail, longestDetail)}`,
    ]);
  return [words.troubles, ...lines, ...(more > 0 ? [`  ${words.more(more)}`] : []), ""];
}

function itemLines(language: NoticeLanguage, item: NoticeItem): string[] {
  const words = noticeWords[language];
  const { meaning, remedy } = words.holds[item.reason];
  return [
    item.id,
    ...(item.account === "" ? [] : [`  ${words.account}: ${plain(item.account)}`]),
    `  ${words.from}: ${plain(item.from)}`,
    `  ${words.subjectField}: ${plain(item.subject)}`,
    `  ${words.received}: ${time(item.receivedAt)}`,
    ...(item.recipient === undefined ? [] : [`  ${words.recipient}: ${plain(item.recipient)}`]),
    `  ${words.reason}: ${item.reason}. ${meaning} (${plain(item.detail, longestDetail)})`,
    `  ${words.todo}: ${remedy}`,
  ];
}

function time(at: EpochMs): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** On one line, cut, and without anything that could begin a line or steer a terminal. */
function plain(text: string, most: number = longestField): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed();
}
