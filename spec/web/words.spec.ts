/** Both languages say everything, and say it differently; the browser's wish is understood. */
import { expect, test } from "vitest";
import { languageOf } from "../../web/preferences.ts";
import { holdWords } from "../../src/core/hold.ts";
import { de } from "../../web/words/de.ts";
import { en } from "../../web/words/en.ts";

/** Every text of a table with the keys that lead to it; functions are asked for 1 and for 2 of something. */
function textsOf(table: object, at = ""): [string, string][] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    const where = `${at}.${key}`;
    if (typeof value === "string") return [[where, value]];
    if (typeof value === "object" && value !== null) return textsOf(value, where);
    return [1, 2].map((count) => [`${where}(${count})`, (value as (...about: unknown[]) => string)(count, "X", "Y")]);
  });
}

test("the same keys, and nothing empty or undefined", () => {
  // What reasons mean, the server says in English.
  const english = textsOf({ ...en, holds: de.holds });
  const german = textsOf(de);
  expect(german.map(([key]) => key).toSorted()).toEqual(english.map(([key]) => key).toSorted());
  for (const [key, text] of [...english, ...german])
    expect([key, text]).toEqual([key, expect.stringMatching(/^(?!.*undefined)./u)]);
});

test("what is the same in both is a name, or stands here", () => {
  const german = new Map(textsOf(de));
  const same = textsOf(en).filter(([key, text]) => german.get(key) === text);
  expect([...new Set(same.map(([, text]) => text))].toSorted()).toEqual(
    [
      "1: X",
      "2: X",
      "Live",
      "Message-ID",
      "SHA-256",
      "Server",
      "Spool",
      "Version",
      "in 1",
      "in 2",
      "popgate",
      "1 X",
      "2 X",
    ].toSorted(),
  );
});

test("German has words for every reason of a hold, and names the same keys and commands", () => {
  expect(Object.keys(de.holds).toSorted()).toEqual(Object.keys(holdWords).toSorted());
  const keysIn = (text: string): string[] => [...text.matchAll(/`([a-z_]+)`/gu)].map(([, key = ""]) => key);
  for (const [reason, { meaning, remedy }] of Object.entries(holdWords)) {
    const german = Object.entries(de.holds).find(([key]) => key === reason)?.[1];
    expect([reason, keysIn(`${german?.meaning} ${german?.remedy}`)]).toEqual([reason, keysIn(`${meaning} ${remedy}`)]);
  }
});

test.each([
  [["de-AT", "en"], "de"],
  [["fr", "DE"], "de"],
  [["en-US", "de"], "en"],
  [["fr", "nl"], "en"],
  [["den"], "en"],
  [[], "en"],
])("a browser that wants %j gets %s", (wanted, language) => {
  expect(languageOf(wanted)).toBe(language);
});
