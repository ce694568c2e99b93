/**
 * A whole account on a fake box, a memory spool and a clock that stands still, with crashes on demand.
 *
 * `crashAt(n)`: at the n-th call of the spool from now on the process is dead, before or after that call has taken
 * effect; every later call fails too, until `restart` makes a new account on what is durable.
 */
import { mustAddress, type Address } from "../../src/core/address.ts";
import type { EventKind, EventOf, PopgateEvent } from "../../src/core/events.ts";
import { parseAccountName, type AccountName } from "../../src/core/ids.ts";
import { createAccount, type Account } from "../../src/inbound/account.ts";
import type { AccountOptions } from "../../src/inbound/account-state.ts";
import { defaultLimits } from "../../src/inbound/limits.ts";
import type { PollReport } from "../../src/inbound/report.ts";
import type { CollectorPolicy } from "../../src/message/policy.ts";
import type { Ingest, Spool } from "../../src/spool/port.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import type { Store } from "../../src/spool/store.ts";
import { FakeBox } from "../fakes/fake-box.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";

export const accountName = ((): AccountName => {
  const name = parseAccountName("sammel");
  if (name === undefined) throw new TypeError("not an account name");
  return name;
})();

export const collector: CollectorPolicy = {
  kind: "collector",
  profile: "custom",
  sources: [{ kind: "field", name: "Envelope-To", pattern: undefined, occurrence: "topmost" }],
  place: { kind: "top", trustedHops: 0 },
  providerHosts: [],
  stripPrefix: undefined,
  domains: ["firma.example"],
  aliases: new Map(),
  fallback: undefined,
  established: undefined,
  absentWhenSeveral: false,
  limits: { maxReceived: 50, alsoRemove: [] },
  hostname: "gate.firma.example",
};

/** A message as an Exim provider stores it. `to` is whom it is for; without it the envelope field is missing. */
export function mail(
  name: string,
  more: { to?: string | undefined; visible?: string; body?: string; id?: string | undefined; received?: string } = {},
): Buffer {
  const { to = "a@firma.example", visible = "a@firma.example", body = `This is ${name}.\r\n`, received = name } = more;
  const envelope = "to" in more && more.to === undefined ? "" : `Envelope-To: ${to}\r\n`;
  const id = "id" in more ? more.id : `<${name}@sender.example>`;
  return Buffer.from(
    `Return-Path: <s@sender.example>\r\n${envelope}` +
      `Received: from mx.sender.example by mx.provider.example with ESMTP id ${received};` +
      ` Tue, 24 Nov 2026 08:00:00 +0000\r\n` +
      `From: s@sender.example\r\nTo: ${visible}\r\nSubject: ${name}\r\n` +
      (id === undefined ? "" : `Date: Tue, 24 Nov 2026 07:59:00 +0000\r\nMessage-ID: ${id}\r\n`) +
      `\r\n${body}`,
  );
}

/** The process has died: nothing after this reaches the disk. */
class Crash extends Error {
  override readonly name = "Crash";
}

class CrashingSpool {
  readonly real: Spool;
  calls = 0;
  #crashAt: { readonly call: number; readonly acted: boolean } | undefined;
  #dead = false;

  constructor(real: Spool) {
    this.real = real;
  }

  crashAt(n: number, acted: boolean): void {
    this.#crashAt = { call: this.calls + n, acted };
  }

  revive(): void {
    this.#crashAt = undefined;
    this.#dead = false;
  }

  /** The spool with crashes: the methods that the collector uses, all of them counted. */
  get port(): Spool {
    return new Proxy(this.real, {
      get: (real, name) => {
        const member: unknown = Reflect.get(real, name, real);
        if (typeof member !== "function") return member;
        const method = member as (...args: unknown[]) => unknown;
        if (name === "begin") return () => this.#ingest(this.#step(() => real.begin()));
        if (name === "body" || name === "health" || name === "counts" || name === "onChange") return method.bind(real);
        return (...args: unknown[]) => this.#stepAsync(async () => method.apply(real, args));
      },
    });
  }

  #ingest(ingest: Ingest): Ingest {
    return {
      id: ingest.id,
      get size() {
        return ingest.size;
      },
      digest: () => ingest.digest(),
      write: (chunk) => this.#stepAsync(() => ingest.write(chunk)),
      commit: (...args) => this.#stepAsync(() => ingest.commit(...args)),
      [Symbol.asyncDispose]: () => ingest[Symbol.asyncDispose](),
    };
  }

  #step<T>(act: () => T): T {
    const crash = this.#begin();
    if (crash === undefined) return act();
    if (crash.acted) act();
    throw this.#die();
  }

  async #stepAsync<T>(act: () => Promise<T>): Promise<T> {
    const crash = this.#begin();
    if (crash === undefined) {
      const result = await act();
      // What was under way when the process died may be durable; its caller never learns of it.
      if (this.#dead) throw new Crash("the process is dead");
      return result;
    }
    if (crash.acted) await act();
    throw this.#die();
  }

  #begin(): { readonly acted: boolean } | undefined {
    if (this.#dead) throw new Crash("the process is dead");
    this.calls++;
    return this.#crashAt?.call === this.calls ? this.#crashAt : undefined;
  }

  #die(): Crash {
    this.#dead = true;
    return new Crash("the process died");
  }
}

export interface Bench {
  readonly box: FakeBox;
  readonly spool: Spool;
  readonly crashing: CrashingSpool;
  readonly clock: ManualClock;
  readonly events: PopgateEvent[];
  account: Account;
  /** One session. */
  poll(): Promise<PollReport>;
  /** Sessions until nothing is left to do, at most ten, a minute apart. */
  settle(): Promise<PollReport>;
  /** A new process on what is durable, optionally with another configuration. */
  restart(options?: Partial<AccountOptions>): void;
  /** What is in the queue, with the octets. */
  spooled(): Promise<readonly { readonly record: MessageRecord; readonly raw: Buffer }[]>;
  /** Subjects of what is in the queue, sorted: every message exactly once, or not. */
  subjects(): Promise<string[]>;
  heard<K extends EventKind>(kind: K): EventOf<K>[];
  /** Delivers all queued messages, in the spool's books. */
  deliverAll(): Promise<void>;
}

export async function bench(options: Partial<AccountOptions> = {}, store?: Store): Promise<Bench> {
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  const sink = { emit: (event: PopgateEvent) => void events.push(event) };
  let seed = 1;
  const random = { next: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647 };
  const spool = await openMemorySpool({ clock, random, events: sink }, store);
  const crashing = new CrashingSpool(spool);
  const box = new FakeBox();
  const stop = new AbortController();
  const make = (more: Partial<AccountOptions>): Account =>
    createAccount(
      {
        name: accountName,
        connect: box.connect,
        server: { host: "pop.provider.example", secure: true },
        policy: collector,
        keep: { kind: "never" },
        initial: "all",
        maxOctets: 1_000_000,
        rules: { times: { kind: "every", ms: 60_000 }, minIntervalMs: 0 },
        limits: defaultLimits,
        ...options,
        ...more,
      },
      { spool: crashing.port, clock, random, events: sink },
    );
  const made: Bench = {
    box,
    spool,
    crashing,
    clock,
    events,
    account: make({}),
    poll() {
      return this.account.poll(stop.signal);
    },
    async settle() {
      let report = await this.poll();
      for (let n = 0; n < 10 && (report.kind !== "done" || report.more || report.deleted > 0); n++) {
        clock.set(clock.now() + 60_000);
        report = await this.poll();
      }
      return report;
    },
    restart(more = {}) {
      crashing.revive();
      this.account = make(more);
    },
    async spooled() {
      const found: { record: MessageRecord; raw: Buffer }[] = [];
      for (const record of await spool.list(undefined, 100_000)) {
        found.push({ record, raw: await octets(spool.body(record.id)) });
      }
      return found;
    },
    async subjects() {
      return (await this.spooled()).map(({ record }) => record.summary.subject).sort();
    },
    heard<K extends EventKind>(kind: K) {
      return events.filter((event): event is EventOf<K> => event.kind === kind);
    },
    async deliverAll() {
      for (const { id } of await spool.list(undefined, 100_000)) await spool.update(id, (record) => delivered(record));
    },
  };
  return made;
}

async function octets(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function delivered(record: MessageRecord): MessageRecord {
  const reply = { code: 250, enhanced: undefined, text: "OK" };
  const recipients = record.recipients.map((recipient) => ({
    ...recipient,
    state: { kind: "delivered" as const, at: record.receivedAt, reply },
  }));
  return { ...record, recipients };
}

export function address(text: string): Address {
  return mustAddress(text);
}
