/**
 * An authorization server on the loopback, as far as devices need one (RFC 8628): it gives out a code and answers each
 * poll with the next of its answers. And a clock for those who poll it, on which no time passes but by waiting.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Clock, EpochMs } from "../../src/core/ports.ts";

export interface Answer {
  readonly status?: number;
  /** JSON, or text as it is; `drop` ends the connection without an answer. */
  readonly body: unknown;
}

export const drop = Symbol("drop");

export class AuthorizationServer implements AsyncDisposable {
  readonly deviceRequests: URLSearchParams[] = [];
  readonly polls: URLSearchParams[] = [];
  device: Answer = {
    body: {
      device_code: "device-code-1",
      user_code: "WDJB-MJHT",
      verification_uri: "https://login.example/device",
      expires_in: 900,
      interval: 5,
    },
  };
  /** In this order; the last one repeats. */
  answers: Answer[] = [];
  readonly #server: Server;

  static async start(): Promise<AuthorizationServer> {
    const started = new AuthorizationServer();
    started.#server.listen(0, "127.0.0.1");
    await once(started.#server, "listening");
    return started;
  }

  private constructor() {
    this.#server = createServer((request, response) => void this.#respond(request, response));
  }

  get deviceEndpoint(): string {
    return `${this.#base}/device`;
  }

  get tokenEndpoint(): string {
    return `${this.#base}/token`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  get #base(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new TypeError("not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    const isDevice = request.url === "/device";
    (isDevice ? this.deviceRequests : this.polls).push(form);
    const answer = isDevice ? this.device : this.answers[Math.min(this.polls.length, this.answers.length) - 1];
    if (answer === undefined || answer.body === drop) {
      response.destroy();
      return;
    }
    response.writeHead(answer.status ?? 200, { "content-type": "application/json" });
    response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
  }
}

/** A refusal by RFC 6749 §5.2. */
export function refusal(error: string, description?: string, status = 400): Answer {
  return { status, body: { error, ...(description === undefined ? {} : { error_description: description }) } };
}

export const pending = refusal("authorization_pending");
export const granted: Answer = {
  body: { access_token: "an-access-token", token_type: "Bearer", refresh_token: "the-refresh-token" },
};

/** The deadline of one request, which these specs never reach. */
const requestDeadlineMs = 30_000;

/** Whoever sleeps is woken at once, at the time he wanted; only the deadlines of requests are never reached. */
export class PollingClock implements Clock {
  readonly pauses: number[] = [];
  #now: EpochMs = Date.UTC(2026, 10, 24, 8);
  readonly #onPause: (pauses: number) => void;

  constructor(onPause: (pauses: number) => void = () => undefined) {
    this.#onPause = onPause;
  }

  now(): EpochMs {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms === requestDeadlineMs) {
      if (!signal.aborted) await once(signal, "abort");
    } else {
      this.pauses.push(ms);
      this.#now += ms;
      this.#onPause(this.pauses.length);
    }
    signal.throwIfAborted();
  }
}
