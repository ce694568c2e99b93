/**
 * Has the modules of a target counted: from here on what is imported from the folders given gets counters
 * (`instrument.ts`). To be called once in a thread, before the target is loaded.
 */
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { countersName, instrument } from "./instrument.ts";

/** More branches than all of src has. */
const mostBranches = 1 << 15;

export interface Counting {
  readonly counters: Uint32Array;
  /** How many counters are in use. Modules that are loaded late raise it. */
  readonly branches: number;
  readonly literals: ReadonlySet<string>;
}

/** `counted`: beginnings of file URLs. */
export function startCounting(counted: readonly string[]): Counting {
  const counters = new Uint32Array(mostBranches);
  Object.defineProperty(globalThis, countersName, { value: counters });
  const state = { counters, branches: 0, literals: new Set<string>() };
  registerHooks({
    load: (url, context, nextLoad) => {
      if (!url.endsWith(".ts") || !counted.some((beginning) => url.startsWith(beginning)))
        return nextLoad(url, context);
      const file = fileURLToPath(url);
      const { code, branches, literals } = instrument(readFileSync(file, "utf8"), file, state.branches);
      state.branches += branches;
      if (state.branches > mostBranches) throw new RangeError("more branches than counters");
      for (const literal of literals) state.literals.add(literal);
      return { format: "module", shortCircuit: true, source: code };
    },
  });
  return state;
}
