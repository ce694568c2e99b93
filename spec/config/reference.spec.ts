import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configReference } from "../../src/config/reference.ts";
import { configJsonSchema } from "../../src/config/schema.ts";

function docs(name: string): string {
  return readFileSync(new URL(`../../docs/${name}`, import.meta.url), "utf8");
}

test("the reference in docs is what the schema says: run scripts/config-reference.ts after a change", () => {
  expect(docs("configuration.md")).toBe(configReference());
});

test("the JSON schema in docs is that of the program", () => {
  expect(JSON.parse(docs("popgate.schema.json"))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

test("every key of every table stands in the reference", () => {
  const reference = configReference();
  const names: string[] = [];
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties } = node as { properties?: Record<string, unknown> };
    for (const [name, child] of Object.entries(properties ?? {})) {
      names.push(name);
      visit(child);
    }
    visit((node as { items?: unknown }).items);
  };
  visit(configJsonSchema());
  expect(names.length).toBeGreaterThan(80);
  for (const name of names) expect(reference).toMatch(new RegExp(`\`${name}\`|\\[${name}\\]`, "u"));
});
