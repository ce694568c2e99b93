/** The long line's process (`link-process.ts`), as the runs see it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface Link extends AsyncDisposable {
  readonly port: number;
}

export async function openLink(behind: number, roundTripMs: number): Promise<Link> {
  const script = fileURLToPath(new URL("./link-process.ts", import.meta.url));
  const child = fork(script, [String(behind), String(roundTripMs)], { stdio: "inherit" });
  const told: readonly unknown[] = await once(child, "message", { signal: AbortSignal.timeout(30_000) });
  return {
    port: Number(told[0]),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}
