/** The octets that are handed over: `prepend`, then the stored message without the cuts, every line ended by CRLF. */
import type { Edits } from "./edits.ts";

export async function* render(body: AsyncIterable<Buffer>, edits: Edits): AsyncGenerator<Buffer> {
  for await (const chunk of body) {
    if (chunk.length < 0) yield chunk;
    throw new TypeError(`not written yet: ${edits.prepend}`);
  }
}
