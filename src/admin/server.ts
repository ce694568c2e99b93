/**
 * The HTTP server of the admin interface, with its limits, and its answers to whatever goes wrong.
 *
 * Guarantees: every error is a problem detail (RFC 9457) and never a stack; a fault of ours is told as an event; JSON is
 * the only type of body that is read; a path with a slash at its end is the same path.
 */
import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { EventSink } from "../core/events.ts";
import { registerApi, type ApiOptions, type ApiPorts } from "./api.ts";
import type { Operations } from "./port.ts";
import { notFound, problemOf, problemType, ProblemError, sendProblem } from "./problem.ts";
import { methodsOf } from "./routes.ts";

/** 1,000 ids, or the addresses of a message to many: both have room. */
const bodyOctets = 1024 * 1024;
/** How long a request, its body included, may take to come in. */
const requestMs = 60_000;
const mostConnections = 500;
/** Destinations are named with host and port. */
const longestParameter = 500;

/** A server that does not listen yet. */
export function createAdminServer(operations: Operations, options: ApiOptions, ports: ApiPorts): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bodyOctets,
    connectionTimeout: 0,
    requestTimeout: requestMs,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // Asked for in `requireHost`: Node's own answer says nothing.
    http: { requireHostHeader: false },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: longestParameter },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply, problemOf(error)),
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket),
  });
  server.server.maxConnections = mostConnections;
  // What a form or a plain `curl -d` sends is not taken for JSON.
  server.removeContentTypeParser("text/plain");
  server.server.on("checkExpectation", (_request, response) => refuseExpectation(response));
  requireHost(server);
  answerErrors(server, ports.events);
  registerApi(server, operations, options, ports);
  return server;
}

/** RFC 9112 §3.2. */
function requireHost(server: FastifyInstance): void {
  server.addHook("onRequest", async ({ raw }) => {
    if (raw.headers.host === undefined && raw.httpVersion === "1.1")
      throw new ProblemError(400, "The request is not valid", "a request of HTTP/1.1 needs a Host field");
  });
}

/** RFC 9110 §10.1.1: an expectation that is not `100-continue`. `headers`: for this answer too. */
export function refuseExpectation(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): void {
  const problem = { type: "about:blank", title: "Expectation failed", status: 417 };
  response.writeHead(417, { ...headers, "content-type": problemType, connection: "close" });
  response.end(JSON.stringify(problem));
}

/** Whatever a handler throws, and paths that are not there. */
export function answerErrors(server: FastifyInstance, events: EventSink): void {
  server.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500 && !(error instanceof ProblemError))
      events.emit({ kind: "internal-error", where: `${request.method} ${pathOf(request)}`, detail: stackOf(error) });
    return sendProblem(reply, problem);
  });
  server.setNotFoundHandler(async (request, reply) => answerUnknown(request, reply));
}

function answerUnknown(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = pathOf(request);
  const allowed = methodsOf(path);
  if (allowed.length === 0 || allowed.includes(request.method))
    return sendProblem(reply, notFound(`there is no ${request.method} ${path}`).problem);
  const detail = `${path} takes ${allowed.join(" and ")}, not ${request.method}`;
  return sendProblem(
    reply.header("allow", allowed.join(", ")),
    new ProblemError(405, "Method not allowed", detail).problem,
  );
}

/** What does not even parse as HTTP has no request to answer. `headers`: for this answer too. */
export function answerBrokenRequest(
  error: Error,
  socket: Socket,
  headers: Readonly<Record<string, string>> = {},
): void {
  const code: unknown = Reflect.get(error, "code");
  if (code === "ECONNRESET" || socket.destroyed) return;
  const status = code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const title = STATUS_CODES[status] ?? "";
  const detail = "what came in is not an HTTP request that can be read";
  const body = JSON.stringify({ type: "about:blank", title, status, detail });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    `content-type: ${problemType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    "connection: close",
  ];
  if (socket.writable) socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  else socket.destroy();
}

function pathOf({ url }: FastifyRequest): string {
  return (url.split("?")[0] ?? "").slice(0, 200);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
