/** Maildirs as the peers fill them: what a provider stored, and what a target was given. */
import { chown, mkdir, readdir, readFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import path from "node:path";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The user that writes and reads the maildirs: Exim's, since Exim may not deliver as anybody else. */
export function maildirOwner(): Owner {
  const id = (flag: string): number => Number(execFileSync("id", [flag, "Debian-exim"], { encoding: "utf8" }).trim());
  return { uid: id("-u"), gid: id("-g") };
}

export async function makeMaildir(dir: string, owner: Owner): Promise<void> {
  for (const sub of ["", "cur", "new", "tmp"]) {
    await mkdir(path.join(dir, sub), { recursive: true });
    await chown(path.join(dir, sub), owner.uid, owner.gid);
  }
}

/** Every message in a maildir, in the order of its file names. An absent maildir is empty. */
export async function readMaildir(dir: string): Promise<Buffer[]> {
  const messages: Buffer[] = [];
  for (const sub of ["new", "cur"]) {
    let names: string[] = [];
    try {
      names = (await readdir(path.join(dir, sub))).toSorted();
    } catch {
      continue;
    }
    for (const name of names) messages.push(await readFile(path.join(dir, sub, name)));
  }
  return messages;
}

export async function countMaildir(dir: string): Promise<number> {
  let count = 0;
  for (const sub of ["new", "cur"]) {
    try {
      count += (await readdir(path.join(dir, sub))).length;
    } catch {
      // Not there yet: empty.
    }
  }
  return count;
}
