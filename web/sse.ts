/**
 * Reads a stream of server-sent events as text comes in, in whatever pieces (HTML Living Standard §9.2.6; of it what
 * popgate writes: `event`, `data` and comments). Pure. A single event longer than `longest` characters is dropped.
 */
const longest = 256 * 1024;

export interface ServerSentEvent {
  readonly kind: string;
  readonly data: string;
}

export class SseReader {
  #rest = "";
  #kind = "";
  #data: string[] = [];
  #length = 0;

  /** What is complete with this piece. */
  push(piece: string): ServerSentEvent[] {
    const found: ServerSentEvent[] = [];
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > longest) this.#rest = "";
    for (const line of lines) {
      const event = this.#line(line.replace(/\r$/u, ""));
      if (event !== undefined) found.push(event);
    }
    return found;
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#end();
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/su.exec(line) ?? [];
    if (field === "event") this.#kind = value;
    this.#length += value.length;
    if (field === "data" && this.#length <= longest) this.#data.push(value);
    return undefined;
  }

  #end(): ServerSentEvent | undefined {
    const event = { kind: this.#kind === "" ? "message" : this.#kind, data: this.#data.join("\n") };
    const isWhole = this.#data.length > 0 && this.#length <= longest;
    this.#kind = "";
    this.#data = [];
    this.#length = 0;
    return isWhole ? event : undefined;
  }
}
