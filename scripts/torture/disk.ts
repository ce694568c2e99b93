/**
 * A small disk of its own for the spool, which can be filled and freed again: a tmpfs, so only root has one. Others keep
 * the spool in a plain folder, and what needs a full disk is not drawn.
 *
 * A tmpfs loses nothing by a killed process, and neither does a real disk: what the flush to it is good for, a run on one
 * machine cannot show (spec/crash and `make peers` look at the order of flush and acknowledgement).
 */
import { execFile } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const sizeMiB = 96;
/** Below this `min_free` refuses new mail. */
export const minFreeMiB = 6;
const MiB = 1024 * 1024;

export class Disk implements AsyncDisposable {
  readonly dir: string;
  /** Why it cannot be filled, if so. */
  readonly impossible: string | undefined;

  private constructor(dir: string, impossible: string | undefined) {
    this.dir = dir;
    this.impossible = impossible;
  }

  /** Without `isSmall` it is a plain folder. */
  static async mount(dir: string, isSmall: boolean): Promise<Disk> {
    mkdirSync(dir);
    if (!isSmall) return new Disk(dir, "it is a plain folder");
    if (process.getuid?.() !== 0) return new Disk(dir, "only root can mount a small disk");
    try {
      await run("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m,mode=700`, "popgate-torture", dir]);
      return new Disk(dir, undefined);
    } catch (error) {
      return new Disk(dir, `a small disk cannot be mounted: ${String(error).trim()}`);
    }
  }

  get #filler(): string {
    return path.join(this.dir, "filler");
  }

  /** Leaves so many octets, or none at all. */
  fill(leave: number): void {
    const file = openSync(this.#filler, "w");
    const block = Buffer.alloc(MiB / 16, 1);
    try {
      for (;;) {
        const { bavail, bsize } = statfsSync(this.dir);
        const rest = bavail * bsize - leave;
        if (rest <= 0) return;
        writeSync(file, block, 0, Math.min(block.length, rest));
      }
    } catch (error) {
      // Somebody else has had the rest.
      if (!(error instanceof Error) || Reflect.get(error, "code") !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.impossible === undefined) await run("umount", ["-l", this.dir]);
  }
}
