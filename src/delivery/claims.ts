/** Which recipients of which messages are under way: nobody else may take them meanwhile. */
import type { Address } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";

export class Claims {
  readonly #claims = new Map<MessageId, Set<Address>>();

  /** How many have been made so far. */
  made = 0;

  /** Messages of which anything is under way. */
  get size(): number {
    return this.#claims.size;
  }

  has(id: MessageId, recipient?: Address): boolean {
    const claimed = this.#claims.get(id);
    return claimed !== undefined && (recipient === undefined || claimed.has(recipient));
  }

  /** Claims recipients that nobody has claimed, until it is disposed. */
  add(id: MessageId, recipients: ReadonlySet<Address>): Disposable {
    this.made += 1;
    this.#claims.set(id, (this.#claims.get(id) ?? new Set()).union(recipients));
    return {
      [Symbol.dispose]: () => {
        const left = (this.#claims.get(id) ?? new Set()).difference(recipients);
        if (left.size === 0) this.#claims.delete(id);
        else this.#claims.set(id, left);
      },
    };
  }
}
