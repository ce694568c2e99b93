/**
 * The clock that popgate sees, which can jump: libfaketime in front of the C library, with the offset in a file that it
 * reads at each look at the clock. Only the wall clock is changed; the monotonic one, by which timers run, is left alone,
 * as when a real clock is set. Without the library nothing jumps, and such faults are not drawn.
 */
import { globSync, renameSync, writeFileSync } from "node:fs";

export class FakeClock {
  readonly #file: string;
  readonly #library: string | undefined;
  #offsetSeconds = 0;

  constructor(file: string) {
    this.#file = file;
    this.#library = globSync("/usr/lib{,64}{,/*}/faketime/libfaketime.so.1")[0];
    this.set(0);
  }

  /** Why it cannot jump, if so. */
  get impossible(): string | undefined {
    return this.#library === undefined ? "libfaketime is not installed" : undefined;
  }

  /** For the process that is to see it. */
  get environment(): Readonly<Record<string, string>> {
    if (this.#library === undefined) return {};
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      // Times of files stay what they are.
      NO_FAKE_STAT: "1",
    };
  }

  get offsetSeconds(): number {
    return this.#offsetSeconds;
  }

  /** Ahead of the real time by so much, or behind it. The new file takes the place of the old one at once. */
  set(offsetSeconds: number): void {
    this.#offsetSeconds = offsetSeconds;
    writeFileSync(`${this.#file}.new`, `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
