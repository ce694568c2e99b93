/**
 * A program that takes the lock of a spool's directory with the rights of an ordinary user, says `owns` or `refused` and
 * why, and holds it until it is killed.
 *
 *   lock-as-nobody.ts DIR
 */
import { writeSync } from "node:fs";
import { lockSpool } from "../../../src/spool/lock.ts";

const [dir = ""] = process.argv.slice(2);
if (process.getuid?.() === 0) {
  process.setgroups?.([]);
  process.setuid?.(65_534);
}
try {
  const lock = lockSpool(dir);
  writeSync(1, "owns\n");
  // The lock goes with the last who knows it.
  setInterval(() => lock, 60_000);
} catch (error) {
  writeSync(1, `refused: ${String(error)}\n`);
}
