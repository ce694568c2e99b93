/**
 * `popgate run`: the daemon, or one round of it.
 *
 * The daemon runs until SIGINT or SIGTERM, and ends with status 0 then. SIGHUP has the configuration read again; a bad
 * one is refused and the old one stays. systemd is told when the daemon stands, reads the file again and stops, and by its
 * watchdog that it lives. One round ends with the status that `app/once.ts` gives.
 */
import { openApp, type App } from "../app/app.ts";
import { onceResult, onceStatus } from "../app/once.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { keepHeapSmall } from "../runtime/heap.ts";
import { createLog, type Log } from "../runtime/log.ts";
import { openServiceNotify } from "../runtime/service-notify.ts";
import { listenForShutdown } from "../runtime/shutdown.ts";
import { packageVersion } from "../runtime/version.ts";
import { SpoolError, type Spool } from "../spool/port.ts";

const stdout = 1;

/** Resolves with the exit status. */
export async function runOnce(file: string): Promise<number> {
  return withConfig(file, async (config, log) => {
    await using shutdown = listenForShutdown();
    await using app = await openApp(config, { clock: systemClock, random: systemRandom, events: log });
    const { status, lines } = onceResult(await app.runOnce(shutdown.signal));
    await log.flush();
    for (const line of lines) process.stderr.write(`popgate: ${line}\n`);
    return status;
  });
}

/** Resolves with the exit status when the daemon has stopped. */
export async function runDaemon(file: string): Promise<number> {
  keepHeapSmall();
  return withConfig(file, async (config, log) => {
    const reloads = { wanted: new AbortController(), taken: false };
    await using shutdown = listenForShutdown(() => {
      // Also while a file is being put into effect: there may be a later one.
      reloads.taken = false;
      reloads.wanted.abort(new Error("SIGHUP"));
    });
    const opened: { spool?: Spool } = {};
    const alive = async (): Promise<string> => stateOf(opened.spool);
    await using service = openServiceNotify({ env: process.env, clock: systemClock, events: log, alive });
    shutdown.signal.addEventListener("abort", () => service.stopping("finishing what is under way"), { once: true });
    await using app: App = await openApp(config, {
      clock: systemClock,
      random: systemRandom,
      events: log,
      stopping: shutdown.signal,
      // The file is good, and is taken at once; the parts made from the old one are replaced.
      reload: async () => {
        const errors = await reload(app, file, log);
        if (errors.length > 0) return { kind: "refused", errors };
        // A SIGHUP that came first is about a file that may be later than the one just read.
        reloads.taken ||= !reloads.wanted.signal.aborted;
        reloads.wanted.abort(new Error("reload"));
        return { kind: "ok" };
      },
    });
    opened.spool = app.spool;
    log.emit({ kind: "started", version: packageVersion(), config: config.file, accounts: config.accounts.length });
    await using _admin = await app.admin();
    for (;;) {
      await app.run(AbortSignal.any([shutdown.signal, reloads.wanted.signal]), (isListening) =>
        service.ready(isListening ? "takes mail" : "the listener cannot be opened and is tried again: see the log"),
      );
      if (shutdown.signal.aborted) break;
      service.reloading();
      const { taken } = reloads;
      // Before the file is read: what is asked for from here on may be about a later state of it.
      reloads.wanted = new AbortController();
      reloads.taken = false;
      if (!taken) await reload(app, file, log);
    }
    const reason: unknown = shutdown.signal.reason;
    log.emit({ kind: "stopping", reason: reason instanceof Error ? reason.message : "signal" });
    return onceStatus.done;
  });
}

/** What the watchdog's message says. Rejects when the spool cannot be read: then there is none. */
async function stateOf(spool: Spool | undefined): Promise<string> {
  if (spool === undefined) throw new Error("the spool is not open");
  await spool.nextDueAt("inbound");
  const { queued, held } = spool.counts();
  const health = spool.health();
  const trouble = health.kind === "ok" ? "" : `; the spool is ${health.kind}: ${health.detail}`;
  return `${queued} queued, ${held} held${trouble}`;
}

/** Resolves with what is wrong with the file; then the old configuration stays. */
async function reload(app: App, file: string, log: Log): Promise<readonly string[]> {
  const result = await loadConfig(file, process.env, (value) => log.registerSecret(value));
  if (result.kind === "bad") {
    const errors = result.problems.map(formatProblem);
    log.emit({ kind: "reload-refused", config: file, errors });
    return errors;
  }
  const refusal = app.replaceConfig(result.config);
  if (refusal === undefined) log.emit({ kind: "reloaded", config: file });
  else log.emit({ kind: "reload-refused", config: file, errors: [refusal] });
  return refusal === undefined ? [] : [refusal];
}

async function withConfig(file: string, work: (config: Config, log: Log) => Promise<number>): Promise<number> {
  const early: string[] = [];
  const told = { secret: (value: string): unknown => early.push(value) };
  const result = await loadConfig(file, process.env, (value) => void told.secret(value));
  if (result.kind === "bad") {
    for (const problem of result.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return onceStatus.badConfiguration;
  }
  for (const warning of result.warnings) process.stderr.write(`warning: ${formatProblem(warning)}\n`);
  const { config } = result;
  await using log = createLog({ ...config.log, destination: stdout });
  told.secret = (value) => log.registerSecret(value);
  for (const value of early) log.registerSecret(value);
  try {
    return await work(config, log);
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    process.stderr.write(`popgate: ${error.message}\n`);
    return onceStatus.failed;
  }
}
