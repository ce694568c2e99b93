import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { listenForShutdown, type SignalSource } from "../../src/runtime/shutdown.ts";

function fakeProcess() {
  const listeners = new Map<string, () => void>();
  const exits: number[] = [];
  const source: SignalSource = {
    on: (name, listener) => listeners.set(name, listener),
    off: (name) => listeners.delete(name),
    exit: (status) => exits.push(status),
  };
  return { source, exits, listeners, raise: (name: NodeJS.Signals) => listeners.get(name)?.() };
}

describe("signals", () => {
  test.each(["SIGINT", "SIGTERM"] as const)("%s aborts, a second signal exits with 130", async (name) => {
    const { source, exits, raise } = fakeProcess();
    await using shutdown = listenForShutdown(undefined, source);
    expect(shutdown.signal.aborted).toBe(false);
    raise(name);
    expect(shutdown.signal.reason).toEqual(new Error(name));
    expect(exits).toEqual([]);
    raise("SIGINT");
    expect(exits).toEqual([130]);
  });

  test("SIGHUP asks for a reload and stops nothing", async () => {
    const { source, raise, exits } = fakeProcess();
    let reloads = 0;
    await using shutdown = listenForShutdown(() => reloads++, source);
    raise("SIGHUP");
    raise("SIGHUP");
    expect({ reloads, aborted: shutdown.signal.aborted, exits }).toEqual({ reloads: 2, aborted: false, exits: [] });
  });

  test("disposing gives every signal back", async () => {
    const { source, listeners } = fakeProcess();
    const shutdown = listenForShutdown(undefined, source);
    expect([...listeners.keys()].sort()).toEqual(["SIGHUP", "SIGINT", "SIGTERM"]);
    await shutdown[Symbol.asyncDispose]();
    expect(listeners.size).toBe(0);
  });
});

describe("in a process of its own", () => {
  const module = fileURLToPath(new URL("../../src/runtime/shutdown.ts", import.meta.url));
  const program = `
    import { listenForShutdown } from ${JSON.stringify(module)};
    const shutdown = listenForShutdown(() => console.log("reload"));
    shutdown.signal.addEventListener("abort", () => console.log("stopping " + shutdown.signal.reason.message));
    process.stdin.resume();
    process.stdin.on("end", () => process.exit(0));
    console.log("ready");
  `;

  test("real signals, and an end at the second one although work goes on", async () => {
    const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exit = once(child, "exit");
    const seen: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      seen.push(line);
      if (line === "ready") child.kill("SIGHUP");
      if (line === "reload") child.kill("SIGTERM");
      if (line.startsWith("stopping")) child.kill("SIGTERM");
    }
    expect(seen).toEqual(["ready", "reload", "stopping SIGTERM"]);
    expect(await exit).toEqual([130, null]);
  });
});
