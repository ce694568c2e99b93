/** man-db and mandoc show the manual pages without a warning. Needs both. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const folder = path.join(import.meta.dirname, "../../docs/man");

describe.each(["popgate.1", "popgate.toml.5"])("%s", (name) => {
  const page = path.join(folder, name);

  it("groff has nothing to say about it", async () => {
    const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", MANWIDTH: "100" };
    const { stdout, stderr } = await run("man", ["--warnings", "-l", page], { env });
    expect(stderr).toBe("");
    expect(stdout).toMatch(/SEE ALSO/u);
  });

  it("mandoc neither", async () => {
    // Of mere style it says only that examples are wider than 80 columns.
    const { stdout, stderr } = await run("mandoc", ["-Tlint", "-Wwarning", page]);
    expect(stdout + stderr).toBe("");
  });
});
