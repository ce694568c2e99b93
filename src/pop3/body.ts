/**
 * A message on its way from the socket to its reader: a queue of slices with one reader. The wire pauses the socket
 * while too much is queued, so a slow reader costs no memory. It ends whole or throws; there is nothing in between.
 */
import type { Pop3Error } from "./port.ts";

/** Where the content of a multi-line reply goes. */
export interface ReplySink {
  write(slice: Buffer): void;
  end(): void;
  fail(error: Pop3Error): void;
}

/** What a queued slice costs in memory: a server may send octets one by one, and each is an object of its own. */
function sliceCost(slice: Buffer): number {
  return slice.length + 128;
}

export class MessageBody implements ReplySink, AsyncIterable<Buffer> {
  readonly #onQueue: (change: number) => void;
  #queue: Buffer[] = [];
  #state: "open" | "ended" | "discarding" = "open";
  #error: Pop3Error | undefined;
  #wake: (() => void) | undefined;
  #taken = false;

  /** `onQueue` hears of the memory that the queue takes up (positive) and sets free (negative). */
  constructor(onQueue: (change: number) => void) {
    this.#onQueue = onQueue;
  }

  write(slice: Buffer): void {
    if (this.#state === "discarding") return;
    this.#queue.push(slice);
    this.#onQueue(sliceCost(slice));
    this.#wake?.();
  }

  end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#wake?.();
  }

  /** A message that has come to its end stays whole, whatever happens to the connection. */
  fail(error: Pop3Error): void {
    if (this.#state === "ended") return;
    this.#error = error;
    this.#drop();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    if (this.#taken) throw new TypeError("a message can be read once only");
    this.#taken = true;
    try {
      for (;;) {
        if (this.#error !== undefined) throw this.#error;
        const slice = this.#queue.shift();
        if (slice !== undefined) {
          this.#onQueue(-sliceCost(slice));
          yield slice;
        } else if (this.#state === "ended") {
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = undefined;
        }
      }
    } finally {
      // The reader has left early: the rest is let through, so that the session can go on.
      if (this.#state === "open" && this.#error === undefined) this.#state = "discarding";
      this.#drop();
    }
  }

  #drop(): void {
    const octets = this.#queue.reduce((sum, slice) => sum + sliceCost(slice), 0);
    this.#queue = [];
    this.#onQueue(-octets);
  }
}

/** Keeps the first octets of a reply that is needed as a whole. */
export class ReplyCollector implements ReplySink {
  readonly #keep: number;
  readonly #settle: PromiseWithResolvers<Buffer> = Promise.withResolvers();
  #slices: Buffer[] = [];
  #octets = 0;

  /** At most `keep` octets are kept; what follows is let through. */
  constructor(keep: number) {
    this.#keep = keep;
    // A reply that nobody waits for any more may fail unheard: the session's own error says the same.
    this.#settle.promise.catch(() => undefined);
  }

  /** Settles when the reply is complete. */
  get content(): Promise<Buffer> {
    return this.#settle.promise;
  }

  write(slice: Buffer): void {
    const part = slice.subarray(0, this.#keep - this.#octets);
    if (part.length === 0) return;
    this.#octets += part.length;
    // A copy: a slice would keep the whole packet in memory.
    this.#slices.push(Buffer.from(part));
  }

  end(): void {
    this.#settle.resolve(Buffer.concat(this.#slices));
  }

  fail(error: Pop3Error): void {
    this.#settle.reject(error);
  }
}
