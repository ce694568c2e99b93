/**
 * Keeps the memory of a program that runs for months near what it needs.
 *
 * V8 lets the heap grow to as much as four times what was alive at the last full collection before it collects again. With
 * the steady trickle of garbage of a mail server that takes half an hour, and looks like a leak to who watches the
 * process: a daemon whose objects took 38 MB stood at 320 MB. A smaller factor costs a full collection every few minutes.
 *
 * The space for young objects doubles up to 128 MB while mail flows. What a message needs is short-lived: the space that
 * the program had after its start does.
 */
import { setFlagsFromString } from "node:v8";

/** In hundredths of what is alive. */
const mayGrowBy = 50;

/** To be called once, when the program has been loaded. V8 reads both factors anew after each collection. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${mayGrowBy}`);
  setFlagsFromString("--semi-space-growth-factor=1");
}
