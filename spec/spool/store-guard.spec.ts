import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installStoreGuard } from "../../src/spool/store-guard.ts";

const promise = Promise.resolve();

function failure(message: string, stack: string | undefined): Error {
  const error = new Error(message);
  if (stack === undefined) delete error.stack;
  else error.stack = stack;
  return error;
}

const inLmdb = "Error: x\n    at commit (/srv/popgate/node_modules/lmdb/write.js:1:1)";
const ours = "Error: x\n    at commit (/srv/popgate/src/spool/intake.ts:1:1)";

describe("the guard of a process with a spool", () => {
  /** The runner listens as well, and would take what is raised here for a failure. */
  let others: NodeJS.UnhandledRejectionListener[] = [];
  beforeEach(() => {
    others = process.listeners("unhandledRejection");
    process.removeAllListeners("unhandledRejection");
  });
  afterEach(() => {
    process.removeAllListeners("unhandledRejection");
    for (const listener of others) process.on("unhandledRejection", listener);
  });

  it.each([
    ["says so and was made there", failure("Commit failed (see commitError for details)", inLmdb)],
    ["was made in native code, which has no frames", failure("Input/output error", "Error: Input/output error")],
    ["has no stack at all", failure("No space left on device", undefined)],
    ["carries lmdb's own promise", Object.assign(failure("Commit failed", ours), { commitError: promise })],
  ])("takes a rejection that %s, and tells each spool", (_, reason) => {
    const told: string[] = [];
    using _one = installStoreGuard((detail) => told.push(`one: ${detail}`));
    using _two = installStoreGuard((detail) => told.push(`two: ${detail}`));
    process.emit("unhandledRejection", reason, promise);
    expect(told).toEqual([`one: ${reason.message}`, `two: ${reason.message}`]);
  });

  it.each([
    ["a fault of our own in lmdb's words", failure("Commit failed", ours)],
    ["other words out of lmdb", failure("not a key", inLmdb)],
    ["no error", "Commit failed"],
  ])("lets %s end the process, as without it", (_, reason) => {
    const told: string[] = [];
    using _guard = installStoreGuard((detail) => told.push(detail));
    // What a listener throws is an exception that nobody catches.
    let thrown: unknown;
    try {
      process.emit("unhandledRejection", reason, promise);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(reason);
    expect(told).toEqual([]);
  });

  it("goes with the last spool, and not before it", () => {
    const told: string[] = [];
    const one = installStoreGuard((detail) => told.push(`one: ${detail}`));
    const two = installStoreGuard((detail) => told.push(`two: ${detail}`));
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    process.emit("unhandledRejection", failure("Commit failed", inLmdb), promise);
    expect(told).toEqual(["two: Commit failed"]);
    two[Symbol.dispose]();
    expect(process.listenerCount("unhandledRejection")).toBe(0);
  });
});
