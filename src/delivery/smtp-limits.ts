/**
 * How long one transaction may take, and what a stop of popgate means for it.
 *
 * Before the body begins, a stop ends it at once: nothing has been sent. After that it gets a grace, because a server that
 * has been given most of a message would otherwise get all of it again. Disposing leaves no timer and no listener.
 */
/** Milliseconds. RFC 5321 §4.5.3.2 gives the least that a client should wait; a LAN's server is given less for the start. */
export interface SmtpTimeouts {
  readonly connectMs: number;
  /** For the greeting; twice that from the greeting until mail can be sent. */
  readonly greetingMs: number;
  /** From MAIL to the reply to DATA: tarpits of five seconds for each bad recipient are normal with Exchange. */
  readonly envelopeMs: number;
  /** A body that stands still, and the reply to the final dot (§4.5.3.2.6: ten minutes). */
  readonly bodyMs: number;
  /** The whole transaction, for servers that take octets one at a time. */
  readonly transactionMs: number;
  /** When popgate stops while the body is on its way. */
  readonly stopMs: number;
  /** For the reply to QUIT. */
  readonly quitMs: number;
}

export const defaultSmtpTimeouts: SmtpTimeouts = {
  connectMs: 30_000,
  greetingMs: 60_000,
  envelopeMs: 15 * 60_000,
  bodyMs: 10 * 60_000,
  transactionMs: 60 * 60_000,
  stopMs: 20_000,
  quitMs: 3_000,
};

/** Use with `using`. */
export class SendLimits implements Disposable {
  readonly #ending = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #stop: AbortSignal;
  readonly #onStop: () => void;

  constructor(timeouts: SmtpTimeouts, stop: AbortSignal, isSending: () => boolean) {
    this.#after(timeouts.envelopeMs, () => !isSending());
    this.#after(timeouts.transactionMs);
    this.#stop = stop;
    this.#onStop = () => {
      if (isSending()) this.#after(timeouts.stopMs);
      else this.#ending.abort(stop.reason);
    };
    if (stop.aborted) this.#onStop();
    else stop.addEventListener("abort", this.#onStop, { once: true });
  }

  /** Aborted when it must end now. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Plain timers: this is made for every message. */
  #after(ms: number, applies = (): boolean => true): void {
    const end = (): void => {
      if (applies()) this.#ending.abort(new DOMException(`no end after ${ms} ms`, "TimeoutError"));
    };
    this.#timers.push(setTimeout(end, ms));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stop.removeEventListener("abort", this.#onStop);
  }
}
