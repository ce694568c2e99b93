/**
 * Outcomes wait a moment for an acceptance to share a flush with.
 *
 * LMDB has one transaction at a time, and each has its flush. While a message is on its way in, an outcome that went at
 * once would make the acceptance wait for two flushes: its own, and that of what became of the message before. So it goes
 * along with the next commit, whatever that is; when none comes within `patienceMs`, it goes alone. While nothing is on
 * its way in, nobody waits. What waits is not durable, and whoever asked for it has not been told that it is.
 *
 * A crash meanwhile makes the outcome unknown, as during its flush: such mail is handed over again.
 */
import type { Clock } from "../core/ports.ts";

/** Why the timer is stopped. Made once: it happens with every flush. */
const gone = new Error("it has gone along");

interface Gathering {
  readonly left: PromiseWithResolvers<void>;
  readonly timer: AbortController;
}

export class Company {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #ending: AbortSignal;
  #gathering: Gathering | undefined;

  /** With `patienceMs` 0 nothing ever waits; when `ending` is aborted, nothing waits any longer. */
  constructor(clock: Clock, patienceMs: number, ending: AbortSignal) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
    this.#ending = ending;
    ending.addEventListener("abort", () => this.leave(), { once: true });
  }

  /** Resolves when the next commit has been given to the store, in the same turn, or when patience has ended. */
  async wait(): Promise<void> {
    if (this.#patienceMs === 0 || this.#ending.aborted) return;
    this.#gathering ??= this.#gather();
    await this.#gathering.left.promise;
  }

  /** A commit has just been given to the store: what waits goes along. */
  leave(): void {
    const gathering = this.#gathering;
    if (gathering === undefined) return;
    this.#gathering = undefined;
    gathering.timer.abort(gone);
    gathering.left.resolve();
  }

  #gather(): Gathering {
    const gathering: Gathering = { left: Promise.withResolvers(), timer: new AbortController() };
    // Ended early, it has nobody left to wake; a clock that fails must not keep anything waiting.
    const wake = (): void => {
      if (this.#gathering === gathering) this.leave();
    };
    void this.#clock.sleep(this.#patienceMs, gathering.timer.signal).then(wake, wake);
    return gathering;
  }
}
