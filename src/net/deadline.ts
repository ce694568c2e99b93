/**
 * A deadline that belongs to one operation: its signal aborts when the time is over or when the caller's signal does.
 *
 * Disposing it leaves neither a timer nor a listener behind, which `AbortSignal.timeout` and `AbortSignal.any` cannot
 * promise. It never throws; what to do about it is the owner's affair.
 */

/** Use with `using`. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #onOuterAbort: () => void;
  readonly #timer: NodeJS.Timeout;
  #passed = false;

  constructor(ms: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#onOuterAbort = () => this.#controller.abort(outer.reason);
    this.#timer = setTimeout(() => {
      this.#passed = true;
      this.#controller.abort(new DOMException(`no end after ${ms} ms`, "TimeoutError"));
    }, ms);
    if (outer.aborted) this.#onOuterAbort();
    else outer.addEventListener("abort", this.#onOuterAbort, { once: true });
  }

  /** Aborted by whichever comes first. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True when it was the time that ended it, and not the caller. */
  get passed(): boolean {
    return this.#passed && !this.#outer.aborted;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#onOuterAbort);
  }
}
