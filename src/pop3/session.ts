/**
 * An open box: the transaction state of RFC 1939 §5, behind the port that the collector sees.
 *
 * A refusal of one command is a value; whatever ends the session rejects, and rejects everything after it. Deletions are
 * marks until `quit` is confirmed, which is the server's +OK and nothing else.
 */
import { refusal } from "./failure.ts";
import { makeListing, parseStat } from "./listing.ts";
import type { Pop3Options, ServerMemory } from "./options.ts";
import { type Capabilities, type Listing, type Pop3Box, Pop3Error, type Retrieval } from "./port.ts";
import { type Pop3Reply, replyWords, soundsTemporary, statedKind } from "./reply.ts";
import type { LoggedIn } from "./login.ts";
import type { Pop3Wire } from "./wire.ts";

export class Pop3Session implements Pop3Box {
  readonly capabilities: Capabilities;
  readonly #wire: Pop3Wire;
  readonly #options: Pop3Options;
  readonly #memory: ServerMemory;
  #stat: Promise<Pop3Reply> | undefined;
  readonly #sizes = new Map<number, number>();

  constructor(wire: Pop3Wire, login: LoggedIn, options: Pop3Options, memory: ServerMemory) {
    this.#wire = wire;
    this.#options = options;
    this.#memory = memory;
    this.capabilities = login.capabilities;
    this.#stat = login.stat;
  }

  get window(): number {
    return this.#wire.window;
  }

  async list(): Promise<Listing> {
    const stat = await this.#status();
    if (stat.status === "ok" && parseStat(stat.text) === 0) return { messages: [], hasUidl: this.capabilities.uidl };
    const [scan, ids] = await Promise.all([this.#lines("LIST"), this.#lines("UIDL")]);
    if (ids.lines === undefined && this.#options.needUidl) {
      if (statedKind(ids.reply) !== undefined) throw refusal(ids.reply, "other", "UIDL");
      const words = replyWords(ids.reply);
      throw new Pop3Error("permanent", `the server has no UIDL, and the account needs it: ${words}`, { reply: words });
    }
    if (scan.lines === undefined && ids.lines === undefined) throw refusal(scan.reply, "other", "LIST");
    const listing = makeListing(scan.lines, ids.lines);
    this.#sizes.clear();
    for (const { number, size } of listing.messages) if (size !== undefined) this.#sizes.set(number, size);
    return listing;
  }

  async top(number: number, lines: number, maxOctets: number): Promise<Buffer | undefined> {
    if (this.capabilities.announced && !this.capabilities.top) return undefined;
    const { limits } = this.#options;
    const keep = Math.min(maxOctets, limits.headOctets);
    const { reply, content } = await this.#wire.collect(`TOP ${number} ${lines}`, keep, limits.messageOctets);
    if (reply.status !== "ok") return undefined;
    // One family of servers says +OK twice.
    const second = /^\+OK[^\r\n]*\r?\n/u.exec(content.toString("latin1", 0, 200))?.[0];
    return second === undefined ? content : content.subarray(second.length);
  }

  async retrieve(number: number): Promise<Retrieval> {
    const { messageOctets } = this.#options.limits;
    const { reply, body } = await this.#wire.stream(`RETR ${number}`, this.#sizes.get(number), messageOctets);
    return reply.status === "ok"
      ? { kind: "message", body }
      : { kind: "refused", reply: replyWords(reply), temporary: soundsTemporary(reply) };
  }

  async delete(number: number): Promise<boolean> {
    const reply = await this.#wire.command(`DELE ${number}`);
    return reply.status === "ok";
  }

  async noop(): Promise<void> {
    // A refusal will do as well: what counts is that the server has heard of us.
    await this.#wire.command("NOOP");
  }

  async reset(): Promise<void> {
    const reply = await this.#wire.command("RSET");
    if (reply.status !== "ok") throw refusal(reply, "other", "RSET");
  }

  async quit(): Promise<{ readonly confirmed: boolean; readonly reply: string }> {
    try {
      const reply = await this.#wire.command("QUIT");
      this.#wire.close();
      return { confirmed: reply.status === "ok", reply: replyWords(reply) };
    } catch (error) {
      if (error instanceof Pop3Error) return { confirmed: false, reply: error.message };
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#wire[Symbol.dispose]();
    return Promise.resolve();
  }

  async #status(): Promise<Pop3Reply> {
    const early = this.#stat;
    this.#stat = undefined;
    if (early === undefined) return this.#wire.command("STAT");
    try {
      return await early;
    } catch (error) {
      // Some servers lose what they have read along with PASS.
      this.#memory.eager = false;
      throw error;
    }
  }

  async #lines(command: string): Promise<{ lines: readonly string[] | undefined; reply: Pop3Reply }> {
    const { listingOctets } = this.#options.limits;
    const { reply, content } = await this.#wire.collect(command, listingOctets, listingOctets);
    if (reply.status !== "ok") return { lines: undefined, reply };
    return {
      lines: content
        .toString("utf8")
        .split(/\r?\n/u)
        .filter((line) => line.trim() !== ""),
      reply,
    };
  }
}
