/**
 * One process for each spool directory.
 *
 * The lock is the kernel's: it goes with its process however that ends, so a stale one cannot be left behind, and it
 * holds between containers that share the directory, where process ids say nothing. Node has no call for fcntl locks of
 * its own, but its SQLite takes one on an empty file, and keeps apart two owners within one process as well. Beside it a
 * file names the owner, for the refusal only.
 */
import { accessSync, closeSync, constants, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { messageOf } from "../core/thrown.ts";
import { SpoolError } from "./port.ts";

const lockName = "lock";
const ownerName = "owner";

/** Takes the directory for this process, or throws SPOOL_UNUSABLE with the owner's process id. */
export function lockSpool(dir: string): Disposable {
  const held = take(path.join(dir, lockName), dir);
  const owner = path.join(dir, ownerName);
  // On a full disk the name may be missing: the lock does not need it.
  attempt(() => writeFileSync(owner, `${process.pid}\n`, { mode: 0o600 }));
  let disposed = false;
  return {
    [Symbol.dispose]() {
      if (disposed) return;
      disposed = true;
      attempt(() => rmSync(owner, { force: true }));
      held.close();
    },
  };
}

function take(file: string, dir: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    makePrivate(file);
    // Of a file that it may only read, SQLite takes a lock that others can take as well.
    accessSync(file, constants.W_OK);
    database = new DatabaseSync(file);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    const text = messageOf(error);
    if (!/locked/u.test(text))
      throw new SpoolError("SPOOL_UNUSABLE", `the spool ${dir} cannot be locked: ${text}`, { cause: error });
    throw new SpoolError(
      "SPOOL_UNUSABLE",
      `the spool ${dir} is in use by process ${ownerOf(dir)}: only one popgate can own it; stop that one first`,
      { cause: error },
    );
  }
}

/**
 * SQLite would make it readable by everyone. Only a file that is not there is opened here: closing one that is would
 * release a lock that this process holds on it (POSIX says so of fcntl locks).
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

function ownerOf(dir: string): string {
  let text = "";
  attempt(() => (text = readFileSync(path.join(dir, ownerName), "latin1").trim()));
  return /^\d+$/u.test(text) ? text : "(unknown)";
}

function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // Only a name for a person: see above.
  }
}
