import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { verifySpool } from "../../src/spool/verify.ts";
import { Program } from "../crash/support/program.ts";
import { TemporaryDirectory } from "../spool/support.ts";

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

it("a file system that is really full: refused as full; outcomes are still written, in the ballast's room", async () => {
  using dir = new TemporaryDirectory();
  run("mount", "-t", "tmpfs", "-o", "size=16m", "none", dir.path);
  using _mounted = { [Symbol.dispose]: () => run("umount", dir.path) };
  await using program = new Program("fill-disk.ts", [dir.path, "2000000"]);
  const { code, lines, errors } = await program.ended();
  expect({ code, last: lines.at(-1), errors }).toMatchObject({ code: 0, last: "sound" });
  const stored = Number(/^stored (\d+)$/u.exec(lines[0] ?? "")?.[1]);
  expect(stored).toBeGreaterThan(50);
  expect(lines.slice(1)).toEqual([
    "refused SPOOL_FULL",
    `whole ${stored}`,
    `ended ${Math.floor(stored / 2)}`,
    "health ok",
    "again stored",
    expect.stringMatching(/^events spool-opened( spool-full spool-recovered)+$/u) as string,
    "sound",
  ]);
  expect(await verifySpool(dir.path)).toMatchObject({ faults: [], messages: stored - Math.floor(stored / 2) + 1 });
});
