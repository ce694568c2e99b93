/**
 * Signals of the operating system as what the program understands.
 *
 * SIGINT and SIGTERM abort one AbortSignal: everything that runs stops in good order. A second one ends the process at
 * once with status 130, for a person who will not wait; this is the only place that exits. SIGHUP asks for the
 * configuration to be read again; without a handler it is ignored, since a daemon has no terminal to lose.
 *
 * Disposing gives the signals back; the abort signal stays as it is.
 */

export interface Shutdown extends AsyncDisposable {
  /** Aborted by the first signal; its reason is an error that names it. */
  readonly signal: AbortSignal;
}

/** The part of `process` that is used here. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(status: number): void;
}

/** 128 + SIGINT, as shells report it. */
const interruptedStatus = 130;

export function listenForShutdown(onReload: () => void = () => undefined, source: SignalSource = process): Shutdown {
  const controller = new AbortController();
  const stop = (name: string) => () => {
    if (controller.signal.aborted) source.exit(interruptedStatus);
    else controller.abort(new Error(name));
  };
  const listeners: readonly (readonly [NodeJS.Signals, () => void])[] = [
    ["SIGINT", stop("SIGINT")],
    ["SIGTERM", stop("SIGTERM")],
    ["SIGHUP", onReload],
  ];
  for (const [name, listener] of listeners) source.on(name, listener);
  return {
    signal: controller.signal,
    [Symbol.asyncDispose]: () => {
      for (const [name, listener] of listeners) source.off(name, listener);
      return Promise.resolve();
    },
  };
}
