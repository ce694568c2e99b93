import { describe, expect, it } from "vitest";
import { toStoreError } from "../../src/spool/lmdb-failure.ts";

function commitFailed(commitError: unknown): Error {
  return Object.assign(new Error("Commit failed (see commitError for details)"), { commitError });
}

describe("a commit of lmdb's that failed", () => {
  it.each(["No space left on device", "MDB_MAP_FULL: Environment mapsize limit reached", "Disk quota exceeded"])(
    "for want of room is told by its cause: %s",
    async (words) => {
      const failure = commitFailed(Promise.reject(new Error(words)));
      expect(await toStoreError(failure)).toMatchObject({ message: words, full: true, cause: failure });
    },
  );

  it("otherwise is told by its cause", async () => {
    expect(await toStoreError(commitFailed(Promise.reject(new Error("Input/output error"))))).toMatchObject({
      message: "Input/output error",
      full: false,
    });
  });

  it.each([
    ["has no cause", new Error("Input/output error"), "Input/output error"],
    ["has a cause that is none", commitFailed("disk"), "Commit failed (see commitError for details)"],
    ["has a cause that says nothing", commitFailed(Promise.resolve()), "Commit failed (see commitError for details)"],
    [
      "has a cause that never comes",
      commitFailed(new Promise(() => undefined)),
      "Commit failed (see commitError for details)",
    ],
    ["is no error", "gone", "gone"],
  ])("and %s is told by itself, and waits for nothing", async (_, failure: unknown, message) => {
    expect(await toStoreError(failure)).toMatchObject({ name: "StoreError", message, full: false });
  });
});
