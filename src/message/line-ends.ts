/**
 * Makes every line of a stream end with CRLF, as SMTP demands (RFC 5321 §2.3.8): an LF with any number of CR before it
 * is one line end, and so is each CR that no LF follows. Everything else passes octet for octet, and chunks that hold
 * no stray CR or LF pass as they are, without a copy.
 *
 * A run of CR at the end of a chunk is kept back as a number until the next one shows what it is.
 */
const lf = 10;
const cr = 13;
const crlf = Buffer.from("\r\n");

export class LineEnds {
  /** CR seen at the end of what was pushed, not yet given out. */
  #pending = 0;
  #atLineStart = true;
  #any = false;

  /** Takes the next octets; gives what they became. The result may share memory with `chunk`. */
  push(chunk: Buffer): readonly Buffer[] {
    let start = 0;
    const out: Buffer[] = [];
    if (this.#pending > 0) {
      while (chunk[start] === cr) start++;
      this.#pending += start;
      if (start === chunk.length) return out;
      if (chunk[start] === lf) {
        start++;
        this.#pending = 0;
        out.push(crlf);
      } else out.push(...this.#barePending());
      this.#atLineStart = true;
      this.#any = true;
    }
    let end = chunk.length;
    while (end > start && chunk[end - 1] === cr) end--;
    this.#pending = chunk.length - end;
    if (end === start) return out;
    const body = chunk.subarray(start, end);
    this.#atLineStart = isLineEnd(body[body.length - 1]);
    this.#any = true;
    out.push(firstStray(body) < 0 ? body : rewritten(body));
    return out;
  }

  /** What was kept back is not followed by an LF: something was cut out behind it, or this is the end. */
  flush(): readonly Buffer[] {
    if (this.#pending === 0) return [];
    this.#atLineStart = true;
    this.#any = true;
    return this.#barePending();
  }

  /** Ends the last line if it has not been ended. */
  end(): readonly Buffer[] {
    const out = [...this.flush()];
    if (this.#any && !this.#atLineStart) out.push(crlf);
    this.#atLineStart = true;
    return out;
  }

  /** There is something kept back. */
  #barePending(): readonly Buffer[] {
    const count = this.#pending;
    this.#pending = 0;
    return [Buffer.alloc(count * 2, crlf)];
  }
}

function isLineEnd(octet: number | undefined): boolean {
  return octet === lf || octet === cr;
}

/** Where the first CR or LF stands that is not part of a CRLF; -1 if there is none. `body` does not end with CR. */
function firstStray(body: Buffer): number {
  for (let i = 0; i < body.length; i++) {
    const octet = body[i] ?? 0;
    if (octet > cr) continue;
    if (octet === lf) return i;
    if (octet === cr) {
      if (body[i + 1] !== lf) return i;
      i++;
    }
  }
  return -1;
}

/** `body` does not end with CR. At most twice as long. */
function rewritten(body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(body.length * 2);
  let length = 0;
  /** CR in a row just before `i`. */
  let run = 0;
  for (let i = 0; i < body.length; i++) {
    const octet = body[i] ?? 0;
    if (octet === cr) {
      run++;
      continue;
    }
    for (let lines = octet === lf ? 1 : run; lines > 0; lines--) {
      out[length++] = cr;
      out[length++] = lf;
    }
    run = 0;
    if (octet !== lf) out[length++] = octet;
  }
  return out.subarray(0, length);
}
