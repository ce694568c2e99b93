/** Ctrl-C and SIGTERM: what runs is ended, and what has been started goes with it. */
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(new Error(name)));

export const stopping = stop.signal;
