/**
 * Work that goes on beside the reading of the next message, bounded in number and octets. Commits that are in flight
 * together share one flush of the spool.
 *
 * The first failure is kept and thrown by `room` and `end`; later ones follow from it. `settled` waits for everything and
 * never throws, so that no commit is left running behind an error.
 */
export class InFlight {
  readonly #maxCount: number;
  readonly #maxOctets: number;
  readonly #running = new Set<Promise<void>>();
  #octets = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(maxCount: number, maxOctets: number) {
    this.#maxCount = maxCount;
    this.#maxOctets = maxOctets;
  }

  /** Takes a piece of work that has been begun. */
  add(work: Promise<void>, octets: number): void {
    this.#octets += octets;
    const running = work
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#octets -= octets;
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Waits until one more may be added. Throws what any of them has failed with. */
  async room(): Promise<void> {
    while (this.#failure === undefined && this.#running.size > 0) {
      if (this.#running.size < this.#maxCount && this.#octets < this.#maxOctets) break;
      await Promise.race(this.#running);
    }
    this.#throwFailure();
  }

  /** Waits for all of them. Throws what any of them has failed with. */
  async end(): Promise<void> {
    await this.settled();
    this.#throwFailure();
  }

  /** Waits for all of them, whatever becomes of them. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
