/**
 * What systemd is told of the daemon, by the protocol of sd_notify(3): that it stands, reads its configuration again,
 * stops, in what state it is, and, where the unit has `WatchdogSec=`, that it lives.
 *
 * Node has no Unix datagram sockets, so `systemd-notify` is run for each message (the unit needs `NotifyAccess=all`).
 * Messages go one after the other in the order they were given. A watchdog's message is sent only from the event loop and
 * only after `alive` has answered, so that a program that hangs, or a spool that does, is ended and started anew; until
 * the program stands, the same beat asks for more time to start (a spool may have to be changed to a newer form).
 *
 * Without `NOTIFY_SOCKET` nothing is run and nothing is waited for. A message that cannot be sent is told once and
 * harms nothing else. RELOADING=1 carries MONOTONIC_USEC, as `Type=notify-reload` of systemd 253 wants it.
 */
import { execFile } from "node:child_process";
import { hrtime, pid } from "node:process";
import type { EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";

export interface ServiceNotify extends AsyncDisposable {
  /** Everything stands; again after a reload. */
  ready(status: string): void;
  reloading(): void;
  stopping(status: string): void;
}

export interface ServiceNotifyPorts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly events: EventSink;
  /** Resolves with a line about the state when the program can do its work; the watchdog hears nothing otherwise. */
  readonly alive: (signal: AbortSignal) => Promise<string>;
  /** Sends one message; what specs put in the place of `systemd-notify`. */
  readonly send?: (assignments: readonly string[], socket: string) => Promise<void>;
}

/** `systemd-notify` waits until the manager has taken the message in; not for ever. */
const sendTimeoutMs = 5_000;
/** How much more time the start is given at each beat, in beats. */
const startBeats = 4;
/** Beats while it starts, where the unit has no watchdog. */
const startBeatMs = 20_000;
/** sd_watchdog_enabled(3) recommends half of the time. */
const beatsPerWatchdog = 2;

/** Until it is disposed. */
export function openServiceNotify(ports: ServiceNotifyPorts): ServiceNotify {
  const socket = ports.env["NOTIFY_SOCKET"];
  if (socket === undefined || socket === "") return silent;
  return new SystemdNotify(socket, ports);
}

const silent: ServiceNotify = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

class SystemdNotify implements ServiceNotify {
  readonly #socket: string;
  readonly #ports: ServiceNotifyPorts;
  readonly #stop = new AbortController();
  readonly #beats: Promise<void>;
  #last: Promise<void> = Promise.resolve();
  #isReady = false;
  #hasFailed = false;

  constructor(socket: string, ports: ServiceNotifyPorts) {
    this.#socket = socket;
    this.#ports = ports;
    this.#beats = this.#beat(watchdogMs(ports.env));
  }

  ready(status: string): void {
    this.#isReady = true;
    this.#tell("READY=1", statusLine(status));
  }

  reloading(): void {
    const now = hrtime.bigint() / 1000n;
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${now}`, statusLine("reading the configuration again"));
  }

  stopping(status: string): void {
    this.#tell("STOPPING=1", statusLine(status));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the notifications end"));
    await this.#beats;
    await this.#last;
  }

  async #beat(watchdog: number | undefined): Promise<void> {
    const { clock, alive } = this.#ports;
    const { signal } = this.#stop;
    const everyMs = watchdog === undefined ? startBeatMs : watchdog / beatsPerWatchdog;
    while (!signal.aborted) {
      if (watchdog === undefined && this.#isReady) return;
      try {
        await clock.sleep(everyMs, signal);
        if (!this.#isReady) this.#tell(`EXTEND_TIMEOUT_USEC=${everyMs * startBeats * 1000}`);
        else if (watchdog !== undefined) this.#tell("WATCHDOG=1", statusLine(await orAborted(alive(signal), signal)));
        // One message at a time: no pile grows where the manager does not answer.
        await this.#last;
      } catch {
        // The end, or a spool that does not answer: then the watchdog hears nothing, which is the message.
      }
    }
  }

  #tell(...assignments: readonly string[]): void {
    const { send = runSystemdNotify, events } = this.#ports;
    this.#last = this.#last.then(async () => {
      try {
        await send(assignments, this.#socket);
      } catch (error) {
        if (this.#hasFailed) return;
        this.#hasFailed = true;
        events.emit({ kind: "service-notify-failed", detail: error instanceof Error ? error.message : String(error) });
      }
    });
  }
}

/** The unit's `WatchdogSec=`, when it is meant for this process. */
function watchdogMs(env: ServiceNotifyPorts["env"]): number | undefined {
  const { WATCHDOG_USEC: usec = "", WATCHDOG_PID: forPid } = env;
  if (!/^[1-9]\d{0,15}$/u.test(usec) || (forPid !== undefined && forPid !== String(pid))) return undefined;
  return Math.max(Number(usec) / 1000, 1);
}

/** Rejects with the signal's reason when that comes first. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A line break would begin another assignment. */
function statusLine(text: string): string {
  return `STATUS=${text.replace(/\p{Cc}+/gu, " ")}`;
}

async function runSystemdNotify(assignments: readonly string[], socket: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const options = {
    env: { NOTIFY_SOCKET: socket, PATH: "/usr/bin:/bin" },
    timeout: sendTimeoutMs,
    killSignal: "SIGKILL",
  } as const;
  execFile("systemd-notify", [...assignments], options, (error, _stdout, stderr) => {
    if (error === null) resolve();
    else reject(new Error(`systemd-notify: ${stderr.trim() === "" ? error.message : stderr.trim()}`, { cause: error }));
  });
  await promise;
}
