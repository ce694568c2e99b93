/** The target's process (`sink-process.ts`), as the runs see it. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** What came since the last `reset`. */
export interface SinkReport {
  readonly messages: number;
  /** Different messages among them. */
  readonly distinct: number;
  /** Messages that came more than once. */
  readonly doubled: number;
  /** Messages that it does not know. */
  readonly unnamed: number;
  readonly octets: number;
  readonly connections: number;
  readonly lastAt: number;
  readonly cpuSeconds: number;
}

export interface Sink extends AsyncDisposable {
  readonly smtpPort: number;
  readonly lmtpPort: number;
  reset(): Promise<void>;
  report(): Promise<SinkReport>;
  /** Waits until it has had so many messages. Rejects when for `patienceMs` none has come. */
  until(count: number, patienceMs?: number): Promise<SinkReport>;
}

export async function startSink(): Promise<Sink> {
  const child = fork(fileURLToPath(new URL("./sink-process.ts", import.meta.url)), { stdio: "inherit" });
  const ports = await answer(child);
  const ask = async (request: "reset" | "report"): Promise<SinkReport> => {
    child.send(request);
    const told = await answer(child);
    const number = (name: string): number => Number(told[name]);
    return {
      messages: number("messages"),
      distinct: number("distinct"),
      doubled: number("doubled"),
      unnamed: number("unnamed"),
      octets: number("octets"),
      connections: number("connections"),
      lastAt: number("lastAt"),
      cpuSeconds: number("cpuSeconds"),
    };
  };
  return {
    smtpPort: Number(ports["smtp"]),
    lmtpPort: Number(ports["lmtp"]),
    reset: async () => void (await ask("reset")),
    report: async () => ask("report"),
    async until(count, patienceMs = 60_000) {
      let seen = -1;
      for (let since = performance.now(); ;) {
        const report = await ask("report");
        if (report.messages >= count) return report;
        if (report.messages > seen) since = performance.now();
        seen = report.messages;
        if (performance.now() - since > patienceMs)
          throw new Error(`the target has had ${seen} of ${count} messages, and no more come`);
        // The target is not to be kept busy with questions.
        await delay(20);
      }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.disconnect();
      await exited;
    },
  };
}

async function answer(child: ChildProcess): Promise<Record<string, unknown>> {
  const values: readonly unknown[] = await once(child, "message", { signal: AbortSignal.timeout(30_000) });
  const [told] = values;
  if (typeof told !== "object" || told === null) throw new TypeError("the target's process speaks nonsense");
  return { ...told };
}

/** Throws unless every message came exactly once. */
export function mustBeWhole(report: SinkReport, count: number, who: string): void {
  const { messages, distinct, doubled, unnamed } = report;
  if (messages === count && distinct === count && doubled === 0 && unnamed === 0) return;
  throw new Error(
    `${who}: of ${count} messages the target had ${messages}: ${distinct} different ones, ${doubled} more than once, ${unnamed} unknown`,
  );
}
