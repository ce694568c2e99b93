import { spawnSync } from "node:child_process";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { EventList, TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";
import { faultsOf, readSteps, type Step } from "./support/syscalls.ts";

beforeAll(() => {
  if (spawnSync("strace", ["-V"]).status !== 0)
    throw new Error("this spec watches system calls: install strace (Debian package: strace), and allow ptrace");
});

async function trace(safety: "safe" | "unsafe", manner: string, count: number, octets: number): Promise<Step[]> {
  using dir = new TemporaryDirectory();
  using traces = new TemporaryDirectory();
  const file = path.join(traces.path, "trace");
  const calls = "trace=openat,fdatasync,fsync,msync,pwrite64,pwritev,pwritev2,write,writev";
  await using program = new Program(
    "commit-and-mark.ts",
    [dir.path, safety, manner, String(count), String(octets)],
    ["strace", "-f", "-y", "-s", "64", "-e", calls, "-o", file],
  );
  const { code, errors, lines } = await program.ended();
  expect({ code, errors }).toEqual({ code: 0, errors: "" });
  expect(lines).toHaveLength(count + 2);
  return readSteps(file, "/data.mdb");
}

const markers = (steps: readonly Step[]): number =>
  steps.filter((step) => step.kind === "marker" && step.text.startsWith("committed ")).length;

it.each([
  ["small messages", 20, 3000],
  ["messages of several chunks", 10, 300_000],
])("says nothing of %s before they are flushed", async (_, count, octets) => {
  const steps = await trace("safe", "sequential", count, octets);
  expect(markers(steps)).toBe(count);
  expect(faultsOf(steps)).toEqual([]);
});

it("would notice a store that does not flush", async () => {
  const steps = await trace("unsafe", "sequential", 5, 3000);
  expect(markers(steps)).toBe(5);
  expect(faultsOf(steps)).toHaveLength(5);
});

it.each([
  ["a message", "keeps nothing of it", 1, 30],
  ["all messages", "keeps nothing of any", 16, 160],
])("refuses %s whose flush fails, %s, and goes on when the disk does", async (_, __, together, count) => {
  using dir = new TemporaryDirectory();
  using traces = new TemporaryDirectory();
  const options = {
    ...defaultSpoolOptions,
    dir: dir.path,
    maxOctets: 1e12,
    minFreeOctets: 0,
    historyDays: 30,
    ballastOctets: 0,
  };
  const open = async () => openSpool(options, { clock: systemClock, random: systemRandom, events: new EventList() });
  // Made beforehand, so that opening it again flushes nothing.
  await (await open())[Symbol.asyncDispose]();
  // strace counts by thread: the second flush of each of lmdb's writer threads.
  const fault = "inject=fdatasync:error=EIO:when=2";
  const wrap = ["strace", "-f", "-e", "trace=fdatasync", "-e", fault, "-o", path.join(traces.path, "trace")];
  await using program = new Program("outlive-failed-flush.ts", [dir.path, String(count), String(together)], wrap);
  const { code, lines } = await program.ended();
  expect(code).toBe(0);
  const ids = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(" ")[1] ?? "");
  expect(ids("refused").length).toBeGreaterThan(0);
  expect(ids("committed")).toHaveLength(count);
  expect(new Set(ids("alike"))).toEqual(new Set(["true"]));
  await using spool = await open();
  expect((await spool.list(undefined, 1000)).map(({ id }) => id)).toEqual(ids("committed").toSorted());
});

it("shares flushes between messages that come together", async () => {
  const count = 64;
  const steps = await trace("safe", "together", count, 3000);
  const begin = steps.findIndex((step) => step.kind === "marker" && step.text === "begin");
  const first = steps.findIndex((step) => step.kind === "marker" && step.text.startsWith("committed "));
  const flushes = steps.slice(begin).filter(({ kind }) => kind === "flush").length;
  expect(markers(steps)).toBe(count);
  expect(flushes).toBeLessThanOrEqual(count / 8);
  // And none of them is said to be committed before the first flush.
  expect(steps.slice(begin, first).some(({ kind }) => kind === "flush")).toBe(true);
});
