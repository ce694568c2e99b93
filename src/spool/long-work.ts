/** How far long work on a spool has come: told again and again, for whoever waits. Whoever is told is quick about it. */
import type { Table } from "./store.ts";

/** `all`: how many there are; `undefined` where that is not known beforehand. `pages`: of the file. */
export type OnProgress = (what: Table | "pages", done: number, all: number | undefined) => void;

export const unheard: OnProgress = () => undefined;
