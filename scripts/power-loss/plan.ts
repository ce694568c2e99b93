/**
 * Which states are tried: after each step that leaves something open, all of it kept and none of it, and some by chance; in
 * the order of the steps, so that a recording is gone through once. Pure.
 */
import { Chance } from "../torture/chance.ts";
import { Disk, type Keeping } from "./disk.ts";
import type { Recording } from "./step.ts";

export interface PlannedState {
  /** So many steps have been done. */
  readonly steps: number;
  readonly keeping: Keeping;
  readonly seed: number;
}

/** At most `most` of them, spread evenly over the recording and its kinds. */
export function planOf({ beginning, steps }: Recording, seed: number, most: number): PlannedState[] {
  const chance = new Chance(seed);
  const disk = new Disk(beginning);
  const all: PlannedState[] = [];
  const add = (keeping: Keeping): void => void all.push({ steps: disk.steps, keeping, seed: chance.whole(0, 2 ** 31) });
  add("all");
  for (const step of steps) {
    disk.apply(step);
    add("all");
    if (!disk.isOpen) continue;
    for (const keeping of ["none", "writes", "pages", "sectors", "sectors"] as const) add(keeping);
  }
  if (all.length <= most) return all;
  const chosen = new Set(chance.shuffled(all).slice(0, most));
  return all.filter((state) => chosen.has(state));
}
