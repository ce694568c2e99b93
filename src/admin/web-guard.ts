/**
 * Who may ask the web page's server for what: looked at before a body is read and before any handler runs.
 *
 *   one Host? ─────────────── no ─▶ 400
 *   name asked for is ours? ─ no ─▶ 421      (DNS rebinding)
 *   the page's files, /healthz ────────────▶ let pass
 *   from our own page? ────── no ─▶ 403      (other sites; a write must say where it comes from)
 *   login ─────────────────────────────────▶ let pass
 *   in a session? ─────────── no ─▶ 401
 *   a write shows its token? ─ no ─▶ 403
 *
 * Guarantees: a path that is not named here as open needs a session, those that do not exist included; there is no answer
 * without the headers of `web-headers.ts`; nothing is ever shared with other origins (no CORS).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { PasswordUsers } from "../core/password-hash.ts";
import { ProblemError } from "./problem.ts";
import { otherPaths } from "./routes.ts";
import { noCookie, tokenOf } from "./web-cookie.ts";
import { dataHeaders } from "./web-headers.ts";
import { isOurs, mayRead, mayWrite } from "./web-origin.ts";
import { pagesPath } from "./web-pages.ts";
import { webPaths } from "./web-routes.ts";
import { isCsrfOf, type Session, type WebSessions } from "./web-sessions.ts";

const csrfHeader = "x-popgate-csrf";

export interface GuardOptions {
  readonly sessions: WebSessions;
  readonly users: () => PasswordUsers;
  /** Under which the page is asked for. */
  readonly names: () => ReadonlySet<string>;
  readonly overTls: boolean;
}

export interface Guard {
  /** Of a request that has come past it. */
  readonly sessionOf: (request: FastifyRequest) => Session | undefined;
}

const open: ReadonlySet<string | undefined> = new Set([pagesPath, "/healthz"]);
const reads: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** Looks at every request of the server from now on. */
export function addGuard(server: FastifyInstance, options: GuardOptions): Guard {
  const found = new WeakMap<FastifyRequest, Session>();
  const headers = dataHeaders(options.overTls);
  server.addHook("onRequest", async (request, reply) => {
    reply.headers(headers);
    const [host, ...others] = request.raw.headersDistinct["host"] ?? [];
    if (host === undefined || others.length > 0) throw notOneHost();
    if (!isOurs(host, options.names(), request.socket.localAddress)) throw misdirected();
    const route = request.is404 ? undefined : request.routeOptions.url;
    if (open.has(route)) return;
    const isWrite = !reads.has(request.method);
    const isOwn = isWrite ? mayWrite : mayRead;
    if (!isOwn(request.headers, options.overTls)) throw foreign();
    if (route === webPaths.login) return;
    const token = tokenOf(request.headers.cookie, options.overTls);
    const session = token === undefined ? undefined : options.sessions.use(token);
    if (token === undefined || session === undefined || !options.users().has(session.user)) {
      if (token !== undefined) leave(token, reply, options);
      throw notLoggedIn(reply);
    }
    if (isWrite && !isCsrfOf(session, request.headers[csrfHeader])) throw withoutToken();
    found.set(request, session);
    if (route === otherPaths.events.path) endWithSession(token, reply, options.sessions);
  });
  return { sessionOf: (request) => found.get(request) };
}

/** The session of a user that is there no more is over; the browser may forget a cookie that opens nothing. */
function leave(token: string, reply: FastifyReply, { sessions, overTls }: GuardOptions): void {
  sessions.end(token);
  reply.header("set-cookie", noCookie(overTls));
}

/** Who has logged out, or been logged out, hears no more events. */
function endWithSession(token: string, { raw }: FastifyReply, sessions: WebSessions): void {
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  void sessions.over(token, gone.signal).then(() => raw.destroy());
}

/** RFC 9112 §3.2. */
function notOneHost(): ProblemError {
  return new ProblemError(400, "The request is not valid", "it must have one Host field");
}

function misdirected(): ProblemError {
  const detail = "this popgate is not known by that name: use another one, or add it to admin.web.names";
  return new ProblemError(421, "Misdirected request", detail);
}

function foreign(): ProblemError {
  const detail = "only popgate's own web page may ask for this: the request does not come from it, or does not say so";
  return new ProblemError(403, "Not from here", detail);
}

function withoutToken(): ProblemError {
  const detail = `the header ${csrfHeader} does not hold the session's token: load the page again`;
  return new ProblemError(403, "Not from here", detail);
}

/** RFC 9110 §15.5.2 wants a challenge; no browser asks its user for this one. */
function notLoggedIn(reply: FastifyReply): ProblemError {
  reply.header("www-authenticate", `Session login="${webPaths.login}"`);
  return new ProblemError(401, "Not logged in", "there is no session, or it is over: log in");
}
