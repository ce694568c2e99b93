/**
 * The octets of one message between 354 and the final dot (RFC 5321 §4.1.1.4, §4.5.2).
 *
 * Only CRLF . CRLF ends it; a dot at the start of a line is taken away. Anything else, bare CR and LF included, is
 * handed on as it came: the stand-in shows what a client really sent.
 */

export type DataStep =
  | { readonly kind: "more"; readonly octets: readonly Buffer[] }
  /** `rest` is what the client sent after the final dot. */
  | { readonly kind: "end"; readonly octets: readonly Buffer[]; readonly rest: Buffer };

const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;
const crlfDot = Buffer.from("\r\n.");

export class DataReader {
  /** Octets that cannot be told apart yet: a CR, or a dot at the start of a line with at most a CR after it. */
  #rest: Buffer = Buffer.alloc(0);
  #atLineStart = true;

  /** Takes the next octets from the wire. */
  push(chunk: Buffer): DataStep {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const octets: Buffer[] = [];
    let position = 0;
    for (;;) {
      if (this.#atLineStart) {
        if (position >= data.length) return this.#more(octets, data, position);
        if (data[position] === dot) {
          const verdict = dotLine(data, position);
          if (verdict === "unknown") return this.#more(octets, data, position);
          if (verdict === "end") return { kind: "end", octets, rest: data.subarray(position + 3) };
          position += 1;
        }
        this.#atLineStart = false;
      }
      const next = data.indexOf(crlfDot, position);
      if (next >= 0) {
        octets.push(data.subarray(position, next + 2));
        position = next + 2;
        this.#atLineStart = true;
        continue;
      }
      const keep = data.at(-1) === cr && data.length > position ? 1 : 0;
      this.#atLineStart = data.length - position >= 2 && data.at(-2) === cr && data.at(-1) === lf;
      const end = data.length - keep;
      if (end > position) octets.push(data.subarray(position, end));
      return this.#more(octets, data, end);
    }
  }

  #more(octets: readonly Buffer[], data: Buffer, from: number): DataStep {
    this.#rest = data.subarray(from);
    return { kind: "more", octets };
  }
}

function dotLine(data: Buffer, position: number): "end" | "text" | "unknown" {
  const first = data[position + 1];
  if (first === undefined) return "unknown";
  if (first !== cr) return "text";
  const second = data[position + 2];
  if (second === undefined) return "unknown";
  return second === lf ? "end" : "text";
}
