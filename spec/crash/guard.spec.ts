import { expect, it } from "vitest";
import { Program } from "./support/program.ts";

it("a rejection that lmdb lets nobody catch does not end the process, and is told", async () => {
  await using program = new Program("unhandled.ts", ["lmdb"]);
  expect(await program.ended()).toMatchObject({
    code: 0,
    lines: ["guarded: Commit failed (see commitError for details)", "still running"],
  });
});

it("any other unhandled rejection still ends the process", async () => {
  await using program = new Program("unhandled.ts", ["other"]);
  const { code, lines, errors } = await program.ended();
  expect(code).not.toBe(0);
  expect(lines).toEqual([]);
  expect(errors).toContain("a fault of our own");
});
