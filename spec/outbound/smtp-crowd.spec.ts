/** Ten thousand connections at once: what they cost, and that one more is served. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { heldMemory, later, listen, no, send, until } from "./smtp-support.ts";

describe("ten thousand connections", () => {
  const count = 10_000;

  it("that say nothing cost little each, and one more is served", async () => {
    const { port, gatekeeper, hello, receiver } = await listen({ connections: 20_000, idleMs: 600_000 });
    const before = await heldMemory();
    const crowd = await openCrowd(port, count);
    await until(() => gatekeeper.open === count);
    const each = ((await heldMemory()) - before) / count;
    // Measured: 13 kB, and the kernel's buffers.
    expect(each).toBeLessThan(30_000);
    expect(await send(await hello(), "still here\r\n.\r\n")).toMatch(/^250/u);
    expect(receiver.bodies).toEqual(["still here\r\n"]);
    crowd.kill();
    await until(() => gatekeeper.open === 1);
  });

  it("of which the gatekeeper wants only some leave room for one that is permitted", async () => {
    const limit = 100;
    const { port, gatekeeper, hello, receiver } = await listen();
    gatekeeper.onAdmit = () => (gatekeeper.open < limit ? { kind: "ok" } : no(421, "4.3.2", "Too many", true));
    const crowd = await openCrowd(port, count);
    await until(() => gatekeeper.admitted.length === count);
    expect(gatekeeper.open).toBe(limit);
    gatekeeper.onAdmit = () => ({ kind: "ok" });
    expect(await send(await hello(), "still here\r\n.\r\n")).toMatch(/^250/u);
    expect(receiver.bodies).toEqual(["still here\r\n"]);
    crowd.kill();
    await until(() => gatekeeper.open <= 1);
  });
});

/** Opens connections from another process: file handles are counted for each. */
async function openCrowd(port: number, count: number): Promise<ChildProcess> {
  const crowd = fork(new URL("./smtp-crowd.ts", import.meta.url), [String(port), String(count)]);
  later(() => void crowd.kill());
  await once(crowd, "message");
  return crowd;
}
