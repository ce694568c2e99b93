/**
 * Several new files that belong together: all of them are made, durable, or none. Nothing that is there is touched.
 * Fails with a `CommandError`: `refused` for a name that is taken, `failed` for what the system says.
 *
 * Made by root in a folder that a package has set up for the daemon, they are what the daemon's user can read: secrets its
 * own, everything else root's and its group's.
 */
import { randomUUID } from "node:crypto";
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { hasCode, textOf } from "../config/failure.ts";
import { CommandError, exitStatus } from "./exit-status.ts";

export interface NewFile {
  /** Within the folder. */
  readonly name: string;
  readonly mode: number;
  readonly text: string;
}

/** As the packages make it: its owner is the user that the daemon runs as. */
const stateFolder = "/var/lib/popgate";

export interface ServiceUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * For whom root makes files in this folder: the owner of the state folder, when the folder is open to its group, as
 * /etc/popgate of a package is. `undefined` for any other folder, and for anyone but root, who cannot give files away.
 */
export async function serviceUser(folder: string): Promise<ServiceUser | undefined> {
  if (process.geteuid?.() !== 0) return undefined;
  const [state, own] = await Promise.all([stateFolder, folder].map(async (each) => stat(each).catch(() => undefined)));
  if (state === undefined || own === undefined || state.uid === 0 || own.gid !== state.gid) return undefined;
  return { uid: state.uid, gid: state.gid };
}

/** What nobody but its owner may read is the daemon's own. */
async function giveTo(user: ServiceUser | undefined, file: FileHandle, mode: number): Promise<void> {
  if (user !== undefined) await file.chown((mode & 0o077) === 0 ? user.uid : 0, user.gid);
}

/** Makes the files in this order. */
export async function makeFiles(folder: string, files: readonly NewFile[], signal: AbortSignal): Promise<void> {
  const made: string[] = [];
  const user = await serviceUser(folder);
  try {
    for (const { name, mode, text } of files) {
      signal.throwIfAborted();
      const target = path.join(folder, name);
      await using file = await open(target, "wx", mode);
      made.push(target);
      await giveTo(user, file, mode);
      await file.writeFile(text);
      await file.sync();
    }
    await syncFolder(folder);
  } catch (error) {
    await removeFiles(made);
    signal.throwIfAborted();
    if (hasCode(error, "EEXIST"))
      throw new CommandError(
        exitStatus.refused,
        `${files.map(({ name }) => path.join(folder, name))[made.length] ?? ""} is there already, and nothing was written`,
        { cause: error },
      );
    throw new CommandError(exitStatus.failed, `nothing was written: ${textOf(error)}`, { cause: error });
  }
}

/** Puts another text into the place of a file that was just made; a crash leaves the old one or the new. */
export async function replaceFile(folder: string, { name, mode, text }: NewFile): Promise<void> {
  const fresh = path.join(folder, `.${name}.${randomUUID()}`);
  try {
    {
      await using file = await open(fresh, "wx", mode);
      await giveTo(await serviceUser(folder), file, mode);
      await file.writeFile(text);
      await file.sync();
    }
    await rename(fresh, path.join(folder, name));
    await syncFolder(folder);
  } catch (error) {
    await rm(fresh, { force: true });
    throw new CommandError(exitStatus.failed, `${name} could not be written: ${textOf(error)}`, { cause: error });
  }
}

export async function removeFiles(paths: readonly string[]): Promise<void> {
  for (const each of paths) await rm(each, { force: true });
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}
