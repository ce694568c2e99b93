/**
 * A wall clock that is set while others sleep: as on a real machine, a sleep lasts its length whatever the clock says
 * meanwhile. The time that passes is a manual clock's.
 */
import type { Clock, EpochMs } from "../../src/core/ports.ts";
import type { ManualClock } from "./manual-clock.ts";

export class JumpingClock implements Clock {
  readonly #passing: ManualClock;
  #offsetMs = 0;

  constructor(passing: ManualClock) {
    this.#passing = passing;
  }

  now(): EpochMs {
    return this.#passing.now() + this.#offsetMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#passing.sleep(ms, signal);
  }

  jump(ms: number): void {
    this.#offsetMs += ms;
  }
}
