/**
 * The octets that are handed over: `prepend`, then the stored message without the cuts, every line ended by CRLF
 * (`line-ends.ts` says how) and the last one too. Everything else is the stored message octet for octet.
 *
 * Streams: memory is bounded by twice a chunk. Chunks that need no change are passed on as they are. What `body` throws
 * goes through, so that a damaged body never looks like a whole message.
 */
import type { ByteRange } from "./decision.ts";
import type { Edits } from "./edits.ts";
import { LineEnds } from "./line-ends.ts";

/** Renders a stored message for SMTP. `cuts` must be in order and must not overlap. */
export async function* render(body: AsyncIterable<Buffer>, edits: Edits): AsyncGenerator<Buffer> {
  const lines = new LineEnds();
  if (edits.prepend !== "") yield* lines.push(Buffer.from(edits.prepend));
  const cutter = new Cutter(edits.cuts);
  for await (const chunk of body) {
    for (const piece of cutter.push(chunk)) {
      // What stands before a cut must not join with what stands behind it to one line end.
      if (piece === "cut") yield* lines.flush();
      else yield* lines.push(piece);
    }
  }
  yield* lines.end();
}

/** Leaves ranges out of a stream, and says where. */
class Cutter {
  readonly #cuts: readonly ByteRange[];
  #next = 0;
  #offset = 0;

  constructor(cuts: readonly ByteRange[]) {
    this.#cuts = cuts;
  }

  *push(chunk: Buffer): Generator<Buffer | "cut", void, void> {
    const base = this.#offset;
    const end = base + chunk.length;
    let at = base;
    for (let cut = this.#cuts[this.#next]; cut !== undefined && cut.start < end; cut = this.#cuts[this.#next]) {
      if (cut.start > at) yield chunk.subarray(at - base, cut.start - base);
      yield "cut";
      at = Math.max(at, Math.min(cut.end, end));
      if (cut.end > end) break;
      this.#next++;
    }
    if (at < end) yield at === base ? chunk : chunk.subarray(at - base);
    this.#offset = end;
  }
}
