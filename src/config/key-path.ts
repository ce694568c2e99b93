/** Names of places in a configuration: paths of keys and indexes, how they are written, and where they stand. */

/** Keys and, for elements of arrays, indexes from 0. */
export type KeyPath = readonly (string | number)[];

/** Counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** `collector[2].keep`, `aliases."old@firma.example"`: indexes from 1, as a person counts. */
export function keyText(path: KeyPath): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part + 1}]`;
    else text += `${text === "" ? "" : "."}${/^[A-Za-z0-9_-]+$/u.test(part) ? part : JSON.stringify(part)}`;
  }
  return text;
}
