/**
 * Makes names durable: a flushed file whose directory entry was not flushed can be gone after a loss of power.
 *
 * The directories above are flushed as well, since any of them may have been made by us just now, or by a start that was
 * killed before it came to this. One that may not be opened was made by somebody else, and is left alone.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import path from "node:path";

/** Flushes a directory, which must be there, and all above it. */
export function settleDirectory(dir: string): void {
  const whole = path.resolve(dir);
  settle(whole);
  for (let at = path.dirname(whole); ; at = path.dirname(at)) {
    try {
      settle(at);
    } catch {
      // Not ours: see above.
    }
    if (at === path.dirname(at)) return;
  }
}

/** Flushes one file or directory. */
export function settle(name: string): void {
  const handle = openSync(name, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
