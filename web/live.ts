/**
 * Events as they happen, for as long as somebody is logged in: reads the stream, and opens it again after a pause that
 * grows when it breaks off. A stream that has been silent for three of the server's heartbeats counts as broken.
 *
 * Guarantees: whoever listens is told again of a connection that has come back (`onState`), since events may have been
 * missed; nothing is left running after the signal.
 */
import type { EventMessage } from "../src/admin/schemas.ts";
import { ApiError, type ApiClient } from "./api-client.ts";
import { SseReader } from "./sse.ts";

export interface LiveListener {
  readonly onEvent: (event: EventMessage) => void;
  readonly onState: (isConnected: boolean) => void;
}

/** Three heartbeats (`event-stream.ts`). */
const silenceMs = 60_000;
const firstPauseMs = 1000;
const longestPauseMs = 30_000;

export async function follow(api: ApiClient, listener: LiveListener, signal: AbortSignal): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      await readOnce(api, listener, signal, () => (pauseMs = firstPauseMs));
    } catch (error) {
      if (signal.aborted || (error instanceof ApiError && error.status === 401)) return;
    }
    listener.onState(false);
    await pause(pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
  }
}

async function readOnce(
  api: ApiClient,
  { onEvent, onState }: LiveListener,
  signal: AbortSignal,
  connected: () => void,
): Promise<void> {
  const silent = new AbortController();
  const arm = (): number => setTimeout(() => silent.abort(), silenceMs);
  let timer = arm();
  try {
    const both = AbortSignal.any([signal, silent.signal]);
    const stream = await api.events(both);
    connected();
    onState(true);
    const reader = new SseReader();
    const decoder = new TextDecoder();
    const pieces = stream.getReader();
    for (;;) {
      const piece = await pieces.read();
      if (piece.done) return;
      clearTimeout(timer);
      timer = arm();
      for (const { data } of reader.push(decoder.decode(piece.value, { stream: true }))) {
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server writes events by this very type
        onEvent(JSON.parse(data) as EventMessage);
      }
    }
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
