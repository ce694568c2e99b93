/**
 * Secrets in files of their own: read only if nobody else can, and replaced so that a crash leaves one value or the other.
 */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, textOf } from "./failure.ts";
import { badSecret, checkSecret, longestSecret } from "./secret-value.ts";
import type { SecretFailure, SecretForm, SecretResult } from "./secret-value.ts";

/** Asks the open file, not its name, so that what was checked is what is read. */
export async function readSecretFile(
  path: string,
  form: SecretForm,
  refuse: (mode: number, owner: number) => SecretFailure | undefined,
): Promise<SecretResult> {
  try {
    // Not to wait for ever on a FIFO, which is refused below.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return badSecret(`${path} is not a regular file`, "");
    const refusal = refuse(stat.mode, stat.uid);
    if (refusal !== undefined) return refusal;
    const buffer = Buffer.alloc(longestSecret + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return checkSecret(buffer.subarray(0, bytesRead), form);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return badSecret(`the file ${path} does not exist`, "");
    if (hasCode(error, "EACCES"))
      return badSecret(
        `the file ${path} cannot be read by this user`,
        "It must belong to the user that popgate runs as",
      );
    return badSecret(`the file ${path} cannot be read: ${textOf(error)}`, "");
  }
}

/**
 * Root may read a private file of any owner: it is how an administrator checks the files of the service's user. For
 * anyone else a foreign owner could change the mode, and the value, at will.
 */
export function refuseShared(
  path: string,
  mode: number,
  owner: number,
  uid: number | undefined,
): SecretFailure | undefined {
  if (uid === undefined) return undefined;
  if (owner !== uid && owner !== 0 && uid !== 0)
    return badSecret(`the file ${path} belongs to another user (uid ${owner})`, `Run: chown ${uid} ${path}`);
  if ((mode & 0o077) !== 0)
    return badSecret(
      `the file ${path} can be reached by group or others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`,
      `Run: chmod 600 ${path}`,
    );
  return undefined;
}

/**
 * Resolves when the new value is on disk. The file keeps its owner; its mode becomes 0600. One that was not there becomes
 * that of its folder's owner: who renews the value later must be able to write in that folder.
 */
export async function replaceSecretFile(written: string, value: string): Promise<void> {
  const path = await realPathOf(written);
  const owner = await stat(path).catch(async (error: unknown) => {
    if (hasCode(error, "ENOENT")) return stat(dirname(path));
    throw error;
  });
  const fresh = `${path}.${randomUUID()}`;
  try {
    await writeThrough(fresh, value, owner);
    await rename(fresh, path);
    await using folder = await open(dirname(path), "r");
    await folder.sync();
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

/** Why a value could not be put there; `undefined` when nothing speaks against it. Looks, and changes nothing. */
export async function whyNotReplaceable(written: string): Promise<SecretFailure | undefined> {
  const path = await realPathOf(written);
  const folder = dirname(path);
  try {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && !found.isFile()) return badSecret(`${path} is not a regular file`, "");
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT"))
      return badSecret(`the folder ${folder} does not exist`, `Run: mkdir -m 700 ${folder}`);
    return badSecret(
      `nothing can be written in the folder ${folder}: ${textOf(error)}`,
      "It must belong to the user that popgate runs as",
    );
  }
}

/** Where it is a link (a mounted volume), what it leads to is replaced, not the link. */
async function realPathOf(written: string): Promise<string> {
  try {
    return await realpath(written);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return written;
    throw error;
  }
}

async function writeThrough(
  path: string,
  value: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(`${value}\n`);
  // Only root can give a file away, and for anyone else it is their own already.
  if (process.geteuid?.() === 0) await file.chown(owner.uid, owner.gid);
  await file.sync();
}
