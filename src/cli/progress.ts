/**
 * How far long work has come: one line on the terminal of stderr, written over itself and gone in the end.
 *
 * Guarantees: nothing is written where stderr is no terminal, nor where it is not wanted (`--json`); at most four times a
 * second, however often it is told.
 */
import type { Clock, EpochMs } from "../core/ports.ts";
import { systemClock } from "../runtime/clock.ts";
import type { OnProgress } from "../spool/long-work.ts";
import type { Screen } from "./screen.ts";
import { spanText } from "./time-words.ts";

const leastMs = 250;
/** For work that tells nothing by itself. */
const againMs = 1000;

const things: Readonly<Partial<Record<Parameters<OnProgress>[0], string>>> = {
  pages: "pages of the file",
  message: "messages",
  chunk: "bodies",
  history: "messages that have ended",
  ledger: "entries of the ledger",
};

export interface ProgressOptions {
  /** Of stderr. */
  readonly screen: Screen;
  readonly isWanted: boolean;
  readonly clock?: Clock;
}

export class Progress implements Disposable {
  readonly #screen: Screen;
  readonly #isShown: boolean;
  readonly #clock: Clock;
  #last: EpochMs | undefined;

  constructor({ screen, isWanted, clock = systemClock }: ProgressOptions) {
    this.#screen = screen;
    this.#isShown = isWanted && screen.isTerminal;
    this.#clock = clock;
  }

  /** `words` is asked only when it is time to write. */
  tell(words: () => string): void {
    if (!this.#isShown) return;
    const now = this.#clock.now();
    if (this.#last !== undefined && Math.abs(now - this.#last) < leastMs) return;
    this.#last = now;
    this.#screen.progress(words());
  }

  /** Told by the spool's own long work. */
  readonly counted: OnProgress = (what, done, all) =>
    this.tell(
      () => `looking at ${things[what] ?? `the index ${what}`}: ${done}${all === undefined ? "" : ` of ${all}`}`,
    );

  /** Beside work that tells nothing by itself: `words` and for how long it has gone on. Gives what the work comes to. */
  async during<T>(work: Promise<T>, words: () => string): Promise<T> {
    if (!this.#isShown) return work;
    const over = new AbortController();
    const telling = this.#tellAgain(words, over.signal);
    try {
      return await work;
    } finally {
      over.abort();
      await telling;
      this[Symbol.dispose]();
    }
  }

  async #tellAgain(words: () => string, signal: AbortSignal): Promise<void> {
    let lasted = 0;
    while (!signal.aborted) {
      await this.#clock.sleep(againMs, signal).catch(() => undefined);
      lasted += againMs;
      if (!signal.aborted) this.tell(() => `${words()}, ${spanText(lasted)}`);
    }
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#last !== undefined) this.#screen.clearProgress();
    this.#last = undefined;
  }
}
