/**
 * When a box is looked at next. Pure: instants in, an instant out.
 *
 * - `every` counts from the beginning of the last poll; cron patterns are read in local time (or a named zone).
 * - No login earlier than the provider allows: its LOGIN-DELAY (RFC 2449 §6.5, §8.1.1), what it asked for in a reply,
 *   and the configured minimum. They are reckoned from the last login, which is remembered across restarts.
 * - Failures are backed off by kind, with jitter so that many accounts of one provider do not return together:
 *   a refused login far (trying on locks accounts), a busy box soon, trouble of the connection doubling up to a cap,
 *   what only a person can mend slowly. A success resets. Back-off is not kept across restarts: whoever restarts the
 *   daemon has often just corrected the password.
 */
import { Cron } from "croner";
import type { EpochMs, Random } from "../core/ports.ts";
import type { Pop3ErrorKind } from "../pop3/port.ts";

export type PollTimes =
  | { readonly kind: "every"; readonly ms: number }
  | { readonly kind: "cron"; readonly pattern: string; readonly timezone?: string | undefined };

export interface PollRules {
  readonly times: PollTimes;
  /** The provider's rule as configured: never log in more often. 0: none. */
  readonly minIntervalMs: number;
}

/** Why a poll did not come to its end. `spool`: nothing can be taken in; `internal`: a fault of our own. */
export type PollFailure = Pop3ErrorKind | "spool" | "internal";

export interface FailureRun {
  readonly failure: PollFailure;
  /** How many polls have failed in a row in this way. */
  readonly count: number;
}

const minute = 60_000;
const hour = 60 * minute;

/** First pause and longest pause. It doubles in between. */
const backOff: Readonly<Record<PollFailure, readonly [first: number, longest: number]>> = {
  auth: [15 * minute, 6 * hour],
  "in-use": [minute / 2, 5 * minute],
  "login-delay": [minute, 30 * minute],
  temporary: [minute, 30 * minute],
  connection: [minute / 2, 15 * minute],
  protocol: [minute, 30 * minute],
  permanent: [10 * minute, 2 * hour],
  tls: [10 * minute, 2 * hour],
  spool: [minute / 2, 5 * minute],
  internal: [5 * minute, hour],
  aborted: [0, 0],
};

/** The next regular time after `last`; at once when the box was never looked at. */
export function nextRegular(times: PollTimes, last: EpochMs | undefined, now: EpochMs): EpochMs {
  if (times.kind === "every") {
    // A clock that was set back must not keep a box unread until it has caught up.
    return last === undefined ? now : Math.max(now, Math.min(last, now) + times.ms);
  }
  const cron = new Cron(times.pattern, {
    paused: true,
    ...(times.timezone === undefined ? {} : { timezone: times.timezone }),
  });
  // Patterns are checked when the configuration is read; one that never comes is looked at again in a year.
  return cron.nextRun(new Date(now))?.getTime() ?? now + 365 * 24 * hour;
}

/** The earliest login that provider and configuration allow. */
export function earliestLogin(
  lastLoginAt: EpochMs | undefined,
  minIntervalMs: number,
  loginDelayMs: number | undefined,
  now: EpochMs,
): EpochMs {
  if (lastLoginAt === undefined) return now;
  return Math.max(now, Math.min(lastLoginAt, now) + Math.max(minIntervalMs, loginDelayMs ?? 0));
}

/** How long to stay away after the last failure of a run. `retryAfterMs` is what the server itself asked for. */
export function backOffMs(run: FailureRun, retryAfterMs: number | undefined, random: Random): number {
  const [first, longest] = backOff[run.failure];
  const plain = Math.min(longest, first * 2 ** Math.min(run.count - 1, 20));
  // Only upwards where the server named a time, or the jitter would bring us back too early.
  if (retryAfterMs !== undefined) return Math.max(retryAfterMs, 1000) * (1 + 0.1 * random.next());
  return plain * (0.8 + 0.4 * random.next());
}

/** The run of failures with one more in it. A session that brought something in begins a new run. */
export function nextRun(run: FailureRun | undefined, failure: PollFailure, progress: boolean): FailureRun {
  return { failure, count: !progress && run?.failure === failure ? run.count + 1 : 1 };
}
