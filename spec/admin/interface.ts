/** The admin interface on a real Unix socket in a temporary folder, with operations that do what a spec says. */
import { mkdtempSync, rmSync } from "node:fs";
import { request, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { actorOf } from "../../src/admin/actor.ts";
import type { ApiOptions } from "../../src/admin/api.ts";
import type { Operations } from "../../src/admin/port.ts";
import type { Audit, EventMessage, MessageSummary, Status } from "../../src/admin/schemas.ts";
import { createAdminServer } from "../../src/admin/server.ts";
import { listenOnSocket } from "../../src/admin/socket.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList } from "../spool/support.ts";

export const someId = "000000000BCDFG";

export const goodStatus: Status = {
  version: "1.2.3",
  hostname: "mail.firma.example",
  startedAt: 1000,
  now: 61_000,
  config: "/etc/popgate/popgate.toml",
  spool: { dir: "/var/spool/popgate", health: "ok", freeOctets: 5_000, diskOctets: 20_000 },
  queue: {
    queued: 3,
    held: 2,
    octets: 4711,
    oldestQueuedAt: 31_000,
    inbound: { queued: 2, held: 2, oldestQueuedAt: 31_000 },
    outbound: { queued: 1, held: 0, oldestQueuedAt: 51_000 },
    heldByReason: { "envelope-missing": 2 },
  },
  accounts: [
    {
      name: "box",
      kind: "collector",
      host: "pop.provider.example",
      enabled: true,
      paused: false,
      polling: false,
      nextPollAt: 70_000,
      lastPollAt: 60_000,
      lastSuccessAt: 50_000,
      last: "auth: wrong password",
      failing: true,
    },
  ],
  destinations: [
    {
      name: "exchange mail.firma.example:25",
      state: "down",
      since: 40_000,
      cause: "connect: refused",
      queued: 4,
      running: 1,
    },
  ],
  listeners: ["0.0.0.0:25"],
  troubles: [{ severity: "error", about: "box", detail: "auth", remedy: "Look.", since: 40_000 }],
};

/** Of a spool that nothing has come into yet. */
export const goodAudit: Audit = {
  messages: 0,
  open: 0,
  ended: 0,
  ways: [],
  recipients: { queued: 0, held: 0, delivered: 0, bounced: 0, expired: 0, dropped: 0 },
  undecided: 0,
  failures: { reported: 0, owed: 0, unwished: 0 },
  reports: 0,
  droppedBy: {},
  forgotten: 0,
  steady: true,
  wrong: 0,
  inconsistencies: [],
};

export const someMessage: MessageSummary = {
  id: someId,
  direction: "inbound",
  state: "queued",
  receivedAt: 1,
  size: 10,
  origin: "box",
  reversePath: "a@b.example",
  recipients: [{ address: "chef@firma.example", state: "queued" }],
  from: "A <a@b.example>",
  subject: "Hello",
  messageId: "<1@b.example>",
};

/** Listeners of events, and who is told what. */
export class Followers {
  readonly listeners = new Set<(event: EventMessage) => void>();
  #changed = Promise.withResolvers<void>();

  onEvent(listener: (event: EventMessage) => void): Disposable {
    this.listeners.add(listener);
    this.#tell();
    return {
      [Symbol.dispose]: () => {
        this.listeners.delete(listener);
        this.#tell();
      },
    };
  }

  tell(event: EventMessage): void {
    for (const listener of this.listeners) listener(event);
  }

  /** Until there are so many. */
  async count(wanted: number): Promise<void> {
    while (this.listeners.size !== wanted) await this.#changed.promise;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** Operations that find nothing and do nothing, unless told otherwise. */
export function fakeOperations(given: Partial<Operations> = {}): Operations {
  return {
    status: async () => goodStatus,
    statistics: async () => ({ now: 0, since: 0, hours: [] }),
    audit: async () => goodAudit,
    messages: async () => ({ messages: [] }),
    message: async () => undefined,
    explain: async () => [],
    raw: async () => undefined,
    act: async (ids) => ids.map((id) => ({ id, kind: "not-found", detail: "there is no such message" })),
    resolve: async function* () {
      yield* [];
    },
    poll: async (account) => (account === undefined ? [] : undefined),
    doctor: async () => [],
    pauseAccount: async () => false,
    pauseDestination: async () => false,
    reload: async () => ({ kind: "ok" }),
    backup: async () => undefined,
    onEvent: () => ({ [Symbol.dispose]: () => undefined }),
    ...given,
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly json: unknown;
}

export interface Interface extends AsyncDisposable {
  readonly socket: string;
  readonly clock: ManualClock;
  readonly events: EventList;
  get(path: string, headers?: OutgoingHttpHeaders): Promise<Answer>;
  post(path: string, body?: unknown, headers?: OutgoingHttpHeaders): Promise<Answer>;
  ask(method: string, path: string, body?: Buffer | string, headers?: OutgoingHttpHeaders): Promise<Answer>;
  /** An answer whose body has not been read; the caller destroys it. */
  open(path: string, method?: string): Promise<IncomingMessage>;
  close(): Promise<void>;
}

export async function openInterface(
  given: Partial<Operations> = {},
  options: Partial<ApiOptions> = {},
): Promise<Interface> {
  const directory = mkdtempSync(path.join(tmpdir(), "popgate-admin-"));
  const socket = path.join(directory, "run", "admin.sock");
  const clock = new ManualClock();
  const events = new EventList();
  const server = createAdminServer(fakeOperations(given), { version: "1.2.3", actorOf, ...options }, { clock, events });
  const listening = await listenOnSocket(server, socket);
  const ask: Interface["ask"] = async (method, where, body, headers = {}) => {
    const answer = await send(socket, method, where, body, headers);
    const text = await textOf(answer);
    return { status: answer.statusCode ?? 0, headers: answer.headers, text, json: jsonOf(text) };
  };
  return {
    socket,
    clock,
    events,
    ask,
    get: async (where, headers) => ask("GET", where, undefined, headers),
    post: async (where, body, headers = {}) =>
      body === undefined
        ? ask("POST", where, undefined, headers)
        : ask("POST", where, JSON.stringify(body), { "content-type": "application/json", ...headers }),
    open: async (where, method = "GET") => send(socket, method, where, undefined, {}),
    close: async () => listening[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await listening[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function send(
  socketPath: string,
  method: string,
  where: string,
  body: Buffer | string | undefined,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath, method, path: where, headers, agent: false }, resolve);
    asking.once("error", reject);
    asking.end(body);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
