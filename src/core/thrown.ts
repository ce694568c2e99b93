/**
 * What was thrown, in words and as an error. JavaScript lets anything be thrown, and a library may: what is told of a fault
 * must not depend on its being an `Error`, nor fail itself.
 */

/** In one line or few, without where it came from. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : text(thrown);
}

/** With the places it came through, for a fault of our own. */
export function traceOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : text(thrown);
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(text(thrown));
}

/** `String` fails at objects without a prototype. */
function text(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something without words";
  }
}
