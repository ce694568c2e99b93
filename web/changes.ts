/**
 * Gathers what happens into refreshes: many events in a short time are one, none is missed, and there are never two at a
 * time. While a dialogue is open nothing is refreshed behind it.
 */
export class Changes {
  readonly #run: () => Promise<void>;
  readonly #isBusy: () => boolean;
  #timer: number | undefined;
  #isRunning = false;
  #isOwed = false;

  constructor(run: () => Promise<void>, isBusy: () => boolean, signal: AbortSignal) {
    this.#run = run;
    this.#isBusy = isBusy;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  note(): void {
    if (this.#isRunning) this.#isOwed = true;
    else this.#timer ??= setTimeout(() => void this.#go(), gatherMs);
  }

  async #go(): Promise<void> {
    this.#timer = undefined;
    if (this.#isBusy()) {
      this.note();
      return;
    }
    this.#isRunning = true;
    try {
      await this.#run();
    } finally {
      this.#isRunning = false;
      if (this.#isOwed) {
        this.#isOwed = false;
        this.note();
      }
    }
  }
}

const gatherMs = 1000;
