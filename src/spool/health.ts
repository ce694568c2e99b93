/**
 * Whether the spool can be written, and whether there is room.
 *
 *   ok ──little room is left──▶ full ──room again──▶ ok
 *   ok ──commit fails for want of room──▶ full ──room again, and a probe is committed──▶ ok
 *   ok ──commit fails otherwise──▶ failed ──a probe is committed──▶ ok
 *
 * While full, nothing new is taken in and what is stored goes on being delivered; a ballast file is given up so that the
 * writes of delivery still fit. While failed, nothing is taken in or delivered: an outcome that cannot be written down
 * would be a mail delivered twice.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import type { EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import { messageOf } from "../core/thrown.ts";
import { SpoolError, type SpoolHealth } from "./port.ts";
import type { StoreError } from "./store.ts";

export interface RoomLimits {
  /** Bodies may use so many octets. */
  readonly maxOctets: number;
  /** The file system must keep so many octets free. */
  readonly minFreeOctets: number;
  /** Size of the file that is given up when the disk is full. 0: none. */
  readonly ballastOctets: number;
}

/** Octets free on the file system of a directory. A port, so that specs can fill a disk without filling one. */
export type FreeOctets = (dir: string) => number;

export const systemFreeOctets: FreeOctets = (dir) => {
  const { bavail, bsize } = statfsSync(dir);
  return bavail * bsize;
};

/** Asking the file system is cheap, but not so cheap as to be done for each of thousands of messages in a second. */
const freshForMs = 500;
/** What a commit writes beyond its values: pages copied on the way, and growth in steps. */
const pageAllowance = 4 * 1024 * 1024;
const ballastName = "ballast";

export class Health {
  #state: SpoolHealth = { kind: "ok" };
  #commitFailed = false;
  #free = { octets: Number.POSITIVE_INFINITY, at: Number.NEGATIVE_INFINITY };
  readonly #dir: string | undefined;
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #events: EventSink;
  readonly #freeOctets: FreeOctets;

  /** Without a directory (a store in memory) only `maxOctets` counts. */
  constructor(
    dir: string | undefined,
    limits: RoomLimits,
    ports: { readonly clock: Clock; readonly events: EventSink; readonly freeOctets?: FreeOctets | undefined },
  ) {
    this.#dir = dir;
    this.#limits = limits;
    this.#clock = ports.clock;
    this.#events = ports.events;
    this.#freeOctets = ports.freeOctets ?? systemFreeOctets;
  }

  get state(): SpoolHealth {
    return this.#state;
  }

  /** Throws when nothing new can be taken in. `used`: octets of bodies stored and on their way. */
  check(used: number): void {
    if (this.#state.kind === "failed") throw new SpoolError("SPOOL_FAILED", this.#state.detail);
    const lack = this.#lack(used);
    if (lack !== undefined) {
      this.#become({ kind: "full", detail: lack });
      throw new SpoolError("SPOOL_FULL", lack);
    }
    if (this.#state.kind !== "full") return;
    // A file system can refuse what its free space seems to allow (quotas, reserved blocks): then only a probe tells.
    if (this.#commitFailed) throw new SpoolError("SPOOL_FULL", this.#state.detail);
    this.recovered();
  }

  /** True when only a committed probe can show that the spool is well again. */
  get wantsProbe(): boolean {
    return this.#state.kind === "failed" || (this.#state.kind === "full" && this.#commitFailed);
  }

  /** Looks whether there is room again, for a spool into which nobody tries to put anything. `used` as in `check`. */
  reconsider(used: number): void {
    if (this.#state.kind === "full" && !this.#commitFailed && this.#lack(used) === undefined) this.recovered();
  }

  /** Turns a failed commit into the error that callers see. `octets`: what was to be written, at most. */
  failed(error: StoreError, octets: number): SpoolError {
    // A short write on a full disk is reported as a plain input/output error: free space tells the two apart.
    this.#free.at = Number.NEGATIVE_INFINITY;
    const full = error.full || this.#lack(0, octets + pageAllowance) !== undefined;
    if (full) {
      this.#commitFailed = true;
      this.dropBallast();
      this.#become({ kind: "full", detail: error.message });
      return new SpoolError("SPOOL_FULL", `the spool's disk is full: ${error.message}`, { cause: error });
    }
    this.#become({ kind: "failed", detail: error.message });
    return new SpoolError("SPOOL_FAILED", `the spool cannot be written: ${error.message}`, { cause: error });
  }

  /** A failure seen elsewhere, as by the process's guard. */
  broken(detail: string): void {
    if (this.#state.kind === "ok") this.#become({ kind: "failed", detail });
  }

  recovered(): void {
    if (this.#state.kind === "ok") return;
    this.#state = { kind: "ok" };
    this.#commitFailed = false;
    this.#events.emit({ kind: "spool-recovered" });
  }

  /** Puts the ballast in its place if there is ample room for it. Without it the spool does its work as well. */
  restoreBallast(): void {
    const { ballastOctets, minFreeOctets } = this.#limits;
    if (this.#dir === undefined || ballastOctets === 0) return;
    const file = path.join(this.#dir, ballastName);
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= ballastOctets) return;
    try {
      if (this.#freeOctets(this.#dir) < minFreeOctets + 2 * ballastOctets) return;
      this.#writeBallast(file, ballastOctets);
    } catch (error) {
      this.dropBallast();
      this.#events.emit({ kind: "internal-error", where: "the spool's ballast", detail: String(error) });
    }
  }

  #writeBallast(file: string, ballastOctets: number): void {
    const handle = openSync(file, "w", 0o600);
    try {
      // Chance, not zeros: a file system that compresses would keep nothing for us.
      const block = randomBytes(1024 * 1024);
      for (let rest = ballastOctets; rest > 0; rest -= block.length)
        writeSync(handle, block, 0, Math.min(rest, block.length));
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  }

  dropBallast(): void {
    if (this.#dir !== undefined) rmSync(path.join(this.#dir, ballastName), { force: true });
  }

  #lack(used: number, needed = 0): string | undefined {
    const { maxOctets } = this.#limits;
    const minFreeOctets = Math.max(this.#limits.minFreeOctets, needed);
    if (used > maxOctets) return `bodies use ${used} octets, the limit is ${maxOctets}`;
    if (this.#dir === undefined) return undefined;
    const now = this.#clock.now();
    try {
      if (Math.abs(now - this.#free.at) > freshForMs) this.#free = { octets: this.#freeOctets(this.#dir), at: now };
    } catch (error) {
      return `the free space of the disk cannot be asked for: ${messageOf(error)}`;
    }
    const { octets } = this.#free;
    return octets < minFreeOctets
      ? `${octets} octets free on the disk, at least ${minFreeOctets} are wanted`
      : undefined;
  }

  #become(state: Exclude<SpoolHealth, { kind: "ok" }>): void {
    const before = this.#state.kind;
    this.#state = state;
    if (before === state.kind) return;
    this.#events.emit({ kind: state.kind === "full" ? "spool-full" : "spool-failed", detail: state.detail });
  }
}
