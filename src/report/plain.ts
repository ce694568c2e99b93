/** Free text of senders and servers, made fit for a report. Pure. */

/** On one line, cut to `most` characters, and without anything that could begin a line or steer a terminal. */
export function plain(text: string, most: number): string {
  return text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim()
    .slice(0, most)
    .toWellFormed();
}
