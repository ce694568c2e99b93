/** Events to the log, and to whoever else listens for a while: followers of the admin interface, metrics, the status. */
import { eventLevel, eventText } from "../core/event-words.ts";
import type { EventSink, PopgateEvent } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import type { EventMessage } from "../admin/schemas.ts";

export interface EventBus extends EventSink {
  /** Calls `listener` with every event from now on. */
  onEvent(listener: (event: PopgateEvent) => void): Disposable;
}

export function createEventBus(sink: EventSink): EventBus {
  const listeners = new Set<(event: PopgateEvent) => void>();
  return {
    emit(event) {
      sink.emit(event);
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          // Not by `emit`: a listener that always fails would be told of its own failures.
          listeners.delete(listener);
          sink.emit({ kind: "internal-error", where: "a listener of events", detail: String(error) });
        }
      }
    },
    onEvent(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
}

/** An event as the admin interface tells it. */
export function eventMessage(event: PopgateEvent, clock: Clock): EventMessage {
  const message = "message" in event ? event.message : undefined;
  const account = "account" in event ? event.account : undefined;
  return {
    at: clock.now(),
    kind: event.kind,
    level: eventLevel(event),
    text: eventText(event),
    ...(message === undefined ? {} : { message }),
    ...(account === undefined ? {} : { account }),
  };
}
