/** The options that hold for one user of a fetchmailrc, and what is to be told of them. */
import type { Setting } from "./fetchmail-entries.ts";
import type { Remark } from "./imported.ts";

/** One user of one server, with the options of `defaults` before its own. */
export class Settings {
  readonly #all: readonly Setting[];
  readonly remarks: Remark[] = [];

  constructor(all: readonly Setting[]) {
    this.#all = all;
    for (const { option, line, set } of all) {
      const written = set ? option.name : `no ${option.name}`;
      if (option.withoutEqual !== undefined && set)
        this.remarks.push({ line, text: `"${written}" has no equal: ${option.withoutEqual}` });
    }
  }

  /** The one that holds: the last. */
  last(name: string): Setting | undefined {
    return this.#all.findLast(({ option }) => option.name === name);
  }

  all(name: string): readonly Setting[] {
    return this.#all.filter(({ option }) => option.name === name);
  }

  isSet(name: string): boolean {
    return this.last(name)?.set === true;
  }

  word(name: string): string | undefined {
    const setting = this.last(name);
    return setting?.set === true ? setting.values[0] : undefined;
  }

  /** A number above zero: fetchmail's 0 is "none". */
  number(name: string): number | undefined {
    const word = this.word(name);
    if (word === undefined || !/^\d{1,12}$/u.test(word)) return undefined;
    return Number(word) > 0 ? Number(word) : undefined;
  }

  /** Tells what becomes of an option, where it is set. */
  tell(name: string, text: string): void {
    const line = this.last(name)?.line;
    if (line !== undefined) this.remarks.push({ line, text });
  }
}
