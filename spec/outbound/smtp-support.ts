/** A listener on loopback with a gatekeeper and a receiver that do as a spec says, and clients of it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect } from "vitest";
import { mustAddress, type Address } from "../../src/core/address.ts";
import type { EventOf, EventKind, PopgateEvent } from "../../src/core/events.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Clock } from "../../src/core/ports.ts";
import type {
  EnvelopeRecipient,
  Gatekeeper,
  MailRequest,
  Pass,
  Received,
  Receiver,
  SmtpClient,
  Verdict,
} from "../../src/outbound/port.ts";
import { openListener, type Listener, type ListenerOptions } from "../../src/outbound/smtp-listener.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { LineClient } from "../demo/line-client.ts";

export const postmaster: Address = mustAddress("post@firma.example");
const ok: Verdict = { kind: "ok" };

export function no(code: number, enhanced: string, text = "No", close = false): Extract<Verdict, { kind: "no" }> {
  return { kind: "no", answer: { code, enhanced, text }, close };
}

/** A gatekeeper that lets everybody do everything, unless told otherwise. */
class FakeGatekeeper implements Gatekeeper {
  /** Passes that have been given and not been disposed of. */
  open = 0;
  readonly admitted: SmtpClient[] = [];
  onAdmit: (client: SmtpClient) => Verdict = () => ok;
  mayLogIn: (client: SmtpClient) => boolean = () => true;
  logIn: Pass["logIn"] = (user, password) =>
    Promise.resolve(user === "scanner" && password === "Päss" ? ok : no(535, "5.7.8"));
  mail: Pass["mail"] = () => ok;
  recipient: Pass["recipient"] = () => ok;

  admit(client: SmtpClient): ReturnType<Gatekeeper["admit"]> {
    this.admitted.push(client);
    const verdict = this.onAdmit(client);
    if (verdict.kind === "no") return verdict;
    this.open++;
    const pass: Pass = {
      mayLogIn: (c) => this.mayLogIn(c),
      logIn: (...args) => this.logIn(...args),
      mail: (...args) => this.mail(...args),
      recipient: (...args) => this.recipient(...args),
      [Symbol.dispose]: () => {
        this.open--;
      },
    };
    return { kind: "ok", pass };
  }
}

interface Taken {
  readonly client: SmtpClient;
  readonly request: MailRequest;
  readonly recipients: readonly EnvelopeRecipient[];
  readonly body: string;
}

/** A receiver that keeps everything in memory. */
class FakeReceiver implements Receiver {
  readonly taken: Taken[] = [];
  /** What the bodies threw that did not become whole. */
  readonly broken: string[] = [];
  /** How many calls of `receive` have not ended. */
  running = 0;
  limit = 1_000_000;
  pressureVerdict: Verdict = ok;
  /** Keep the octets; else they are only counted. */
  keep = true;
  octets = 0;
  /** Before anything is read of the body; an answer ends it there. */
  before: (recipients: readonly EnvelopeRecipient[], signal: AbortSignal) => Promise<Received | undefined> = () =>
    Promise.resolve(undefined);
  /** When the body is whole; an answer takes the place of 250. */
  commit: (signal: AbortSignal) => Promise<Received | undefined> = () => Promise.resolve(undefined);

  pressure(): Verdict {
    return this.pressureVerdict;
  }

  maxOctets(): number {
    return this.limit;
  }

  async receive(
    client: SmtpClient,
    request: MailRequest,
    recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]],
    body: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<Received> {
    this.running++;
    try {
      const early = await this.before(recipients, signal);
      if (early !== undefined) return early;
      const chunks: Buffer[] = [];
      for await (const chunk of body) {
        this.octets += chunk.length;
        if (this.keep) chunks.push(Buffer.from(chunk));
      }
      const late = await this.commit(signal);
      if (late !== undefined) return late;
      this.taken.push({ client, request, recipients, body: Buffer.concat(chunks).toString("latin1") });
      const id = `0000000000000${this.taken.length}` as MessageId;
      return { kind: "stored", id, answer: { code: 250, enhanced: "2.0.0", text: `queued as ${id}` } };
    } catch (error) {
      this.broken.push(String(error));
      throw error;
    } finally {
      this.running--;
    }
  }

  get bodies(): string[] {
    return this.taken.map(({ body }) => body);
  }
}

export class EventList {
  readonly all: PopgateEvent[] = [];
  readonly #watchers = new Set<() => void>();

  emit(event: PopgateEvent): void {
    this.all.push(event);
    for (const watcher of this.#watchers) watcher();
  }

  of<K extends EventKind>(kind: K): EventOf<K>[] {
    return this.all.filter((event): event is EventOf<K> => event.kind === kind);
  }

  /** Resolves when there have been so many. */
  async count(kind: EventKind, times: number): Promise<void> {
    while (this.of(kind).length < times) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
      this.#watchers.delete(resolve);
    }
  }
}

export interface Harness {
  readonly listener: Listener;
  readonly gatekeeper: FakeGatekeeper;
  readonly receiver: FakeReceiver;
  readonly events: EventList;
  readonly port: number;
  /** Of the address with implicit TLS. */
  readonly tlsPort: number;
  /** Connects and reads the greeting. */
  readonly greeted: (tls?: boolean) => Promise<LineClient>;
  /** Connects, reads the greeting and says EHLO. */
  readonly hello: (tls?: boolean) => Promise<LineClient>;
}

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** What is to be closed when the spec ends. */
export function later(end: () => void | Promise<void>): void {
  stack.defer(end);
}

export interface HarnessOptions extends Partial<ListenerOptions> {
  readonly clock?: Clock;
  readonly gatekeeper?: Gatekeeper;
  readonly receiver?: Receiver;
  readonly events?: EventList;
}

export async function listen(options: HarnessOptions = {}): Promise<Harness> {
  const { clock = systemClock, gatekeeper: keeper, receiver: taker, events = new EventList(), ...rest } = options;
  const gatekeeper = new FakeGatekeeper();
  const receiver = new FakeReceiver();
  const local = { host: "127.0.0.1", port: 0 };
  const listener = await openListener(
    {
      hostname: "gate.firma.example",
      postmaster,
      listen: [local],
      listenImplicit: rest.tls === undefined ? [] : [local],
      tls: undefined,
      idleMs: 60_000,
      sessionMs: 600_000,
      graceMs: 100,
      connections: 1000,
      ...rest,
    },
    { gatekeeper: keeper ?? gatekeeper, receiver: taker ?? receiver, clock, events },
  );
  stack.use(listener);
  const [plain, implicit] = listener.addresses();
  const port = plain?.port ?? 0;
  const tlsPort = implicit?.port ?? 0;
  const greeted = async (tls = false): Promise<LineClient> => {
    const client = await LineClient.open(tls ? tlsPort : port, tls);
    stack.use(client);
    expect(await client.reply()).toBe("220 gate.firma.example ESMTP");
    return client;
  };
  const hello = async (tls = false): Promise<LineClient> => {
    const client = await greeted(tls);
    expect(await client.say("EHLO me.example")).toBe("250");
    return client;
  };
  return { listener, gatekeeper, receiver, events, port, tlsPort, greeted, hello };
}

/** MAIL and RCPT. */
export async function addressed(client: LineClient, ...recipients: readonly string[]): Promise<void> {
  expect(await client.say("MAIL FROM:<a@firma.example>")).toBe("250 2.1.0");
  for (const to of recipients.length === 0 ? ["x@kunde.example"] : recipients) {
    expect(await client.say(`RCPT TO:<${to}>`)).toBe("250 2.1.5");
  }
}

/** Up to the text of a message in one write, behind EHLO: for clients that are to be silent, or that time runs out for. */
export const untilText = "EHLO me\r\nMAIL FROM:<a@firma.example>\r\nRCPT TO:<x@kunde.example>\r\n";

/** A whole message by DATA; the reply after its final dot. */
export async function send(client: LineClient, text: string | Buffer): Promise<string> {
  await addressed(client);
  expect(await client.say("DATA")).toBe("354");
  client.write(text);
  return client.reply();
}

/** Reads replies up to and with this code, and gives the codes before it. */
export async function repliesUntil(client: LineClient, last: RegExp): Promise<string[]> {
  const replies: string[] = [];
  for (;;) {
    const reply = await client.reply();
    if (last.test(reply) || reply === "closed" || reply === "reset") return replies;
    replies.push(reply);
  }
}

/** Turns of the loop until something has happened in this process; the spec's own time-out is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Octets that this process holds: what is garbage does not count. */
export async function heldMemory(): Promise<number> {
  setFlagsFromString("--expose-gc");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the flag makes
  const collectGarbage = runInNewContext("gc") as () => void;
  // The octets of buffers go in the background, after their owners.
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external } = process.memoryUsage();
  // `external` includes array buffers.
  return heapUsed + external;
}
