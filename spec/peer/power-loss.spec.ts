/** `make power-loss` in a short form: nothing is lost, and planted faults are found. Needs strace. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";

const script = path.join(import.meta.dirname, "../../scripts/power-loss.ts");

async function run(environment: Readonly<Record<string, string>>): Promise<{ code: number | null; sums: number[] }> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, MESSAGES: "16", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said = text(child.stdout);
  await once(child, "exit");
  const last = /^states (\d+), acknowledged lost (\d+), half (\d+), unopenable (\d+) /mu.exec(await said);
  return { code: child.exitCode, sums: (last ?? []).slice(1).map(Number) };
}

it("loses nothing that was acknowledged, in whatever a disk may have kept", async () => {
  expect(await run({ STATES: "60" })).toEqual({ code: 0, sums: [60, 0, 0, 0] });
});

it.each(["no-sync", "early"])("is lost in states that are found, when the fault %s is planted", async (fault) => {
  const { code, sums } = await run({ STATES: "24", UNSAFE: fault });
  expect(code).toBe(1);
  expect(sums[1]).toBeGreaterThan(0);
});
