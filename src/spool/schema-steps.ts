/**
 * The steps from each schema version to the next, and back.
 *
 *   1   the first one
 *   2   meta/about: which program wrote the spool, since when, and where the copy of before is
 *
 * A step gives its changes in batches, each of which is one transaction. It can be interrupted after any of them, and is
 * then begun anew, in the same direction or in the other: it must take entries of the old form, of the new one and any
 * mixture, and leave alone what has the wanted form already. It loses nothing that both forms can express, and what an
 * older form cannot express it gives up only on the way back.
 *
 * A new table goes into the list of tables in `store.ts`; the step back empties it.
 */
import type { Store, Write } from "./store.ts";

export interface SchemaStep {
  /** The version after the step; it begins at the one before. */
  readonly to: number;
  readonly up: (store: Store) => Iterable<readonly Write[]>;
  readonly down: (store: Store) => Iterable<readonly Write[]>;
}

/** In ascending order, without a gap. `schemaVersion` is where the last one leads. */
export const schemaSteps: readonly SchemaStep[] = [
  // The entry itself is written with the version: see `writesOfSchema`.
  { to: 2, up: () => [], down: () => [] },
];
