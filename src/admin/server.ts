/**
 * The admin interface as HTTP: the routes of the table, raw messages, live events, health and metrics. It is the same
 * behind the Unix socket and behind the web page's login; who may ask is settled before, who asks is `actorOf`'s to say.
 *
 * Guarantees: whatever comes in is checked against its schema; an error is a problem detail and never a stack; a fault of
 * ours is told as an event. A reader of events that does not keep up is disconnected instead of filling memory.
 */
import { Readable } from "node:stream";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import { openApi } from "./openapi.ts";
import type { Operations } from "./port.ts";
import { notFound, parsed, ProblemError, problemType } from "./problem.ts";
import { noMessage, routes, type Route } from "./routes.ts";
import type { EventMessage, Problem } from "./schemas.ts";

export interface AdminServerOptions {
  readonly version: string;
  /** Who asks, for the log and the message's notes. */
  readonly actorOf: (request: FastifyRequest) => string;
  /** The metrics page (Prometheus text format). */
  readonly metrics?: (() => Promise<{ readonly type: string; readonly text: string }>) | undefined;
}

const bodyOctets = 1024 * 1024;
const requestMs = 60_000;
/** Events that wait for a slow reader. */
const mostEventOctets = 1024 * 1024;
const heartbeatMs = 20_000;

/** A server that does not listen yet. */
export function createAdminServer(
  operations: Operations,
  options: AdminServerOptions,
  { clock, events }: { readonly clock: Clock; readonly events: EventSink },
): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bodyOctets,
    connectionTimeout: 0,
    requestTimeout: requestMs,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
  });
  server.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      events.emit({ kind: "internal-error", where: `${request.method} ${request.url}`, detail: stackOf(error) });
    return sendProblem(reply, problem);
  });
  server.setNotFoundHandler(async (request, reply) =>
    sendProblem(reply, notFound(`there is no ${request.method} ${request.url.split("?")[0] ?? ""}`).problem),
  );
  for (const route of routes) addRoute(server, route, operations, options, events);
  addStreams(server, operations, clock);
  addPlain(server, operations, options);
  return server;
}

function addRoute(
  server: FastifyInstance,
  route: Route,
  operations: Operations,
  { actorOf }: AdminServerOptions,
  events: EventSink,
): void {
  server.route({
    method: route.method,
    url: route.path,
    handler: async (request, reply) => {
      const by = actorOf(request);
      const body = route.body === undefined ? undefined : parsed(route.body, request.body, "body");
      const call = {
        operations,
        params: paramsOf(request),
        query: route.query === undefined ? undefined : parsed(route.query, request.query, "query"),
        body,
        by,
        signal: goneSignal(reply),
      };
      if (route.writes)
        events.emit({
          kind: "admin",
          by,
          request: `${route.method} ${request.url}`,
          detail: JSON.stringify(body ?? {}),
        });
      return reply.type("application/json").send(JSON.stringify(await route.run(call)));
    },
  });
}

function addStreams(server: FastifyInstance, operations: Operations, clock: Clock): void {
  server.get("/v1/messages/:id/raw", async (request, reply) => {
    const { id = "" } = paramsOf(request);
    const { query } = request;
    const rendered = typeof query === "object" && query !== null && Reflect.get(query, "rendered") === "true";
    const body = await operations.raw(id, rendered);
    if (body === undefined) throw noMessage(id);
    return reply
      .type("message/rfc822")
      .header("content-disposition", `attachment; filename="${id.replaceAll(/[^0-9A-Z]/gu, "")}.eml"`)
      .header("x-content-type-options", "nosniff")
      .send(Readable.from(body, { objectMode: false }));
  });
  server.get("/v1/events", async (_request, reply) => {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    raw.write(": popgate\n\n");
    const send = (event: EventMessage): void => {
      if (raw.writableLength > mostEventOctets) raw.destroy();
      else raw.write(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
    };
    const gone = new AbortController();
    raw.once("close", () => gone.abort());
    if (raw.destroyed) return;
    using _listening = operations.onEvent(send);
    // A proxy, or a client that is not there any more, is found out by what is written.
    while (!gone.signal.aborted) {
      await clock.sleep(heartbeatMs, gone.signal).catch(() => undefined);
      if (!gone.signal.aborted) raw.write(": \n\n");
    }
  });
}

function addPlain(server: FastifyInstance, operations: Operations, { version, metrics }: AdminServerOptions): void {
  server.get("/v1/openapi.json", async () => openApi(version));
  server.get("/healthz", async () => ({ alive: true }));
  server.get("/readyz", async (_request, reply) => {
    const { spool, listeners } = await operations.status();
    const ready = spool.health !== "failed";
    return reply.code(ready ? 200 : 503).send({ ready, spool: spool.health, listeners });
  });
  if (metrics !== undefined)
    server.get("/metrics", async (_request, reply) => {
      const { type, text } = await metrics();
      return reply.type(type).send(text);
    });
}

function paramsOf(request: FastifyRequest): Readonly<Record<string, string>> {
  const { params } = request;
  if (typeof params !== "object" || params === null) return {};
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}

/** Aborted when the client goes before it has its answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort(new Error("the client has gone"));
  });
  return gone.signal;
}

function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  // fastify's own: what came in was no JSON, too large, of an unknown type.
  const status: unknown = error instanceof Error ? Reflect.get(error, "statusCode") : undefined;
  if (error instanceof Error && typeof status === "number" && status >= 400 && status < 500)
    return { type: "about:blank", title: "The request is not valid", status, detail: error.message };
  const detail = "popgate failed at this request; its log says why";
  return { type: "about:blank", title: "Internal error", status: 500, detail };
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
