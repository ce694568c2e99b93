/** The web page's server on 127.0.0.1, with a built page of a few files, and a browser's part played by hand. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as askHttp, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as askHttps } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Operations } from "../../src/admin/port.ts";
import { openWeb, type WebOptions } from "../../src/admin/web.ts";
import type { WebSession } from "../../src/admin/web-schemas.ts";
import type { EventKind, PopgateEvent } from "../../src/core/events.ts";
import { hashPassword, type PasswordSource } from "../../src/core/password-hash.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList } from "../spool/support.ts";
import { fakeOperations } from "./interface.ts";

export const password = "streng geheim";
/** Cheap, so that a spec can fail to log in many times. */
const hash = hashPassword(password, { ln: 10 });

export function userWith(hash: Promise<string> | string): PasswordSource {
  return { read: async () => hash };
}

export const indexHtml = `<!doctype html><title>popgate</title><script type="module" src="/assets/index-B3xVq_9a.js"></script>`;

/** Events, which can be waited for. */
class Told extends EventList {
  #changed = Promise.withResolvers<void>();

  override emit(event: PopgateEvent): void {
    super.emit(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Resolves when there have been so many. */
  async seen(kind: EventKind, times: number): Promise<void> {
    while (this.of(kind).length < times) await this.#changed.promise;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly json: unknown;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** An object is sent as JSON. */
  readonly body?: unknown;
}

export interface Page extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly clock: ManualClock;
  readonly events: Told;
  readonly users: Map<string, PasswordSource>;
  /** Where the page's files are. */
  readonly dist: string;
  /** As it stands: no cookie, no origin, nothing a browser adds. */
  ask(where: string, asked?: Asked): Promise<Answer>;
  /** An answer whose body has not been read; the caller destroys it. */
  open(where: string, asked?: Asked): Promise<IncomingMessage>;
  /** A browser that has not logged in. */
  browser(): Browser;
  /** One that has. */
  loggedIn(user?: string): Promise<Browser>;
}

export interface PageChanges extends Partial<WebOptions> {
  readonly operations?: Partial<Operations>;
  readonly built?: boolean;
  readonly names?: readonly string[];
}

export async function openPage({
  operations = {},
  built = true,
  names = ["mail.test.example"],
  ...options
}: PageChanges = {}): Promise<Page> {
  const folder = mkdtempSync(path.join(tmpdir(), "popgate-web-"));
  const dist = path.join(folder, "web", "dist");
  if (built) build(dist);
  const clock = new ManualClock();
  const events = new Told();
  const users = new Map([
    ["anna", userWith(hash)],
    ["bert", userWith(hash)],
  ]);
  const web = await openWeb(
    {
      listen: { host: "127.0.0.1", port: 0 },
      tls: undefined,
      version: "1.2.3",
      pages: dist,
      ...options,
    },
    fakeOperations(operations),
    { clock, events, users: () => users, names: () => names },
  );
  const { port, protocol } = new URL(web.url);
  const open: Page["open"] = async (where, asked) => send(Number(port), protocol === "https:", where, asked);
  const ask: Page["ask"] = async (where, asked) => answerOf(await open(where, asked));
  const page: Page = {
    url: web.url,
    port: Number(port),
    clock,
    events,
    users,
    dist,
    ask,
    open,
    browser: () => new Browser(page),
    loggedIn: async (user = "anna") => {
      const browser = new Browser(page);
      await browser.login(user);
      return browser;
    },
    async [Symbol.asyncDispose]() {
      await web[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return page;
}

/** Keeps one cookie, and says where it comes from, as browsers do. */
export class Browser {
  readonly #page: Page;
  cookie: string | undefined;
  csrf: string | undefined;

  constructor(page: Page) {
    this.#page = page;
  }

  get(where: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask(where, { headers });
  }

  post(where: string, body: unknown = {}, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask(where, { method: "POST", body, headers });
  }

  async ask(where: string, { headers, ...asked }: Asked): Promise<Answer> {
    const answer = await this.#page.ask(where, { ...asked, headers: { ...this.headers(asked.method), ...headers } });
    this.keep(answer);
    return answer;
  }

  headers(method = "GET"): OutgoingHttpHeaders {
    return {
      host: new URL(this.#page.url).host,
      "sec-fetch-site": "same-origin",
      ...(method === "GET" ? {} : { origin: this.#page.url }),
      ...(method === "GET" || this.csrf === undefined ? {} : { "x-popgate-csrf": this.csrf }),
      ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
    };
  }

  keep({ headers }: Pick<Answer, "headers">): void {
    const [pair] = (headers["set-cookie"]?.[0] ?? "").split(";");
    if (pair === undefined || pair === "") return;
    this.cookie = pair.endsWith("=") ? undefined : pair;
  }

  /** The answer to a login; keeps the session if there is one. */
  async tryLogin(user = "anna", word = password): Promise<Answer> {
    const answer = await this.post("/web/login", { user, password: word });
    if (answer.status === 200) this.csrf = (answer.json as WebSession).csrf;
    return answer;
  }

  async login(user?: string): Promise<void> {
    const { status, text } = await this.tryLogin(user);
    if (status !== 200) throw new Error(`not logged in: ${status} ${text}`);
  }
}

function build(dist: string): void {
  mkdirSync(path.join(dist, "assets"), { recursive: true });
  writeFileSync(path.join(dist, "index.html"), indexHtml);
  writeFileSync(path.join(dist, "favicon.svg"), "<svg/>");
  writeFileSync(path.join(dist, "assets", "index-B3xVq_9a.js"), "export {};");
  writeFileSync(path.join(dist, ".secret"), "not for anybody");
}

function send(port: number, overTls: boolean, where: string, asked: Asked = {}): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, body } = asked;
  const isJson = body !== undefined && typeof body !== "string";
  const octets = isJson ? JSON.stringify(body) : body;
  const options = {
    host: "127.0.0.1",
    port,
    method,
    path: where,
    headers: { ...(isJson ? { "content-type": "application/json" } : {}), ...headers },
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const asking = overTls ? askHttps({ ...options, rejectUnauthorized: false }, resolve) : askHttp(options, resolve);
    asking.once("error", reject);
    asking.end(octets);
  });
}

async function answerOf(answer: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) if (chunk instanceof Buffer) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return { status: answer.statusCode ?? 0, headers: answer.headers, text, json: jsonOf(text) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
