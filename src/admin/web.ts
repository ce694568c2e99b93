/**
 * The web page's server: the page's files, its login, and the admin interface behind it, over TLS or on this machine only
 * (the configuration sees to that).
 *
 * Guarantees: it listens when `openWeb` resolves, and nothing is left open when that rejects; a certificate whose files
 * change is used without a restart; disposing ends every connection and every session. Headers, bodies, connections (in
 * all, and of one address) and the time that a request may take are limited.
 *
 * What it does not do: HTTP/2, compression, names of clients behind a proxy (a proxy counts as one address).
 */
import { Server as HttpsServer } from "node:https";
import { isIP } from "node:net";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import type { EventSink } from "../core/events.ts";
import type { PasswordUsers } from "../core/password-hash.ts";
import type { Clock } from "../core/ports.ts";
import { type ServerIdentity, ServerIdentityWatch, type ServerTlsFiles } from "../net/server-tls.ts";
import { registerApi, type ApiOptions } from "./api.ts";
import type { Operations } from "./port.ts";
import { answerErrors } from "./server.ts";
import { addGuard } from "./web-guard.ts";
import { dataHeaders } from "./web-headers.ts";
import { createWebServer } from "./web-http.ts";
import { WebLoginDesk } from "./web-login.ts";
import { namesOf } from "./web-origin.ts";
import { addPages } from "./web-pages.ts";
import { addWebRoutes } from "./web-routes.ts";
import { WebSessions } from "./web-sessions.ts";

export interface WebOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** None: only for loopback addresses. */
  readonly tls: ServerTlsFiles | undefined;
  readonly version: string;
  /** Where the build has left the page; the package's own place without it. */
  readonly pages?: string | undefined;
  readonly metrics?: ApiOptions["metrics"];
  /** How often the certificate's files are looked at. */
  readonly certificateCheckMs?: number | undefined;
}

/** `users` and `names` are those of now: a reload may change them. */
export interface WebPorts {
  readonly clock: Clock;
  readonly events: EventSink;
  /** Who may log in. Whoever is gone from it is logged out. */
  readonly users: () => PasswordUsers;
  /** Names by which the page is asked for, the usual one first; beside `localhost` and the address it listens on. */
  readonly names: () => readonly string[];
}

export interface Web extends AsyncDisposable {
  /** Where it can be reached: a port of 0 is shown as the one it became. */
  readonly url: string;
}

/** Why it cannot be opened: the certificate, or the address. */
export class WebFailed extends Error {
  override readonly name = "WebFailed";
}

const defaultPages = path.join(import.meta.dirname, "..", "..", "web", "dist");
const defaultCertificateCheckMs = 60_000;

/** Opens it. Rejects with `WebFailed`, after it has been told as an event. */
export async function openWeb(options: WebOptions, operations: Operations, ports: WebPorts): Promise<Web> {
  await using opening = new AsyncDisposableStack();
  const { listen } = options;
  let server: FastifyInstance | undefined;
  const watch = await openIdentity(options, ports, (identity) => {
    if (server?.server instanceof HttpsServer) server.server.setSecureContext(identity.options);
  });
  if (watch !== undefined) opening.use(watch);
  server = createServer(options, operations, ports, watch);
  opening.defer(async () => server?.close());
  // A host name may be several addresses, each of which would be a server of its own.
  const host = listen.host === "localhost" ? "127.0.0.1" : listen.host;
  try {
    await server.listen({ host, port: listen.port });
  } catch (error) {
    throw failed(listen, listenFault(error), ports.events, error);
  }
  const url = urlOf(server, options, ports.names());
  ports.events.emit({ kind: "web-listening", url });
  const opened = opening.move();
  return { url, [Symbol.asyncDispose]: async () => opened.disposeAsync() };
}

function createServer(
  { tls, listen, pages, version, metrics }: WebOptions,
  operations: Operations,
  { clock, events, users, names }: WebPorts,
  watch: ServerIdentityWatch | undefined,
): FastifyInstance {
  const overTls = tls !== undefined;
  const server = createWebServer(dataHeaders(overTls), watch?.identity.options);
  const sessions = new WebSessions(clock);
  const guard = addGuard(server, { sessions, users, names: () => namesOf([...names(), listen.host]), overTls });
  answerErrors(server, events);
  const actorOf: ApiOptions["actorOf"] = (request) => {
    const session = guard.sessionOf(request);
    return session === undefined ? "web" : `web:${session.user}`;
  };
  registerApi(server, operations, { version, actorOf, metrics }, { clock, events });
  const desk = new WebLoginDesk({ clock, events, users });
  addWebRoutes(server, operations, { sessions, desk, clock, overTls, sessionOf: guard.sessionOf });
  addPages(server, pages ?? defaultPages, overTls);
  return server;
}

async function openIdentity(
  { tls, listen, certificateCheckMs }: WebOptions,
  { clock, events }: WebPorts,
  onChange: (identity: ServerIdentity) => void,
): Promise<ServerIdentityWatch | undefined> {
  if (tls === undefined) return undefined;
  const everyMs = certificateCheckMs ?? defaultCertificateCheckMs;
  const result = await ServerIdentityWatch.open({ files: tls, clock, events, everyMs, onChange });
  if (result.kind === "ok") return result.watch;
  throw failed(listen, `${result.file}: ${result.why}`, events);
}

function failed({ host, port }: WebOptions["listen"], detail: string, events: EventSink, cause?: unknown): WebFailed {
  const address = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  events.emit({ kind: "web-failed", address, detail });
  return new WebFailed(`no web page on ${address}: ${detail}`, { cause });
}

function listenFault(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (code === "EADDRINUSE") return "another program listens there";
  if (code === "EADDRNOTAVAIL") return "this machine has no such address";
  if (code === "EACCES") return "this user may not listen on that port";
  return error instanceof Error ? error.message : String(error);
}

/** On all addresses of the machine it is reached by its first name. */
function urlOf(server: FastifyInstance, { tls, listen }: WebOptions, names: readonly string[]): string {
  const address = server.server.address();
  const host = isAny(listen.host) ? (names[0] ?? "localhost") : listen.host;
  const shown = isIP(host) === 6 ? `[${host}]` : host;
  return `${tls === undefined ? "http" : "https"}://${shown}:${typeof address === "object" ? (address?.port ?? listen.port) : listen.port}`;
}

function isAny(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
