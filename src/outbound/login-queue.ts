/**
 * Lets few logins be checked at a time. A check costs tens of milliseconds of a processor, tens of megabytes, and one of
 * the few threads that Node also reads files and host names with: a flood of logins must not take all of them.
 *
 * Who is trusted goes first, whatever waits; who is not may have `mostOfStranger` in the queue, and all strangers
 * together `mostOfStrangers`. More are turned away at once.
 */
export interface Turn extends Disposable {
  readonly kind: "turn";
}

interface Waiting {
  readonly key: string;
  readonly enter: () => void;
}

const atOnce = 2;
const mostOfStranger = 10;
const mostOfStrangers = 32;
/** Bounded by the listener's connections too: each has one login at a time. */
const mostTrusted = 1000;

export class LoginQueue {
  #running = 0;
  readonly #trusted: Waiting[] = [];
  readonly #strangers: Waiting[] = [];

  /** Resolves when it is one's turn, to be disposed when the check is done; with `full` at once. Rejects when aborted. */
  async enter(key: string, trusted: boolean, signal: AbortSignal): Promise<Turn | "full"> {
    signal.throwIfAborted();
    if (this.#running >= atOnce) {
      if (!this.#hasRoom(key, trusted)) return "full";
      await this.#wait(key, trusted ? this.#trusted : this.#strangers, signal);
    } else this.#running++;
    let over = false;
    return {
      kind: "turn",
      [Symbol.dispose]: () => {
        if (!over) this.#leave();
        over = true;
      },
    };
  }

  #hasRoom(key: string, trusted: boolean): boolean {
    if (trusted) return this.#trusted.length < mostTrusted;
    const mine = this.#strangers.filter((waiting) => waiting.key === key).length;
    return this.#strangers.length < mostOfStrangers && mine < mostOfStranger;
  }

  #wait(key: string, queue: Waiting[], signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const give = (): void => {
      queue.splice(queue.indexOf(waiting), 1);
      reject(signal.reason instanceof Error ? signal.reason : new Error("the login was given up"));
    };
    const waiting: Waiting = {
      key,
      enter: () => {
        signal.removeEventListener("abort", give);
        resolve();
      },
    };
    signal.addEventListener("abort", give, { once: true });
    queue.push(waiting);
    return promise;
  }

  /** Hands the place on: the number of those who run stays the same. */
  #leave(): void {
    const next = this.#trusted.shift() ?? this.#strangers.shift();
    if (next === undefined) this.#running--;
    else next.enter();
  }
}
