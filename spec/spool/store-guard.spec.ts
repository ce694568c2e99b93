import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { installStoreGuard } from "../../src/spool/store-guard.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList, octets, seededRandom, stored, TemporaryDirectory } from "./support.ts";

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

  it("has the spool take nothing in until a write shows that it can: what was seen by nobody else is told once", async () => {
    using dir = new TemporaryDirectory();
    const events = new EventList();
    const clock = new ManualClock();
    const limits = { maxOctets: 1e12, minFreeOctets: 0, historyDays: 1, ballastOctets: 1000 };
    const options = { ...defaultSpoolOptions, ...limits, dir: dir.path };
    await using spool = await openSpool(options, { clock, random: seededRandom(), events });
    process.emit("unhandledRejection", failure("Input/output error", inLmdb), promise);
    process.emit("unhandledRejection", failure("Input/output error", inLmdb), promise);
    expect(spool.health()).toEqual({ kind: "failed", detail: "Input/output error" });
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "SPOOL_FAILED" }));
    const recovered = new Promise<void>((resolve) => {
      events.emit = (event) => {
        events.all.push(event);
        if (event.kind === "spool-recovered") resolve();
      };
    });
    await clock.advance(6000);
    await recovered;
    expect(await stored(spool, octets(10))).toMatchObject({ size: 10 });
    // The ballast that is there is left as it is.
    await spool.maintain();
    expect(events.kinds).toEqual(["spool-opened", "spool-failed", "spool-recovered"]);
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
