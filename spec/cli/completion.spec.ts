/** The completion scripts: bash's is run by bash itself. Those for zsh and fish are run in spec/peer. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TemporaryDirectory } from "../spool/support.ts";
import { typed } from "./console.ts";

let home: TemporaryDirectory;
let script: string;

beforeAll(async () => {
  home = new TemporaryDirectory();
  script = path.join(home.path, "popgate.bash");
  writeFileSync(script, (await typed(["completion", "bash"])).stdout);
  writeFileSync(path.join(home.path, "message.eml"), "");
});
afterAll(() => home[Symbol.dispose]());

/** What bash proposes after these words, the last of which is being typed. */
function proposed(...words: readonly string[]): string[] {
  const ask =
    'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _popgate; printf "%s\\n" "${COMPREPLY[@]}"';
  const out = execFileSync("bash", ["--norc", "-c", ask, "bash", script, "popgate", ...words], {
    encoding: "utf8",
    cwd: home.path,
    env: { PATH: process.env["PATH"] ?? "", HOME: home.path },
  });
  return out
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

describe("bash", () => {
  test.each<[string[], string[]]>([
    [["re"], ["redirect", "release", "reload", "rescue", "resolve", "resume", "retry"]],
    [["que"], ["queue"]],
    [["help", "exit"], ["exit-codes"]],
    [["queue", "--st"], ["--state"]],
    [
      ["queue", "--state", ""],
      ["held", "queued"],
    ],
    [["queue", "--all", "--reason", "envelope-d"], ["envelope-drift"]],
    [["log", "--level", "w"], ["warn"]],
    [
      ["completion", ""],
      ["bash", "fish", "zsh"],
    ],
    [["queue", "--config", "mess"], ["message.eml"]],
    [["backup", "mess"], ["message.eml"]],
    [["queue", "--recipient", "a"], []],
    [["show", "0"], []],
    [["nonsense", ""], []],
  ])("%j proposes %j", (words, proposals) => {
    expect(proposed(...words)).toEqual(proposals);
  });

  test("each command of the help, with each of its options, is known", async () => {
    const { stdout } = await typed(["--help"]);
    const names = [...stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gmu)].map(([, name]) => name ?? "");
    expect(names.length).toBeGreaterThan(20);
    expect(proposed("").filter((word) => !word.startsWith("-"))).toEqual(names.toSorted());
    for (const name of ["queue", "drop", "status"]) {
      const help = (await typed([name, "--help"])).stdout;
      const long = [...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gmu)].map(([, flag]) => flag ?? "");
      expect(proposed(name, "--")).toEqual(long.toSorted());
    }
  });

  test("a name with a blank stays one", () => {
    writeFileSync(path.join(home.path, "two words.toml"), "");
    expect(proposed("check", "--config", "two")).toEqual(["two words.toml"]);
  });
});

describe.each(["bash", "zsh", "fish"])("%s", (shell) => {
  test("knows every command", async () => {
    const { code, stdout } = await typed(["completion", shell]);
    expect(code).toBe(0);
    for (const name of ["status", "queue", "explain", "completion", "rescue"]) expect(stdout).toContain(name);
  });
});

test("another shell: status 2", async () => {
  expect(await typed(["completion", "csh"])).toMatchObject({ code: 2, stdout: "" });
});

describe("help", () => {
  test("popgate help exit-codes", async () => {
    const { code, stdout } = await typed(["help", "exit-codes"]);
    expect(code).toBe(0);
    expect(stdout.match(/^ {2}[0-7] {2}/gmu)).toHaveLength(7 + 3);
    expect((await typed(["exit-codes"])).stdout).toBe(stdout);
  });

  test("examples are there, and are commands that are understood", async () => {
    const { stdout } = await typed(["queue", "--help"]);
    const lines = [...stdout.matchAll(/^ {2}popgate (queue [^|]+?)(?: \||  )/gmu)].map(([, line]) => line ?? "");
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect((await typed([...line.split(" "), "--socket", "/nowhere"])).code, line).toBe(7);
  });
});
