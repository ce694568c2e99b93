/**
 * The part of a report that people read: what happened, to whom it did, why in plain words, the server's own words, and
 * what the reader can do. Pure.
 *
 * Texts of senders and servers stay on lines of their own, indented, cut, and without control characters. Recipients who
 * fared alike are told of together, and only so many groups are written out: the machine's part names all of them.
 */
import { causeText, type Cause, type SmtpReply } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import { englishReport } from "./english-report.ts";
import { germanReport } from "./german-report.ts";
import { plain } from "./plain.ts";
import { isForTheLogAlone, reasonOf } from "./reason.ts";
import type { OriginalFacts, RecipientFacts, ReportKind, ReportLanguage } from "./report-facts.ts";
import type { ReportWords } from "./report-words.ts";

export interface HumanFacts {
  readonly kind: ReportKind;
  readonly hostname: string;
  readonly postmaster: string;
  /** Of the times, IANA name. */
  readonly timeZone: string;
  readonly original: OriginalFacts;
  readonly recipients: readonly RecipientFacts[];
  /** What of the original is attached. */
  readonly returned: "headers" | "message" | "none";
}

const longestSubject = 200;
const longestAnswer = 500;
const answerLines = 10;
const groupsAtMost = 100;
const namesAtMost = 200;

/** In this order; the first one names the sender of the report. */
export function wordsOf(language: ReportLanguage): readonly [ReportWords, ...ReportWords[]] {
  switch (language) {
    case "de":
      return [germanReport];
    case "en":
      return [englishReport];
    case "both":
      return [germanReport, englishReport];
  }
}

/** The report's subject line, not yet encoded. */
export function reportSubject(language: ReportLanguage, kind: ReportKind, original: OriginalFacts): string {
  const words = wordsOf(language);
  const title = words.map(({ subject }) => subject[kind]).join(" / ");
  if (original.confidential) return title;
  const subject = plain(original.subject, longestSubject);
  return `${title}: ${subject === "" ? words[0].noSubject : subject}`;
}

/** Plain text, lines ended by LF. */
export function humanText(language: ReportLanguage, facts: HumanFacts): string {
  const texts = wordsOf(language).map((words) => textIn(words, facts));
  return texts.join(`\n${"-".repeat(60)}\n\n`);
}

function textIn(words: ReportWords, facts: HumanFacts): string {
  const { kind, original, recipients, returned } = facts;
  const time = (at: EpochMs): string => timeIn(words.locale, facts.timeZone, at);
  const others = original.recipients - recipients.length;
  const tail = [others > 0 ? words.others(others) : "", words.returned[returned], words.help(facts.postmaster)];
  const lines = [
    words.opening[kind](recipients.length),
    words.outlook[kind](kind === "delayed" ? time(original.until) : ""),
    "",
    ...(original.confidential ? [] : [`${words.subjectField}: ${plain(original.subject, longestSubject)}`]),
    `${words.sent}: ${time(original.receivedAt)}`,
    "",
    ...groupLines(words, facts),
    ...tail.filter((line) => line !== ""),
    words.id(original.id, facts.hostname),
  ];
  return `${lines.join("\n")}\n`;
}

/** Recipients with the same words below them, in the order of their first. */
function groupLines(words: ReportWords, facts: HumanFacts): string[] {
  const groups = new Map<string, string[]>();
  for (const recipient of facts.recipients) {
    const about = aboutLines(words, facts.kind, recipient).join("\n");
    const names = groups.get(about) ?? [];
    names.push(recipient.address);
    groups.set(about, names);
  }
  const all = [...groups];
  const lines = all
    .slice(0, groupsAtMost)
    .flatMap(([about, names]) => [
      ...names.slice(0, namesAtMost).map((name) => plain(name, 1000)),
      ...moreLine(words, names.length - namesAtMost),
      about,
      "",
    ]);
  const untold = all.slice(groupsAtMost).reduce((sum, [, names]) => sum + names.length, 0);
  return untold > 0 ? [...lines, words.more(untold), ""] : lines;
}

function moreLine(words: ReportWords, count: number): string[] {
  return count > 0 ? [words.more(count)] : [];
}

function aboutLines(words: ReportWords, kind: ReportKind, { happening, remote }: RecipientFacts): string[] {
  if (happening.kind === "relayed") return [`  ${words.relayedTo(remote)}`, ...answer(words, remote, happening.reply)];
  const { cause } = happening;
  if (cause === undefined) return [`  ${words.meaning}: ${words.notTriedYet}`];
  const { meaning, remedy } = words.reasons[reasonOf(cause)];
  const sizes = cause.kind === "size" ? ` ${words.sizes(cause.size, cause.limit)}` : "";
  return [
    `  ${words.meaning}: ${happening.kind === "expired" ? words.expired(meaning) : meaning}${sizes}`,
    ...(kind === "failed" ? [`  ${words.remedy}: ${remedy}`] : []),
    ...causeLines(words, remote, cause),
  ];
}

function causeLines(words: ReportWords, remote: string | undefined, cause: Cause): string[] {
  if (isForTheLogAlone(cause) || cause.kind === "size") return [];
  if (cause.kind === "reply") return answer(words, remote, cause.reply);
  const server = remote === undefined ? "" : ` (${remote})`;
  return [`  ${words.detail}${server}:`, `    ${plain(causeText(cause), longestAnswer)}`];
}

/** The server's words as they came, line by line. */
function answer(words: ReportWords, remote: string | undefined, { code, enhanced, text }: SmtpReply): string[] {
  const start = enhanced === undefined ? `${code}` : `${code} ${enhanced}`;
  const lines = text.split(/[\r\n]+/u).slice(0, answerLines);
  return [`  ${words.said(remote)}:`, ...lines.map((line) => `    ${start} ${plain(line, longestAnswer)}`.trimEnd())];
}

function timeIn(locale: string, timeZone: string, at: EpochMs): string {
  const format = new Intl.DateTimeFormat(locale, {
    timeZone,
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  // Some locale data has narrow no-break spaces.
  return format.format(at).replace(/\s/gu, " ");
}
