/**
 * Takes the rejections that lmdb raises when a commit fails and that no caller can catch (its issue 368). Unhandled, they
 * would end the process, and with it the delivery of everything that is safely stored.
 *
 * Any other unhandled rejection still ends the process: it is a fault of ours that must not go on unseen.
 */
import { messageOf } from "../core/thrown.ts";

/** What lmdb says of a commit that failed, in the words of its versions 3.x. */
const known =
  /Commit failed|see commitError|Input\/output error|No space left on device|MDB_|Error opening transaction/u;

let users = 0;
const listeners = new Set<(detail: string) => void>();

/** Tells `onFailure` of each such rejection until it is disposed. */
export function installStoreGuard(onFailure: (detail: string) => void): Disposable {
  listeners.add(onFailure);
  if (users === 0) process.on("unhandledRejection", judge);
  users += 1;
  let disposed = false;
  return {
    [Symbol.dispose]() {
      if (disposed) return;
      disposed = true;
      listeners.delete(onFailure);
      users -= 1;
      if (users === 0) process.off("unhandledRejection", judge);
    },
  };
}

function judge(reason: unknown): void {
  if (!isStoreFailure(reason)) throw reason;
  const detail = messageOf(reason);
  for (const listener of listeners) listener(detail);
}

/** True for an error that comes out of lmdb, by where it was made and what it says. */
function isStoreFailure(reason: unknown): boolean {
  if (!(reason instanceof Error)) return false;
  const stack = reason.stack ?? "";
  // Errors made in native code have no frames at all.
  const fromLibrary = stack.includes("/lmdb/") || !stack.includes("\n    at ") || "commitError" in reason;
  return known.test(reason.message) && fromLibrary;
}
