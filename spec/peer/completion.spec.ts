/** The completion scripts for zsh and fish, read and run by the shells themselves. Bash's is run in spec/cli. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { typed } from "../cli/console.ts";
import { TemporaryDirectory } from "../spool/support.ts";

async function scriptFor(shell: string, folder: string): Promise<string> {
  const file = path.join(folder, `popgate.${shell}`);
  writeFileSync(file, (await typed(["completion", shell])).stdout);
  return file;
}

it.each(["zsh", "fish"])("%s reads its script", async (shell) => {
  using home = new TemporaryDirectory();
  const file = await scriptFor(shell, home.path);
  expect(spawnSync(shell, ["-n", file], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
});

it.each(["fish"])("%s proposes commands, options and values", async (shell) => {
  using home = new TemporaryDirectory();
  const file = await scriptFor(shell, home.path);
  const proposed = (line: string): string[] =>
    execFileSync(shell, ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]", file, line], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", HOME: home.path },
    })
      .split("\n")
      .filter((proposal) => proposal !== "")
      .map((proposal) => proposal.split("\t")[0] ?? "")
      .toSorted();
  expect(proposed("popgate que")).toEqual(["queue"]);
  expect(proposed("popgate queue --st")).toEqual(["--state"]);
  expect(proposed("popgate completion ")).toEqual(["bash", "fish", "zsh"]);
});
