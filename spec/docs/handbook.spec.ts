/**
 * The handbooks tell all that there is to tell, in the program's own words, and both tell the same. What stands in them
 * one by one (configurations, commands, links) is tried in `documents.spec.ts`.
 */
import { describe, expect, test } from "vitest";
import { exitStatus } from "../../src/cli/exit-status.ts";
import { holdWords } from "../../src/core/hold.ts";
import type { AccountTrouble } from "../../src/delivery/transport.ts";
import { backOffMs, type PollFailure } from "../../src/inbound/schedule.ts";
import { germanHoldWords } from "../../src/notice/german-words.ts";
import { noticeWords } from "../../src/notice/notice-words.ts";
import { blocks, commandLines, document, rows } from "./document.ts";

const english = document("docs/handbook.md");
const german = document("docs/handbuch.md");
const books = [
  { name: "handbook.md", text: english, holds: holdWords, troubles: noticeWords.en.trouble },
  { name: "handbuch.md", text: german, holds: germanHoldWords, troubles: noticeWords.de.trouble },
];

/** The rows of the tables below one heading whose first cell is a word of the program. */
function wordsBelow(text: string, heading: RegExp): string[][] {
  const chapter = text.split(/^(?=## )/mu).find((part) => heading.test(part.split("\n")[0] ?? ""));
  return rows(chapter ?? "").filter(([first = ""]) => /^`[a-z-]+`$/u.test(first));
}

/** What a poll fails by: the compiler knows whether one is missing. `aborted` is no pause. */
const pollFailures: Readonly<Record<Exclude<PollFailure, "aborted">, true>> = {
  auth: true,
  "in-use": true,
  "login-delay": true,
  temporary: true,
  connection: true,
  protocol: true,
  permanent: true,
  tls: true,
  spool: true,
  internal: true,
};
const accountTroubles: Readonly<Record<AccountTrouble, true>> = { auth: true, quota: true, sender: true };

/** `15 minutes, doubling to 6 hours`, `eine halbe Minute bis 5 Minuten`: first and longest, in minutes. */
function minutesIn(words: string): number[] {
  const times = words.matchAll(/(a half|half an?|eine halbe|an?|eine|\d+)? ?(minute|hour|stunde)/giu);
  return [...times].map(([, number = "a", unit = ""]) => {
    const count = /hal[fb]/iu.test(number) ? 0.5 : /\d/u.test(number) ? Number(number) : 1;
    return count * (unit.toLowerCase() === "minute" ? 1 : 60);
  });
}

describe.each(books)("$name", ({ text, holds, troubles }) => {
  test("each reason for holding mail, in the program's own words", () => {
    const expected = Object.entries(holds).map(([reason, { meaning, remedy }]) => [`\`${reason}\``, meaning, remedy]);
    expect(wordsBelow(text, /held|angehalten/u)).toEqual(expected);
  });

  test("each parameter of the connectors is explained, with the value that is used", () => {
    const explained = rows(text).map(([first = ""]) => first);
    const lines = blocks(text, "powershell").flatMap((block) => block.split("\n"));
    const connectors = lines.filter((line) => /^(?:New|Set)-(?:Receive|Send)Connector /u.test(line));
    expect(connectors.length).toBe(4);
    for (const line of connectors)
      for (const [given] of line.matchAll(/(?<= )-(?!Name\b)[A-Z]\w+ (?:"[^"]+"|\S+)/gu))
        expect(explained).toContain(`\`${given}\``);
  });

  test("each exit status", () => {
    const table = rows(text).filter(([first = "", ...others]) => /^\d$/u.test(first) && others.length === 2);
    expect(table.map(([status]) => Number(status))).toEqual(Object.values(exitStatus));
    expect(table.filter(([, , once]) => once !== "").length).toBe(6);
  });

  test("each pause, with its length", () => {
    const pauses = rows(text).filter(([what = ""]) => /^(?:account|relay|Konto|Relay), `/u.test(what));
    const named = (kind: RegExp) => pauses.flatMap(([what = ""]) => kind.exec(what)?.[1] ?? []);
    expect(named(/^(?:account|Konto), `(.+)`$/u).sort()).toEqual(Object.keys(pollFailures).sort());
    expect(named(/^(?:relay|Relay), `(.+)`$/u).sort()).toEqual(Object.keys(accountTroubles).sort());
    for (const failure of Object.keys(pollFailures) as PollFailure[]) {
      const said = pauses.find(([what]) => what === `${text === english ? "account" : "Konto"}, \`${failure}\``)?.[2];
      const pause = (count: number) => backOffMs({ failure, count }, undefined, { next: () => 0.5 }) / 60_000;
      expect(minutesIn(said ?? ""), failure).toEqual([pause(1), pause(99)]);
    }
  });

  test("each trouble that the postmaster is told of, in the program's own words", () => {
    const found = wordsBelow(text, /told|erfährt/u);
    expect(found.map(([name, words]) => [name, words])).toEqual(
      Object.entries(troubles).map(([kind, words]) => [`\`${kind}\``, words]),
    );
    for (const [name, , todo] of found) expect(todo, name).toMatch(/\S/u);
  });
});

test("both books show the same cmdlets, configurations and commands, and the same number of chapters", () => {
  for (const language of ["powershell", "sh"]) expect(plain(german, language)).toEqual(plain(english, language));
  expect(blocks(german, "toml").length).toBe(blocks(english, "toml").length);
  expect(commandLines(german).length).toBe(commandLines(english).length);
  const chapters = (text: string) => text.match(/^#+ /gmu)?.length;
  expect(chapters(german)).toBe(chapters(english));
  expect(rows(german).length).toBe(rows(english).length);
});

/** Without comments, which are in the language of the book. */
function plain(text: string, language: string): string[] {
  return blocks(text, language).map((block) => block.replaceAll(/ *#.*$/gmu, ""));
}
