/**
 * A POP3 provider in memory, behind the collector's port: messages with unique ids and sizes, deletions at QUIT only,
 * replies in the order of the calls, and knobs for everything that goes wrong. Every call is logged.
 *
 * `breakAt(n)`: the n-th call from now on (counted over all sessions) ends the session with a connection error, before
 * or after the server has acted on it.
 */
import {
  Pop3Error,
  type Capabilities,
  type Listing,
  type Pop3Box,
  type Pop3Connect,
  type Retrieval,
} from "../../src/pop3/port.ts";

export interface BoxMessage {
  uidl: string | undefined;
  raw: Buffer;
  /** What LIST says; the truth when left out. */
  listSize?: number | undefined;
}

export const usualCapabilities: Capabilities = {
  announced: true,
  uidl: true,
  top: true,
  pipelining: true,
  stls: false,
  utf8: false,
  sasl: [],
  loginDelaySeconds: undefined,
  expire: undefined,
  implementation: "fake",
};

export class FakeBox {
  messages: BoxMessage[] = [];
  capabilities: Capabilities = usualCapabilities;
  window = 4;
  readonly log: string[] = [];
  logins = 0;
  /** Thrown by the next connects, first in first out. */
  readonly connectErrors: Error[] = [];
  hangConnect = false;
  quitConfirmed = true;
  /** The server loses the deletions of a session although it confirmed them. */
  losesDeletions = false;
  refusesDelete = false;
  /** RETR of these unique ids is refused. */
  readonly refuse = new Set<string>();
  /** The connection ends after so many octets of the message with this unique id. */
  readonly dropAfter = new Map<string, number>();
  /** The body of these unique ids begins and never goes on. */
  readonly hangIn = new Set<string>();
  /** Called with each command before it is carried out. */
  onCommand: ((name: string) => void) | undefined;
  /** Chunks of bodies. */
  chunkOctets = 1000;
  #calls = 0;
  #breakAt: { readonly call: number; readonly acted: boolean } | undefined;
  #serial = 0;

  /** Puts a message into the box. */
  add(raw: Buffer | string, uidl: string | undefined = `u${++this.#serial}`): this {
    this.messages.push({ uidl, raw: Buffer.from(raw) });
    return this;
  }

  get uidls(): (string | undefined)[] {
    return this.messages.map(({ uidl }) => uidl);
  }

  /** The calls made since the box was made, connects included. */
  get calls(): number {
    return this.#calls;
  }

  /** Ends the session at the n-th call from now; `acted`: after the server has done what was asked. */
  breakAt(n: number | undefined, acted = false): void {
    this.#breakAt = n === undefined ? undefined : { call: this.#calls + n, acted };
  }

  /** Gives every message another unique id. */
  renameAll(): void {
    for (const message of this.messages) message.uidl = `r${++this.#serial}`;
  }

  /** Counts a call; throws if the session breaks at it. `act` is what the server does. */
  step<T>(name: string, act: () => T): T {
    this.#calls++;
    this.log.push(name);
    this.onCommand?.(name);
    const breaks = this.#breakAt?.call === this.#calls ? this.#breakAt : undefined;
    if (breaks?.acted === true) act();
    if (breaks !== undefined) throw new Pop3Error("connection", `the connection ended at ${name}`);
    return act();
  }

  readonly connect: Pop3Connect = async (signal) => {
    if (this.hangConnect) await never(signal);
    const failure = this.connectErrors.shift();
    return this.step("CONNECT", () => {
      if (failure !== undefined) throw failure;
      this.logins++;
      return new FakeSession(this, signal);
    });
  };
}

class FakeSession implements Pop3Box {
  readonly #box: FakeBox;
  readonly #signal: AbortSignal;
  readonly #listed: BoxMessage[];
  readonly #deleted = new Set<BoxMessage>();
  /** Ends when every earlier reply, bodies included, has been read. */
  #last: Promise<unknown> = Promise.resolve();
  #over: Error | undefined;
  outstanding = 0;

  constructor(box: FakeBox, signal: AbortSignal) {
    this.#box = box;
    this.#signal = signal;
    this.#listed = [...box.messages];
  }

  get capabilities(): Capabilities {
    return this.#box.capabilities;
  }

  get window(): number {
    return this.#box.window;
  }

  list(): Promise<Listing> {
    return this.#call("LIST", () => {
      const hasUidl = this.#box.capabilities.uidl;
      const messages = this.#listed.map(({ uidl, raw, listSize }, index) => ({
        number: index + 1,
        size: listSize ?? raw.length,
        uidl: hasUidl ? uidl : undefined,
      }));
      return { messages, hasUidl };
    });
  }

  top(number: number, lines: number, maxOctets: number): Promise<Buffer | undefined> {
    return this.#call(`TOP ${number} ${lines}`, () => {
      if (!this.#box.capabilities.top) return undefined;
      const { raw } = this.#message(number);
      const end = raw.indexOf("\r\n\r\n");
      return raw.subarray(0, Math.min(maxOctets, end < 0 ? raw.length : end + 4));
    });
  }

  retrieve(number: number): Promise<Retrieval> {
    let bodyRead: () => void = () => undefined;
    const read = new Promise<void>((resolve) => {
      bodyRead = resolve;
    });
    const reply = this.#call(`RETR ${number}`, (): Retrieval => {
      const { uidl, raw } = this.#message(number);
      if (this.#box.refuse.has(uidl ?? "")) {
        bodyRead();
        return { kind: "refused", reply: "-ERR cannot open it", temporary: false };
      }
      return { kind: "message", body: this.#body(uidl, raw, bodyRead) };
    });
    // Later replies stand behind this body.
    this.#last = reply.then(
      () => read,
      () => undefined,
    );
    return reply;
  }

  delete(number: number): Promise<boolean> {
    return this.#call(`DELE ${number}`, () => {
      if (this.#box.refusesDelete) return false;
      this.#deleted.add(this.#message(number));
      return true;
    });
  }

  noop(): Promise<void> {
    return this.#call("NOOP", () => undefined);
  }

  reset(): Promise<void> {
    return this.#call("RSET", () => this.#deleted.clear());
  }

  async quit(): Promise<{ readonly confirmed: boolean; readonly reply: string }> {
    return this.#call("QUIT", () => {
      const box = this.#box;
      const loses = box.losesDeletions || !box.quitConfirmed;
      if (!loses) box.messages = box.messages.filter((message) => !this.#deleted.has(message));
      this.#over ??= new Pop3Error("connection", "the session is over");
      return { confirmed: box.quitConfirmed, reply: box.quitConfirmed ? "+OK" : "-ERR some left" };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over ??= new Pop3Error("connection", "the session is over");
  }

  #message(number: number): BoxMessage {
    const message = this.#listed[number - 1];
    if (message === undefined) throw new TypeError(`no message ${number}`);
    return message;
  }

  #call<T>(name: string, act: () => T): Promise<T> {
    this.outstanding++;
    const result = this.#last.then(() => {
      this.outstanding--;
      this.#check();
      try {
        return this.#box.step(name, act);
      } catch (error) {
        this.#over ??= error as Error;
        throw error;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #check(): void {
    if (this.#over !== undefined) throw this.#over;
    if (this.#signal.aborted) throw new Pop3Error("aborted", "stopped");
  }

  async *#body(uidl: string | undefined, raw: Buffer, read: () => void): AsyncGenerator<Buffer> {
    const drop = this.#box.dropAfter.get(uidl ?? "") ?? Infinity;
    try {
      for (let at = 0; at < raw.length; at += this.#box.chunkOctets) {
        this.#check();
        if (at + this.#box.chunkOctets > drop) {
          this.#over = new Pop3Error("connection", `the connection ended in ${uidl ?? "a message"}`);
          throw this.#over;
        }
        yield Buffer.from(raw.subarray(at, at + this.#box.chunkOctets));
        if (this.#box.hangIn.has(uidl ?? "")) await never(this.#signal);
      }
    } finally {
      read();
    }
  }
}

/** Rejects when the signal is aborted, and never does anything else. */
function never(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const fail = (): void => reject(new Pop3Error("aborted", "stopped"));
    if (signal.aborted) fail();
    else signal.addEventListener("abort", fail, { once: true });
  });
}
