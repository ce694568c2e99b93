import { expect, test } from "vitest";
import { together } from "../../src/app/together.ts";

test("one that fails stops the others, and is told only when all have ended", async () => {
  const order: string[] = [];
  const work = async (signal: AbortSignal): Promise<void> => {
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await stopped.promise;
    await new Promise((resolve) => setImmediate(resolve));
    order.push("stored its last outcome");
  };
  const failing = async (): Promise<void> => {
    await Promise.resolve();
    throw new Error("a bug");
  };
  await expect(together(new AbortController().signal, work, failing, work)).rejects.toThrow("a bug");
  expect(order).toEqual(["stored its last outcome", "stored its last outcome"]);
});

test("the signal stops all of them, and that is no failure", async () => {
  const stop = new AbortController();
  const work = async (signal: AbortSignal): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
  };
  const all = together(stop.signal, work, work);
  stop.abort();
  await all;
  expect(stop.signal.aborted).toBe(true);
});
