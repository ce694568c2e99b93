/** Keys that take one text or a list of them. */

/** The list, whichever way it was written; empty when it was not. */
export function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
