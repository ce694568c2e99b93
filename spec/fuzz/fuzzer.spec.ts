/** Whether the fuzzer finds what it is for: planted faults, found by a number of executions, not by luck or time. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, test } from "vitest";
import { inputLine, readInputs, writeInputs } from "../../scripts/fuzz/corpus-file.ts";
import { instrument } from "../../scripts/fuzz/instrument.ts";

const script = path.join(import.meta.dirname, "..", "..", "scripts", "fuzz.ts");

/** `hang`: seconds, so many that a busy machine is not taken for an input without end. */
function fuzz(target: string, runs: number, hang = 40): { readonly status: number | null; readonly out: string } {
  const env = {
    ...process.env,
    TARGET: target,
    RUNS: String(runs),
    SEED: "1",
    FRESH: "1",
    SECONDS: "600",
    HANG: String(hang),
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { env, encoding: "utf8", timeout: 50_000 });
  expect(stderr).toBe("");
  return { status, out: stdout };
}

describe("the fuzzer", () => {
  test("finds an input that a fault needs, and cuts it down", () => {
    const { status, out } = fuzz("control-fault", 60_000);
    expect(out).toMatch(/1 finding/u);
    expect(out).toContain("the planted fault");
    expect(out).toMatch(/^ {2}"open[(]{3};"$|^ {2}"open[()]+;"$/mu);
    expect(status).toBe(1);
  });

  test("does the same by the same seed", () => {
    const figures = (out: string): string[] => out.replaceAll(/\(\d+\/s\)/gu, "").split("\n");
    expect(figures(fuzz("control-fault", 5000).out)).toEqual(figures(fuzz("control-fault", 5000).out));
  });

  test("tells work that grows faster than the length", () => {
    const { status, out } = fuzz("control-work", 20_000);
    expect(out).toContain("more work than the length explains");
    expect(status).toBe(1);
  });

  test("tells an input that does not end", () => {
    const { status, out } = fuzz("control-endless", 10_000, 4);
    expect(out).toMatch(/an input does not end:\n".*aaaaaaaaaaaaaaaaaaaaaaaa.*"/u);
    expect(status).toBe(1);
  });

  test("finds nothing where nothing is wrong", () => {
    const { status, out } = fuzz("smtp-data", 3000);
    expect(out).toMatch(/smtp-data: 3\d{3} executions .* 0 finding/u);
    expect(status).toBe(0);
  });
});

describe("counters", () => {
  test("stand at each branch, and change nothing else", () => {
    const source = [
      "const f = (n: number): string => (n > 1 ? 'many' : n === 1 ? 'one' : 'none');",
      "let out = '';",
      "for (const n of [0, 1, 2]) if (n !== 1) out += f(n); else out += '-';",
      "switch (out.length) { case 1: out += 'x'; break; case 9: out += 'y'; default: out += 'z'; }",
      "try { if (out === '') throw new Error('e'); out ??= 'q'; } catch { out = 'c'; }",
      "globalThis.__spec = out || 'empty';",
    ].join("\n");
    const { code, branches, literals } = instrument(source, "x.ts", 2);
    expect(code.split("\n")).toHaveLength(6);
    expect(literals).toContain("many");
    const counters = new Uint32Array(branches + 2);
    const scope: Record<string, unknown> = { __popgateFuzzCounters: counters };
    runInNewContext(`{ const globalThis = scope; ${code} }`, { scope, Error });
    expect(scope["__spec"]).toBe("none-manyyz");
    expect([...counters.subarray(0, 2)]).toEqual([0, 0]);
    // f runs twice; the case of 1 and the catch block never do.
    expect(counters[2]).toBe(2);
    expect([...counters.subarray(2)].filter((count) => count === 0).length).toBeGreaterThanOrEqual(3);
  });
});

describe("inputs in a file", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "popgate-inputs-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("come back as the octets that they were", () => {
    const inputs = [Buffer.from([...Array(256).keys()]), Buffer.from('line\n"quoted"\\'), Buffer.alloc(0)];
    const file = path.join(folder, "deep", "inputs.jsonl");
    writeInputs(file, [...inputs, Buffer.alloc(0)]);
    expect(readInputs(file)).toEqual(inputs);
    expect(inputLine(Buffer.from([0xe4, 10]))).toBe(String.raw`"\u00e4\n"`);
    expect(readInputs(path.join(folder, "none"))).toEqual([]);
  });
});
