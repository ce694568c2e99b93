/** What is written of the metrics is in step with what there is: the page of docs, the dashboard, the alert rules. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { metricTable } from "../../src/admin/metric-table.ts";

const docs = path.join(import.meta.dirname, "..", "..", "docs");
const metrics = Object.values(metricTable).map(({ kind, name, labels, help }) => ({ kind, name, labels, help }));

/** Names of series, with the labels each may be asked by. Prometheus itself adds `job`, `instance` and `le`. */
const series = new Map<string, readonly string[]>();
for (const { kind, name, labels } of metrics) {
  const all = [...labels, "job", "instance"];
  if (kind !== "histogram") series.set(name, all);
  else
    for (const [part, more] of Object.entries({ bucket: ["le"], sum: [], count: [] }))
      series.set(`${name}_${part}`, [...all, ...more]);
}

/** Whatever in an expression is not as it should be: names and labels that do not exist, counters without a rate. */
function faultsOf(expression: string): string[] {
  const faults: string[] = [];
  const used = [...expression.matchAll(/\b((?:popgate|process)_[a-z_]+)(?:\{([^}]*)\})?(\[[^\]]+\])?/gu)];
  if (used.length === 0) faults.push("no metric");
  const grouping = [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/gu)].flatMap(([, list = ""]) => list.split(", "));
  for (const [, name = "", selectors = "", range] of used) {
    const labels = series.get(name);
    if (labels === undefined) faults.push(`there is no ${name}`);
    const asked = [...selectors.matchAll(/([a-z]+)(?:=~|!=|!~|=)"/gu)].map(([, label = ""]) => label);
    for (const label of asked) if (labels?.includes(label) !== true) faults.push(`${name} has no label ${label}`);
    const grows = /_(?:total|bucket|sum|count)$/u.test(name);
    if (grows !== (range !== undefined)) faults.push(`${name} ${grows ? "grows: ask for its rate" : "does not grow"}`);
  }
  const known = new Set(used.flatMap(([, name = ""]) => series.get(name) ?? []));
  for (const label of grouping) if (!known.has(label)) faults.push(`nothing has the label ${label}`);
  if (expression.split("(").length !== expression.split(")").length) faults.push("brackets do not match");
  return faults;
}

it("faults in expressions are found", () => {
  expect(faultsOf("popgate_queue_oldest_age_seconds > 5")).toEqual([]);
  expect(faultsOf("popgate_queue_oldest > 5")).toEqual(["there is no popgate_queue_oldest"]);
  expect(faultsOf('popgate_back_pressure{state="x"}')).toEqual(["popgate_back_pressure has no label state"]);
  expect(faultsOf("sum by (colour) (popgate_back_pressure)")).toEqual(["nothing has the label colour"]);
  expect(faultsOf("popgate_duplicates_total > 0")).toEqual(["popgate_duplicates_total grows: ask for its rate"]);
  expect(faultsOf("rate(popgate_back_pressure[5m])")).toEqual(["popgate_back_pressure does not grow"]);
  expect(faultsOf("sum(popgate_back_pressure")).toEqual(["brackets do not match"]);
  expect(faultsOf("up == 0")).toEqual(["no metric"]);
});

describe("docs/metrics.md", () => {
  const text = readFileSync(path.join(docs, "metrics.md"), "utf8");

  it("lists every metric as it is, in the order of the table, and no other", () => {
    const rows = text.split("\n").filter((line) => /^\| `[a-z_]+` \| (?:gauge|counter|histogram) \|/u.test(line));
    const expected = metrics.map(({ kind, name, labels, help }) => {
      const names = labels.map((label) => `\`${label}\``).join(", ");
      return `| \`${name}\` | ${kind} | ${names} | ${help} |`;
    });
    expect(rows).toEqual(expected);
  });

  it("asks its questions with expressions that can be", () => {
    const asked = text.slice(text.indexOf("## Questions")).matchAll(/^\| [^|`]+ \| `([^`]+)` \|$/gmu);
    const expressions = [...asked].map(([, expression = ""]) => expression);
    expect(expressions.length).toBeGreaterThan(4);
    for (const expression of expressions) expect([expression, faultsOf(expression)]).toEqual([expression, []]);
  });
});

describe("docs/grafana/popgate.json", () => {
  const target = z.looseObject({ expr: z.string(), refId: z.string() });
  const place = z.strictObject({ x: z.int(), y: z.int(), w: z.int().positive(), h: z.int().positive() });
  const panel = z.looseObject({
    id: z.int(),
    type: z.enum(["row", "stat", "timeseries"]),
    title: z.string().min(1),
    gridPos: place,
    targets: z.array(target).min(1).optional(),
  });
  const dashboard = z
    .looseObject({ title: z.literal("popgate"), schemaVersion: z.int(), panels: z.array(panel).min(1) })
    .parse(JSON.parse(readFileSync(path.join(docs, "grafana", "popgate.json"), "utf8")));

  it("draws only what there is", () => {
    const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(expressions.length).toBeGreaterThan(20);
    for (const expression of expressions) expect([expression, faultsOf(expression)]).toEqual([expression, []]);
  });

  it("has panels with ids of their own that do not lie on each other", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { gridPos: a, id } of panels) {
      expect(a.x + a.w).toBeLessThanOrEqual(24);
      const over = panels.filter(
        ({ id: other, gridPos: b }) =>
          other !== id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      );
      expect(over).toEqual([]);
    }
  });
});

describe("docs/alerts.yml", () => {
  const text = readFileSync(path.join(docs, "alerts.yml"), "utf8");
  const rules = text.split(/^ {6}- alert: /mu).slice(1);

  it("has rules with a name of their own, a severity and words", () => {
    expect(rules.length).toBeGreaterThan(15);
    const names = rules.map((rule) => rule.split("\n")[0]);
    expect(new Set(names).size).toBe(names.length);
    for (const rule of rules) {
      expect(rule).toMatch(/^Popgate[A-Za-z]+\n/u);
      expect(rule).toMatch(/^ {10}severity: (?:warning|critical)$/mu);
      expect(rule).toMatch(/^ {10}summary: \S/mu);
      expect(rule).not.toContain("\t");
    }
  });

  it("asks only for what there is", () => {
    for (const rule of rules) {
      const expression = /^ {8}expr: (?:>-\n((?: {10}.+\n)+)|(.+))/mu.exec(rule);
      const asked = (expression?.[1] ?? expression?.[2] ?? "").replaceAll(/\s+/gu, " ").trim();
      expect([asked, faultsOf(asked)]).toEqual([asked, []]);
    }
  });

  it("tells only labels that its expression keeps", () => {
    for (const rule of rules) {
      const told = [...rule.matchAll(/\$labels\.([a-z]+)/gu)].map(([, label = ""]) => label);
      const [, expression = ""] = /expr: ([\s\S]+?)\n {8}(?:for|labels):/u.exec(rule) ?? [];
      const isGrouped = expression.includes(" by (");
      const names = [...expression.matchAll(/popgate_[a-z_]+/gu)].flatMap(([name]) => series.get(name) ?? []);
      const kept = isGrouped
        ? [...expression.matchAll(/ by \(([^)]+)\)/gu)].flatMap(([, list = ""]) => list.split(", "))
        : names;
      for (const label of told)
        expect([rule.split("\n")[0], kept]).toEqual([rule.split("\n")[0], expect.arrayContaining([label])]);
    }
  });
});
