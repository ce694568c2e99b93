/**
 * A tree of files whose every mode and time is set, so that what is packed does not depend on who packs it, where and when.
 */
import { chmodSync, lstatSync, lutimesSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export class Staging {
  readonly root: string;
  readonly #epoch: number;

  /** `epoch`: seconds, the time of everything in the tree. */
  constructor(root: string, epoch: number) {
    this.root = root;
    this.#epoch = epoch;
    mkdirSync(root, { recursive: true });
  }

  write(file: string, content: string | Buffer, mode = 0o644): void {
    const target = path.join(this.root, file);
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  copy(from: string, to: string, mode = 0o644): void {
    this.write(to, readFileSync(from), mode);
  }

  /** Every file below a folder whose name (from there on) is wanted. */
  copyTree(from: string, to: string, isWanted: (name: string) => boolean = () => true): void {
    for (const name of filesBelow(from)) if (isWanted(name)) this.copy(path.join(from, name), path.join(to, name));
  }

  /** All files, sorted by name. */
  files(): readonly string[] {
    return filesBelow(this.root);
  }

  /** Sets what is left: folders' modes, and the time of everything. */
  seal(): void {
    for (const name of ["", ...readdirSync(this.root, { recursive: true, encoding: "utf8" })]) {
      const at = path.join(this.root, name);
      if (lstatSync(at).isDirectory()) chmodSync(at, 0o755);
      lutimesSync(at, this.#epoch, this.#epoch);
    }
  }
}

function filesBelow(dir: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .toSorted();
}
