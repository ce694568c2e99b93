/**
 * Asks the server: the admin interface and the page's own paths, each as a function. What cannot be done is thrown as
 * `ApiError` with the server's own words; whoever is not logged in is told so to `onSignedOut`, too.
 *
 * Every request has a deadline and ends with the signal it is given. The types are the server's own; it has checked what
 * it sends against their schemas, so nothing is checked again here.
 */
import type {
  Action,
  ActionResult,
  Explanation,
  Finding,
  MessageDetail,
  MessagePage,
  PollResult,
  Problem,
  ResolutionResult,
  Statistics,
  Status,
} from "../src/admin/schemas.ts";
import type { WebSession, WebSource } from "../src/admin/web-schemas.ts";
import { withQuery, type Filter } from "./route.ts";

/** Not done; the message says why, for a person. Status 0: the server did not answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const usualMs = 30_000;
/** A poll, a decision over all held mail, an examination of all servers. */
const longMs = 10 * 60_000;

type Verb = "pause" | "resume";

export class ApiClient {
  #csrf = "";
  readonly #onSignedOut: () => void;

  constructor(onSignedOut: () => void) {
    this.#onSignedOut = onSignedOut;
  }

  /** Who is logged in; `undefined`: nobody. */
  async session(signal: AbortSignal): Promise<WebSession | undefined> {
    try {
      return this.#keep(await this.#send<WebSession>("GET", "/web/session", undefined, signal));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return undefined;
      throw error;
    }
  }

  async login(user: string, password: string, signal: AbortSignal): Promise<WebSession> {
    return this.#keep(await this.#send<WebSession>("POST", "/web/login", { user, password }, signal));
  }

  async logout(signal: AbortSignal): Promise<void> {
    await this.#ask("POST", "/web/logout", {}, signal);
    this.#csrf = "";
  }

  status(signal: AbortSignal): Promise<Status> {
    return this.#ask("GET", "/v1/status", undefined, signal);
  }

  statistics(signal: AbortSignal): Promise<Statistics> {
    return this.#ask("GET", "/v1/statistics", undefined, signal);
  }

  messages(
    filter: Filter,
    page: { after?: string | undefined; limit: number },
    signal: AbortSignal,
  ): Promise<MessagePage> {
    return this.#ask("GET", withQuery("/v1/messages", { ...filter, ...page }), undefined, signal);
  }

  message(id: string, signal: AbortSignal): Promise<MessageDetail> {
    return this.#ask("GET", `/v1/messages/${encodeURIComponent(id)}`, undefined, signal);
  }

  explain(query: string, signal: AbortSignal): Promise<Explanation[]> {
    return this.#ask("GET", withQuery("/v1/explain", { q: query }), undefined, signal);
  }

  source(id: string, isRendered: boolean, signal: AbortSignal): Promise<WebSource> {
    const path = `/web/messages/${encodeURIComponent(id)}/source`;
    return this.#ask("GET", withQuery(path, { rendered: String(isRendered) }), undefined, signal);
  }

  act(ids: readonly string[], act: Action, signal: AbortSignal): Promise<ActionResult[]> {
    return this.#ask("POST", "/v1/actions", { ids, act }, signal, longMs);
  }

  /** All held mail without ids. */
  resolve(ids: readonly string[] | undefined, dryRun: boolean, signal: AbortSignal): Promise<ResolutionResult[]> {
    const body = { dryRun, ...(ids === undefined ? {} : { ids }) };
    return this.#ask("POST", "/v1/resolve", body, signal, longMs);
  }

  /** All accounts without a name. */
  poll(name: string | undefined, signal: AbortSignal): Promise<PollResult[]> {
    const path = name === undefined ? "/v1/poll" : `/v1/accounts/${encodeURIComponent(name)}/poll`;
    return this.#ask("POST", path, {}, signal, longMs);
  }

  async steer(what: "accounts" | "destinations", name: string, verb: Verb, signal: AbortSignal): Promise<void> {
    await this.#ask("POST", `/v1/${what}/${encodeURIComponent(name)}/${verb}`, {}, signal);
  }

  async reload(signal: AbortSignal): Promise<void> {
    await this.#ask("POST", "/v1/reload", {}, signal);
  }

  /** Most important first. */
  doctor(signal: AbortSignal): Promise<Finding[]> {
    return this.#ask("POST", "/v1/doctor", {}, signal, longMs);
  }

  /** The stream of events, once its head has come. */
  async events(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const answer = await fetch("/v1/events", { signal, headers: { accept: "text/event-stream" } });
    if (answer.ok && answer.body !== null) return answer.body;
    await answer.body?.cancel();
    if (answer.status === 401) this.#onSignedOut();
    throw new ApiError(answer.status, answer.statusText);
  }

  #keep(session: WebSession): WebSession {
    this.#csrf = session.csrf;
    return session;
  }

  async #ask<T>(method: "GET" | "POST", path: string, body: object | undefined, signal: AbortSignal, ms = usualMs) {
    try {
      return await this.#send<T>(method, path, body, signal, ms);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#onSignedOut();
      throw error;
    }
  }

  async #send<T>(
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal,
    ms = usualMs,
  ): Promise<T> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (method !== "GET") headers["x-popgate-csrf"] = this.#csrf;
    let answer: Response;
    try {
      answer = await fetch(path, {
        method,
        headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(ms)]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      signal.throwIfAborted();
      throw new ApiError(0, String(error));
    }
    if (!answer.ok) throw await problemOf(answer);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server answers by the schema of this very type
    return (await answer.json()) as T;
  }
}

async function problemOf(answer: Response): Promise<ApiError> {
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- anything else is told by its status alone
    const problem = (await answer.json()) as Partial<Problem>;
    return new ApiError(answer.status, problem.detail ?? problem.title ?? answer.statusText);
  } catch {
    return new ApiError(answer.status, `${answer.status} ${answer.statusText}`);
  }
}
