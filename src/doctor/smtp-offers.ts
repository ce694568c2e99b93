/** What the lines of an EHLO reply offer (RFC 5321 §4.1.1.1). Pure. */

/** Keywords are compared whole. */
export function has(offers: readonly string[], keyword: string): boolean {
  return offers.some((line) => line.split(/\s/u)[0]?.toUpperCase() === keyword);
}

/** Octets by SIZE (RFC 1870); `undefined` when there is no limit, or none that is told. */
export function sizeOf(offers: readonly string[]): number | undefined {
  const digits = offers.map((line) => /^SIZE\s+(\d{1,15})\s*$/iu.exec(line)?.[1]).find((found) => found !== undefined);
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits);
}
