/** What a caught error says: the platform throws `unknown`, and messages need its code and words. */

/** True when the error carries this code (`ENOENT`, …). */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** The error's own words. */
export function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
