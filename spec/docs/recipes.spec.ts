/**
 * The recipes: each a whole configuration that the program takes, with the servers and the profile that its table names,
 * and the same in both languages. That they load is tried in `documents.spec.ts`.
 */
import { describe, expect, test } from "vitest";
import { accountTrouble } from "../../src/delivery/account-trouble.ts";
import { profileByName, profiles } from "../../src/message/profiles.ts";
import { blocks, document, rows } from "./document.ts";

const english = document("docs/recipes.md");
const german = document("docs/rezepte.md");

interface Recipe {
  readonly title: string;
  readonly config: string;
  readonly table: readonly string[][];
}

function recipes(text: string): Recipe[] {
  return text
    .split(/^(?=## )/mu)
    .filter((chapter) => chapter.includes("```toml"))
    .map((chapter) => ({
      title: /^## (.+)$/mu.exec(chapter)?.[1] ?? "",
      config: blocks(chapter, "toml").join("\n"),
      table: rows(chapter),
    }));
}

/** Hosts of servers of providers, as the configuration writes them. */
function hosts(config: string): string[] {
  return [...config.matchAll(/^host +=  ?"([^"]+)"$/gmu)]
    .map(([, host = ""]) => host)
    .filter((host) => !host.endsWith(".example"));
}

test("both languages have the same recipes", () => {
  expect(recipes(english).length).toBeGreaterThanOrEqual(14);
  expect(recipes(german).map(({ config }) => config)).toEqual(recipes(english).map(({ config }) => config));
  const anchored = (text: string) => [...text.matchAll(/^- \[(.+?)\]\(#/gmu)].map(([, title]) => title);
  for (const text of [english, german])
    expect(recipes(text).map(({ title }) => title)).toEqual(anchored(text).slice(0, recipes(text).length));
});

describe.each([...recipes(english), ...recipes(german)])("$title", ({ config, table }) => {
  test("is whole: company, Exchange, a box, and the way out unless the box is another's", () => {
    for (const key of ["hostname", "postmaster", "domains"]) expect(config).toMatch(new RegExp(`^${key} +=`, "mu"));
    expect(config).toMatch(/\[exchange\][^]*\[\[(?:collector|mailbox)\]\]/u);
    expect(config.includes("[[relay]]")).toBe(config.includes("[listener]"));
  });

  test("its table names its servers and its profile, and where each is from", () => {
    const words = table.map(([, value]) => value).join("\n");
    for (const host of hosts(config)) expect(words).toContain(`\`${host}\``);
    const profile = /^profile +=  ?"([^"]+)"$/mu.exec(config)?.[1];
    if (profile !== undefined && profile !== "auto") {
      expect(profileByName(profile)?.name).toBe(profile);
      expect(words).toContain(`\`${profile}\``);
    }
    expect(table.length).toBe(8);
    expect(table.at(-1)?.[1]).toMatch(/documented|observed|belegt|beobachtet/u);
  });
});

test("a sender that Microsoft 365 does not let through is paused, as is said", () => {
  const reply = { code: 554, enhanced: "5.2.252", text: "SendAsDenied" };
  expect(accountTrouble({ kind: "reply", phase: "dot", reply })).toBe("sender");
});

test("what the spent allowance of IONOS is said to do", () => {
  const text = "Requested mail action not taken: mailbox unavailable\nMail send limit exceeded.";
  const reply = { code: 450, enhanced: undefined, text };
  expect(accountTrouble({ kind: "reply", phase: "rcpt", reply })).toBe("quota");
});

test("each provider with a profile of its own has a recipe or a line in providers.md", () => {
  const known = `${english}\n${document("docs/providers.md")}`;
  for (const { name } of profiles) expect(known, name).toContain(`\`${name}\``);
});
