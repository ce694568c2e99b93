/**
 * Logins that were right a short while ago, so that a client which logs in for every message does not wait for a new
 * scrypt run each time.
 *
 * Kept is a keyed digest of user, hash and password, under a key of this process that is written nowhere: of no use to
 * whoever reads the memory of another process or a file. A changed hash makes it void. Only what was right is kept, so
 * that a wrong password takes as long as ever.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { EpochMs } from "../core/ports.ts";

const keptMs = 10 * 60_000;
const mostKept = 1000;

export class LoginMemory {
  readonly #key = randomBytes(32);
  /** When each was found right by scrypt; the oldest first. */
  readonly #right = new Map<string, EpochMs>();

  remember(user: string, hash: string, password: string, now: EpochMs): void {
    const digest = this.#digest(user, hash, password);
    this.#right.delete(digest);
    this.#right.set(digest, now);
    const oldest = this.#right.keys().next();
    if (this.#right.size > mostKept && oldest.done !== true) this.#right.delete(oldest.value);
  }

  /** Whether this was right a short while ago. A clock that was set back forgets. */
  knows(user: string, hash: string, password: string, now: EpochMs): boolean {
    const since = this.#right.get(this.#digest(user, hash, password));
    return since !== undefined && since <= now && now - since < keptMs;
  }

  #digest(...parts: readonly string[]): string {
    return createHmac("sha256", this.#key).update(JSON.stringify(parts)).digest("base64");
  }
}
