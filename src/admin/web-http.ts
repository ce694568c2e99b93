/**
 * An HTTP server for whoever may be out there: little may come in, in little time, on few connections; and every answer
 * has our headers, also where what came in never became a request.
 *
 * Closing it ends every connection, those in the middle of a TLS handshake included.
 */
import type { Socket } from "node:net";
import type { SecureContextOptions } from "node:tls";
import { fastify, type FastifyInstance } from "fastify";
import { strangerKey } from "../net/networks.ts";
import { problemOf, sendProblem } from "./problem.ts";
import { answerBrokenRequest, refuseExpectation } from "./server.ts";

/** 1,000 ids, or the addresses of a message to many: both have room. */
const bodyOctets = 1024 * 1024;
const headerOctets = 16 * 1024;
/** Destinations are named with host and port. */
const longestParameter = 500;

/** How long a client may take for a handshake, for the head of a request, for all of it, and until the next one. */
const handshakeMs = 10_000;
const headMs = 10_000;
const requestMs = 30_000;
const idleMs = 60_000;
/** Between two looks at who takes too long. */
const lookMs = 5000;

/** A page that is open holds two or three; live events one more. */
const mostConnections = 200;
const mostOfAddress = 50;

/** A server that does not listen yet. `headers`: of every answer that nothing else is said about. `tls`: HTTPS. */
export function createWebServer(
  headers: Readonly<Record<string, string>>,
  tls: SecureContextOptions | undefined,
): FastifyInstance {
  const limits = {
    maxHeaderSize: headerOctets,
    headersTimeout: headMs,
    connectionsCheckingInterval: lookMs,
    // The guard looks at the name, and says what is wrong with it.
    requireHostHeader: false,
    noDelay: true,
  };
  /** Whose handshake is done. A socket must not be asked: Node dies of it when that one has just been destroyed. */
  const secured = new WeakSet<Socket>();
  const server: FastifyInstance = fastify({
    logger: false,
    bodyLimit: bodyOctets,
    connectionTimeout: 0,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: longestParameter },
    frameworkErrors: (error, _request, reply) => void sendProblem(reply.headers(headers), problemOf(error)),
    clientErrorHandler: (error, socket) => {
      // There is nobody to answer while TLS has not begun.
      if (tls !== undefined && !secured.has(socket)) socket.destroy();
      else answerBrokenRequest(error, socket, headers);
    },
    ...(tls === undefined ? { http: limits } : { https: { ...limits, ...tls, handshakeTimeout: handshakeMs } }),
  });
  // What a form can send is not taken for JSON.
  server.removeContentTypeParser("text/plain");
  server.server.on("checkExpectation", (_request, response) => refuseExpectation(response, headers));
  server.server.on("secureConnection", (socket: Socket) => secured.add(socket));
  limitConnections(server);
  return server;
}

function limitConnections(server: FastifyInstance): void {
  const sockets = new Set<Socket>();
  const ofAddress = new Map<string, number>();
  server.server.maxConnections = mostConnections;
  server.server.on("connection", (socket: Socket) => {
    const key = strangerKey(socket.remoteAddress ?? "");
    const others = ofAddress.get(key) ?? 0;
    if (others >= mostOfAddress) {
      socket.destroy();
      return;
    }
    ofAddress.set(key, others + 1);
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (ofAddress.get(key) ?? 1) - 1;
      if (left === 0) ofAddress.delete(key);
      else ofAddress.set(key, left);
    });
  });
  server.addHook("preClose", async () => {
    for (const socket of sockets) socket.destroy();
  });
}
