/**
 * One account: polls its box once when asked, and knows when it wants to be polled next.
 *
 * `poll` never rejects for what can happen to a poll; it reports it, tells it as an event, and backs off. It never logs
 * in earlier than provider and configuration allow, also after a restart: the time of a login is durable before the
 * login. A session that takes too long is broken off, so that it holds its place in the poll loop for a bounded time.
 */
import type { AccountName } from "../core/ids.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import type { EnvelopePolicy } from "../message/policy.ts";
import { Pop3Error } from "../pop3/port.ts";
import { SpoolError } from "../spool/port.ts";
import { AccountState, type AccountOptions, type AccountPorts } from "./account-state.ts";
import type { PollReport } from "./report.ts";
import { backOffMs, earliestLogin, nextRegular, nextRun, type PollFailure } from "./schedule.ts";
import { runSession } from "./session.ts";
import { emptyTally } from "./tally.ts";

export interface Account {
  readonly name: AccountName;
  /** When it is to be polled next, by schedule, back-off and the provider's rules. */
  nextPollAt(): Promise<EpochMs>;
  /** The earliest login that the provider's rules allow. */
  earliestLoginAt(): Promise<EpochMs>;
  /** One session. Not to be called again before it has resolved. */
  poll(signal: AbortSignal): Promise<PollReport>;
  /** How recipients are found now; `undefined` while `profile = "auto"` has found none. For `resolve`. */
  policy(): Promise<EnvelopePolicy | undefined>;
  /**
   * Forgets the learnt profile and the drift guard's knowledge; durable. With `profile = "auto"` the next session learns
   * anew, also from what is held.
   */
  forgetProfile(): Promise<void>;
}

export function createAccount(options: AccountOptions, ports: AccountPorts): Account {
  let opened: AccountState | undefined;
  /** When it is due again, and when that was reckoned. */
  let next: { readonly at: EpochMs; readonly since: EpochMs } | undefined;
  const open = async (): Promise<AccountState> => (opened ??= await AccountState.open({ ...options, ...ports }));
  return {
    name: options.name,
    async nextPollAt() {
      const state = await open();
      const now = ports.clock.now();
      // After a restart a box is looked at at once, unless the provider minds: mail may have waited while we were down.
      // A clock that was set back since then must not keep the box unread until it has caught up: the pause begins anew.
      if (next !== undefined && next.since > now) next = { at: now + Math.max(0, next.at - next.since), since: now };
      const regular = next?.at ?? nextRegular(options.rules.times, undefined, now);
      return Math.max(regular, allowedAt(state));
    },
    async earliestLoginAt() {
      return allowedAt(await open());
    },
    async poll(signal) {
      const state = await open();
      const until = allowedAt(state);
      if (until > ports.clock.now()) return { kind: "delayed", account: options.name, until };
      const report = await pollOnce(state, signal);
      next = { at: afterPoll(state, report), since: ports.clock.now() };
      return report;
    },
    async policy() {
      return (await open()).guide.policy();
    },
    async forgetProfile() {
      await (await open()).remember({ learnt: undefined, drift: undefined });
    },
  };
}

function allowedAt(state: AccountState): EpochMs {
  const { rules, clock } = state.options;
  const now = clock.now();
  const { lastLoginAt, loginDelayMs } = state.memory;
  // The clock was set back. Counted from now, once: reckoned anew at each look, the time would never come.
  if (lastLoginAt !== undefined && lastLoginAt > now) state.memory = { ...state.memory, lastLoginAt: now };
  return earliestLogin(state.memory.lastLoginAt, rules.minIntervalMs, loginDelayMs, now);
}

function afterPoll(state: AccountState, report: PollReport): EpochMs {
  const now = state.options.clock.now();
  if (report.kind === "failed") return report.retryAt;
  if (report.kind !== "done" || report.more) return now;
  return nextRegular(state.options.rules.times, now - report.ms, now);
}

async function pollOnce(state: AccountState, stop: AbortSignal): Promise<PollReport> {
  const { name: account, clock, events, limits } = state.options;
  const begun = clock.now();
  const lastLoginAt = state.memory.lastLoginAt;
  state.tally = emptyTally();
  state.loggedIn = false;
  events.emit({ kind: "poll-started", account });
  try {
    stop.throwIfAborted();
    // Durable before the login: a crash in it must not let us in again too early.
    await state.remember({ lastLoginAt: begun });
    const { more } = await withDeadline(clock, limits.sessionDeadlineMs, stop, (signal) =>
      runSession(state, stop, signal),
    );
    await state.rememberDrift();
    countLeft(state);
    state.failures = undefined;
    const ms = clock.now() - begun;
    const { listed, fetched, octets, deleted, left, held } = state.tally;
    events.emit({ kind: "poll-finished", account, listed, fetched, octets, deleted, left, held, ms });
    return { kind: "done", account, ...state.tally, ms, more };
  } catch (error) {
    return failed(state, error, stop, begun, lastLoginAt);
  }
}

async function failed(
  state: AccountState,
  error: unknown,
  stop: AbortSignal,
  begun: EpochMs,
  lastLoginAt: EpochMs | undefined,
): Promise<PollReport> {
  const { name: account, clock, random, events } = state.options;
  const { failure, detail } = classify(error, stop);
  if (failure === "internal") events.emit({ kind: "internal-error", where: `polling ${account}`, detail });
  countLeft(state);
  const progress = state.tally.fetched + state.tally.recognised > 0;
  state.failures = nextRun(state.failures, failure, progress);
  const retryAfterMs = error instanceof Pop3Error ? error.retryAfterMs : undefined;
  await noteFailedLogin(state, failure, retryAfterMs, lastLoginAt);
  const known = failure === "login-delay" ? (retryAfterMs ?? state.memory.loginDelayMs) : retryAfterMs;
  const now = clock.now();
  const retryAt = Math.max(now + backOffMs(state.failures, known, random), allowedAt(state));
  if (failure !== "aborted") events.emit({ kind: "poll-failed", account, failure, detail, retryAt });
  return { kind: "failed", account, ...state.tally, ms: now - begun, failure, detail, retryAt };
}

function countLeft({ tally }: AccountState): void {
  tally.left = tally.listed - tally.deleted;
}

/** Puts right what was written before the login, and keeps what the server said about logins. */
async function noteFailedLogin(
  state: AccountState,
  failure: PollFailure,
  retryAfterMs: number | undefined,
  lastLoginAt: EpochMs | undefined,
): Promise<void> {
  // No login was tried: the provider's clock does not run from here.
  const unreached = !state.loggedIn && (failure === "connection" || failure === "tls" || failure === "aborted");
  const delayed = failure === "login-delay" && retryAfterMs !== undefined;
  try {
    if (unreached) await state.remember({ lastLoginAt });
    // What is left of a delay, which may be less than the delay itself.
    else if (delayed) await state.remember({ loginDelayMs: Math.max(retryAfterMs, state.memory.loginDelayMs ?? 0) });
    else await state.rememberDrift();
  } catch (error) {
    // A spool that cannot be written is told of as the failure, or will be by the next poll.
    if (error instanceof SpoolError) return;
    state.options.events.emit({
      kind: "internal-error",
      where: `after polling ${state.options.name}`,
      detail: String(error),
    });
  }
}

function classify(error: unknown, stop: AbortSignal): { readonly failure: PollFailure; readonly detail: string } {
  if (stop.aborted) return { failure: "aborted", detail: "stopped" };
  if (error instanceof SpoolError) return { failure: "spool", detail: error.message };
  if (error instanceof DeadlineError) return { failure: "connection", detail: error.message };
  if (error instanceof Pop3Error) {
    const detail = error.reply === undefined ? error.message : `${error.message}: ${error.reply}`;
    return { failure: error.kind, detail };
  }
  return { failure: "internal", detail: String(error) };
}

/** A session took longer than any session should. */
class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** Runs `work` with a signal that aborts when the caller's does, or after `ms`; then rejects with a `DeadlineError`. */
async function withDeadline<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const over = new AbortController();
  const watch = clock.sleep(ms, AbortSignal.any([outer, over.signal])).then(
    () => deadline.abort(new DeadlineError(`the session has not ended after ${Math.round(ms / 1000)} s`)),
    () => undefined,
  );
  try {
    return await work(AbortSignal.any([outer, deadline.signal]));
  } catch (error) {
    if (deadline.signal.aborted && !outer.aborted && !(error instanceof SpoolError)) throw deadline.signal.reason;
    throw error;
  } finally {
    over.abort();
    await watch;
  }
}
