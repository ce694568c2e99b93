/**
 * The ports through which time and chance come in. Nothing outside `runtime/` and `app/` reads a clock, sets a timer or
 * asks for a random number in any other way, so that every rule about time can be tested without waiting.
 */

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;

export interface Clock {
  /** The wall clock. It may jump; nothing durable may depend on its being monotonic. */
  now(): EpochMs;
  /**
   * Resolves after `ms` milliseconds. Rejects with the signal's reason as soon as it is aborted, and leaves no timer
   * behind in either case.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}
