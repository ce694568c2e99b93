import { expect, it } from "vitest";
import { verifySpool } from "../../src/spool/verify.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Program } from "./support/program.ts";

// A limit on the size of files (POSIX: blocks of 512 octets) works for any user on any machine; the writes beyond it fail short, as on a full disk.
// A file system that is really full needs root to be mounted: spec/peer/full-disk.spec.ts.
const blocks = 16_384;

it("a file that may not grow: refused, not crashed; what is stored is delivered, and its room is used again", async () => {
  using dir = new TemporaryDirectory();
  const limits = `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`;
  await using program = new Program("fill-disk.ts", [dir.path, "1000000"], ["sh", "-c", limits, "sh"]);
  const { code, lines, errors } = await program.ended();
  const said = new Map(lines.map((line) => [line.split(" ")[0], line.split(" ").slice(1).join(" ")]));
  expect({ code, last: lines.at(-1), errors }).toMatchObject({ code: 0, last: "sound" });
  const stored = Number(said.get("stored"));
  expect(stored).toBeGreaterThan(20);
  // Free space tells nothing here: the failure is an input/output error like any other.
  expect(said.get("refused")).toMatch(/^SPOOL_(FAILED|FULL)$/u);
  expect(Number(said.get("whole"))).toBe(stored);
  expect(Number(said.get("ended"))).toBe(Math.floor(stored / 2));
  expect(said.get("health")).toBe("ok");
  expect(said.get("again")).toBe("stored");
  expect(await verifySpool(dir.path)).toMatchObject({
    faults: [],
    messages: stored - Math.floor(stored / 2) + 1,
    leftovers: 0,
  });
});
