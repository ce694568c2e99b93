/** The tables of providers say of each profile what the program has in its data: field, place, and how certain it is. */
import { describe, expect, test } from "vitest";
import { profiles, type Profile } from "../../src/message/profiles.ts";
import { document, rows } from "./document.ts";

const table = rows(document("docs/providers.md"));

/** Rows of a profile. The last one is its own; those before are providers that use it. */
function rowsOf(name: string): string[][] {
  return table.filter(([, profile = ""]) => profile.split(" and ")[0] === `\`${name}\``);
}

function placeWords({ place }: Profile): RegExp {
  if (place.kind === "bottom") return /^bottom/u;
  return place.trustedHops === 0 ? /^top(?! \d)/u : new RegExp(`^top ${place.trustedHops}`, "u");
}

test("no row names a profile that there is not", () => {
  const named = table.flatMap(([, profile = ""]) => [...profile.matchAll(/`([a-z-]+)`/gu)].map(([, name]) => name));
  const known = [...profiles.map(({ name }) => name), "strip_prefix"];
  expect(named.filter((name) => !known.includes(name ?? ""))).toEqual([]);
  expect(table.length).toBeGreaterThan(25);
});

describe.each(profiles)("$name", (profile) => {
  const [, , field = "", place = "", , , source = ""] = rowsOf(profile.name).at(-1) ?? [];

  test("field", () => {
    const names = profile.sources.map((each) => (each.kind === "field" ? each.name : "Received"));
    const isAsOther = field.startsWith("as GMX") || field.startsWith("as Exim");
    expect(names.filter((name) => !isAsOther && !field.toLowerCase().includes(name.toLowerCase()))).toEqual([]);
  });

  test("place", () => {
    expect(place).toMatch(placeWords(profile));
  });

  test("certainty", () => {
    expect(source).toMatch(new RegExp(`^(?:${profile.certainty})`, "u"));
  });
});
