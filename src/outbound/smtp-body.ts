/**
 * The body of one message on its way from the socket to whoever stores it: one chunk at a time, and the socket is not
 * read again until the last one has been taken. So memory is bounded, whichever side is slow.
 *
 * The reading side ends normally only when the writing side has said that the message is whole; it throws when the
 * writing side gives up. Once nobody reads any more, chunks are dropped, so that what a client still sends can be read
 * away. One reader; its iterator may be taken once.
 */
export class BodyChannel implements AsyncIterable<Buffer> {
  #chunk: Buffer | undefined;
  #end: "whole" | Error | undefined;
  #abandoned = false;
  /** Wakes the reader, or the writer; at most one of the two waits. */
  #wake: (() => void) | undefined;

  /** Resolves when the chunk has been taken, or is not wanted any more. */
  async push(chunk: Buffer): Promise<void> {
    if (chunk.length === 0) return;
    if (this.#end !== undefined) throw new TypeError("the body has ended");
    if (this.#abandoned) return;
    this.#chunk = chunk;
    this.#rouse();
    while (this.#isWaiting()) await this.#sleep();
  }

  /** The message is whole. */
  end(): void {
    this.#end ??= "whole";
    this.#rouse();
  }

  /** The message will not become whole: the reader gets `reason`. */
  fail(reason: Error): void {
    this.#end ??= reason;
    this.#chunk = undefined;
    this.#rouse();
  }

  /** Nobody reads any more. */
  abandon(): void {
    this.#abandoned = true;
    this.#chunk = undefined;
    this.#rouse();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    try {
      for (;;) {
        const chunk = this.#chunk;
        if (chunk !== undefined) {
          this.#chunk = undefined;
          this.#rouse();
          yield chunk;
        } else if (this.#end instanceof Error) throw this.#end;
        else if (this.#end === "whole" || this.#abandoned) return;
        else await this.#sleep();
      }
    } finally {
      this.abandon();
    }
  }

  #isWaiting(): boolean {
    return this.#chunk !== undefined;
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #rouse(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
