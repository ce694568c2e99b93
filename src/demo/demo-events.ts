/** What popgate tells during the demonstration: all of it, and waiting until something has been told. */
import type { EventSink, PopgateEvent } from "../core/events.ts";

export interface DemoEvents extends EventSink {
  /** So far; it grows. */
  readonly all: readonly PopgateEvent[];
  /** Resolves when `isSo`, or when the signal is aborted. Looked at after each event. */
  until(isSo: () => boolean, signal: AbortSignal): Promise<void>;
}

export function collectEvents(): DemoEvents {
  const all: PopgateEvent[] = [];
  const looking = new Set<() => void>();
  return {
    all,
    emit(event) {
      all.push(event);
      for (const look of looking) look();
    },
    async until(isSo, signal) {
      if (isSo() || signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const look = (): void => {
        if (isSo() || signal.aborted) resolve();
      };
      looking.add(look);
      signal.addEventListener("abort", look, { once: true });
      await promise;
      looking.delete(look);
      signal.removeEventListener("abort", look);
    },
  };
}
