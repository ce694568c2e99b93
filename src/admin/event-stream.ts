/**
 * Live events as server-sent events (`text/event-stream`): each as `event: <kind>` and `data: <JSON>`, from the moment
 * of asking on; what was before is in the log. A comment line every 20 seconds shows that the line still stands.
 *
 * Memory is bounded: a reader that does not keep up is disconnected, and there are only so many readers. When the reader
 * goes, or the server closes, nothing of it is left listening.
 */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../core/ports.ts";
import type { Operations } from "./port.ts";
import { ProblemError } from "./problem.ts";
import type { EventMessage } from "./schemas.ts";

/** Octets of events that wait for a slow reader. */
const mostWaiting = 1024 * 1024;
const mostReaders = 100;
const heartbeatMs = 20_000;

/** Serves them at `path`. */
export function addEventStream(
  server: FastifyInstance,
  path: string,
  operations: Pick<Operations, "onEvent">,
  clock: Clock,
): void {
  const readers = new Set<Promise<void>>();
  // Their connections are closed by then.
  server.addHook("onClose", async () => void (await Promise.allSettled(readers)));
  server.get(path, async (_request, reply) => {
    if (readers.size >= mostReaders)
      throw new ProblemError(503, "Too many readers", `${mostReaders} read events already; end one of them`);
    const reading = stream(reply, operations, clock);
    readers.add(reading);
    try {
      await reading;
    } finally {
      readers.delete(reading);
    }
  });
}

async function stream(reply: FastifyReply, operations: Pick<Operations, "onEvent">, clock: Clock): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  // A write that meets a connection just lost: `close` says so too.
  raw.on("error", () => gone.abort());
  if (raw.destroyed) return;
  // What hooks have set is kept.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
  const write = (text: string): void => {
    if (raw.destroyed || gone.signal.aborted) return;
    if (raw.writableLength > mostWaiting) raw.destroy();
    else raw.write(text);
  };
  write(": popgate\n\n");
  using _listening = operations.onEvent((event) => write(textOf(event)));
  while (!gone.signal.aborted) {
    await clock.sleep(heartbeatMs, gone.signal).catch(() => undefined);
    // A reader that has gone without a word is found out by what is written.
    write(":\n\n");
  }
}

/** JSON holds no line break: one `data` line is enough. */
function textOf(event: EventMessage): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
