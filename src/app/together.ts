/**
 * Work that belongs together: all of it ends before anything it stands on is closed.
 *
 * When one part fails, which is a bug, the others are stopped and waited for; then the failure is passed on. A bare
 * `Promise.all` would reject at once, and what is disposed behind it would be taken from under those that still run.
 */
export async function together(
  signal: AbortSignal,
  ...works: readonly ((signal: AbortSignal) => Promise<void>)[]
): Promise<void> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const results = await Promise.allSettled(
    works.map(async (work) => {
      try {
        await work(either);
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
