/**
 * Keeps the memory of a program that runs for months near what it needs.
 *
 * V8 lets the heap grow to as much as four times what was alive at the last full collection before it collects again. With
 * the steady trickle of garbage of a mail server that takes half an hour, and looks like a leak to who watches the
 * process: a daemon whose objects took 38 MB stood at 320 MB. A smaller factor costs a full collection every few minutes.
 */
import { setFlagsFromString } from "node:v8";

/** In hundredths of what is alive. */
const mayGrowBy = 50;

/** To be called once, at the start. V8 reads the factor anew after each collection. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${mayGrowBy}`);
}
