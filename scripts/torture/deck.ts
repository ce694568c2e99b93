/**
 * Which kind of fault comes next: first each once, in an order by chance, then by weight. Counts how often each came, and
 * knows which ones this machine cannot show.
 */
import type { Chance } from "./chance.ts";

export interface Kind {
  readonly name: string;
  readonly weight: number;
}

export class Deck<T extends Kind> {
  readonly #kinds: readonly T[];
  readonly #chance: Chance;
  #round: T[];
  readonly #drawn = new Map<string, number>();

  constructor(kinds: readonly T[], chance: Chance) {
    this.#kinds = kinds;
    this.#chance = chance;
    this.#round = chance.shuffled(kinds);
  }

  draw(): T {
    const kind = this.#round.shift() ?? this.#chance.weighted(this.#kinds);
    this.#drawn.set(kind.name, (this.#drawn.get(kind.name) ?? 0) + 1);
    return kind;
  }

  /** In the order of the table. */
  counts(): readonly (readonly [name: string, drawn: number])[] {
    return this.#kinds.map(({ name }) => [name, this.#drawn.get(name) ?? 0]);
  }
}
