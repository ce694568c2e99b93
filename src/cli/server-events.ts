/**
 * Server-sent events (WHATWG HTML, "Server-sent events"), as far as popgate's own stream uses them: the `data` of each
 * event, one line each. Comments, which only keep the connection alive, are passed over. Memory is bounded.
 */
import type { EventMessage } from "../admin/schemas.ts";
import { eventMessage } from "../admin/schemas.ts";

/** No event is longer. */
const longestLine = 1024 * 1024;

/** What is no event of popgate's is passed over. */
export async function* serverEvents(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<EventMessage> {
  for await (const line of linesOf(chunks)) {
    if (!line.startsWith("data:")) continue;
    const event = eventMessage.safeParse(parsed(line.slice("data:".length)));
    if (event.success) yield event.data;
  }
}

async function* linesOf(chunks: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > longestLine) throw new Error("an event is too long");
    yield* lines;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
