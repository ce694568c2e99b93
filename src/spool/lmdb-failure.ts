/**
 * What lmdb says of a commit that failed, as the error that the spool knows.
 *
 * The rejection itself says only that there is a cause. The cause is in a promise of its own (`commitError`), which must be
 * taken or it ends the process, and which need not be rejected at once, nor at all: nobody is kept waiting for it.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../core/thrown.ts";
import { StoreError } from "./store.ts";

/** In the words of LMDB and of the system's library. */
const noRoom = /no space|ENOSPC|MDB_MAP_FULL|quota|file too large/iu;
/** The cause is told in the same turn as the failure, or soon after. */
const turnsForCause = 10;

export async function toStoreError(failure: unknown): Promise<StoreError> {
  const text = messageOf(await causeOf(failure));
  return new StoreError(text, noRoom.test(text), { cause: failure });
}

async function causeOf(failure: unknown): Promise<unknown> {
  if (!(failure instanceof Error && "commitError" in failure && failure.commitError instanceof Promise)) return failure;
  const told = failure.commitError.then(
    () => failure,
    (cause: unknown) => cause,
  );
  return Promise.race([told, someTurns(turnsForCause).then(() => failure)]);
}

async function someTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await nextTurn();
}
