/**
 * Registers the admin interface on an HTTP server: the routes of the table, raw messages, live events, the OpenAPI
 * document and metrics. The same behind the Unix socket and behind the web page's login; who may ask is settled before,
 * who asks is `actorOf`'s to say.
 *
 * Guarantees: a handler sees only what its schemas let through; writes are told as events, with who asked; when the
 * server has closed, no handler is running any more.
 */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { EventSink } from "../core/events.ts";
import type { Clock } from "../core/ports.ts";
import { addEventStream } from "./event-stream.ts";
import { openApi } from "./openapi.ts";
import type { Operations } from "./port.ts";
import { parsed } from "./problem.ts";
import { noMessage, otherPaths, rawQuery, routes, type Route } from "./routes.ts";

export interface ApiOptions {
  readonly version: string;
  /** Who asks, for the log and the message's notes. */
  readonly actorOf: (request: FastifyRequest) => string;
  /** The metrics page (Prometheus' text format). */
  readonly metrics?: (() => Promise<{ readonly type: string; readonly text: string }>) | undefined;
}

export interface ApiPorts {
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Of what was asked so much goes into the log. */
const toldCharacters = 500;

export function registerApi(
  server: FastifyInstance,
  operations: Operations,
  options: ApiOptions,
  { clock, events }: ApiPorts,
): void {
  const running = new Set<Promise<unknown>>();
  // The connections are closed by then, and with them the signals of the handlers aborted.
  server.addHook("onClose", async () => void (await Promise.allSettled(running)));
  const handle = handlerOf(operations, options, events);
  for (const route of routes)
    server.route({
      method: route.method,
      url: route.path,
      exposeHeadRoute: route.method === "GET",
      handler: async (request, reply) => {
        const work = handle(route, request, reply);
        running.add(work);
        try {
          const answer = await work;
          return await reply.type("application/json").send(JSON.stringify(answer));
        } finally {
          running.delete(work);
        }
      },
    });
  addRaw(server, operations, events);
  addEventStream(server, otherPaths.events.path, operations, clock);
  server.get(otherPaths.openApi.path, async () => openApi(options.version));
  const { metrics } = options;
  if (metrics !== undefined)
    server.get(otherPaths.metrics.path, async (_request, reply) => {
      const { type, text } = await metrics();
      return reply.type(type).send(text);
    });
}

function handlerOf(operations: Operations, { actorOf }: ApiOptions, events: EventSink) {
  return async (route: Route, request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const by = actorOf(request);
    const body = route.body === undefined ? undefined : parsed(route.body, request.body, "body");
    const query = route.query === undefined ? undefined : parsed(route.query, request.query, "query");
    if (route.writes)
      events.emit({
        kind: "admin",
        by,
        request: cut(`${request.method} ${request.url}`),
        detail: cut(JSON.stringify(body ?? {})),
      });
    return route.run({ operations, params: paramsOf(request), query, body, by, signal: goneSignal(reply) });
  };
}

function addRaw(server: FastifyInstance, operations: Operations, events: EventSink): void {
  server.get(otherPaths.raw.path, async (request, reply) => {
    const { id = "" } = paramsOf(request);
    const { rendered } = parsed(rawQuery, request.query, "query");
    const body = await operations.raw(id, rendered === "true");
    if (body === undefined) throw noMessage(id);
    return reply
      .type("message/rfc822")
      .header("content-disposition", `attachment; filename="${id.replaceAll(/[^0-9A-Za-z]/gu, "")}.eml"`)
      .header("x-content-type-options", "nosniff")
      .send(Readable.from(toldWhenBroken(body, id, reply, events), { objectMode: false }));
  });
}

/** An answer that has begun can only be broken off; that is told. Before, it is an error like any other. */
async function* toldWhenBroken(
  body: AsyncIterable<Buffer>,
  id: string,
  { raw }: FastifyReply,
  events: EventSink,
): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    if (raw.headersSent) events.emit({ kind: "internal-error", where: `reading ${id}`, detail: String(error) });
    throw error;
  }
}

function paramsOf(request: FastifyRequest): Readonly<Record<string, string>> {
  const { params } = request;
  if (typeof params !== "object" || params === null) return {};
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
}

/** Aborted when the client goes before it has its answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const left = (): void => {
    if (!raw.writableFinished) gone.abort(new Error("the client has gone"));
  };
  if (raw.destroyed) left();
  else raw.once("close", left);
  return gone.signal;
}

function cut(text: string): string {
  return text.length <= toldCharacters ? text : `${text.slice(0, toldCharacters)}…`;
}
