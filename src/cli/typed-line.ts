/**
 * One line that a person types, or that is piped in. A terminal itself edits the line, so that Ctrl-C is a signal; nothing
 * listens to the input before and after.
 */
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** Without its end and the space around it; `undefined` when the input has ended. */
export async function typedLine(input: Readable): Promise<string | undefined> {
  const lines = createInterface({ input, terminal: false });
  try {
    const { value, done } = await lines[Symbol.asyncIterator]().next();
    return done === true ? undefined : value.trim();
  } finally {
    lines.close();
  }
}

/** In English and German. */
export function isYes(typed: string): boolean {
  return /^(?:y|yes|j|ja)$/iu.test(typed);
}
