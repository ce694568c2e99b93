import { chmodSync, chownSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

const nobody = 65_534;

// A person has run popgate as root once, or copied the directory: the service may read the lock's file, but not write it.
it.each([
  ["may be written has one owner", 0o666, ["owns", /^refused: .* in use by process/u]],
  ["may only be read has none: it would have any number", 0o444, [/^refused: .*EACCES/u, /^refused: .*EACCES/u]],
] as const)("a spool whose lock %s", async (_, mode, answers) => {
  using dir = new TemporaryDirectory();
  const file = path.join(dir.path, "lock");
  writeFileSync(file, "");
  chmodSync(file, mode);
  if (process.getuid?.() === 0) chownSync(dir.path, nobody, nobody);
  await using programs = new AsyncDisposableStack();
  for (const answer of answers) {
    const program = programs.use(new Program("lock-as-nobody.ts", [dir.path]));
    await program.said(1);
    expect(program.lines[0]).toMatch(answer);
  }
});
