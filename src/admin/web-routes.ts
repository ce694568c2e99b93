/**
 * The web page's own paths: log in, who is logged in, log out, and a message's source as text to look at. Whether a request
 * may come this far is settled before (`web-guard.ts`).
 *
 * Nothing of a message is ever answered as anything that a browser would render: the source is a string in JSON, the
 * message itself a download.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/ports.ts";
import type { Operations } from "./port.ts";
import { parsed, ProblemError } from "./problem.ts";
import { noMessage, rawQuery } from "./routes.ts";
import { cookieOf, noCookie, tokenOf } from "./web-cookie.ts";
import type { LoginAnswer, WebLoginDesk } from "./web-login.ts";
import { webLogin, type WebSession, type WebSource } from "./web-schemas.ts";
import { absoluteMs, idleMs, type Session, type WebSessions } from "./web-sessions.ts";

export const webPaths = {
  login: "/web/login",
  session: "/web/session",
  logout: "/web/logout",
  source: "/web/messages/:id/source",
} as const;

export interface WebParts {
  readonly sessions: WebSessions;
  readonly desk: WebLoginDesk;
  readonly clock: Clock;
  readonly overTls: boolean;
  /** Of a request that has come past the guard. */
  readonly sessionOf: (request: FastifyRequest) => Session | undefined;
}

/** Name and password, and no more. */
const loginOctets = 8 * 1024;
/** As much of a source as somebody reads. */
const sourceOctets = 256 * 1024;
const busySeconds = 2;

export function addWebRoutes(server: FastifyInstance, operations: Pick<Operations, "raw">, parts: WebParts): void {
  const { sessions, overTls } = parts;
  server.post(webPaths.login, { bodyLimit: loginOctets }, async (request, reply) => {
    const { user, password } = parsed(webLogin, request.body, "body");
    const login = { user, password, address: request.socket.remoteAddress ?? "" };
    const answer = await parts.desk.check(login, goneSignal(reply));
    if (answer.kind !== "right") throw refusal(answer, reply, parts.clock);
    // Whoever could plant a token in this browser before must not hold the new session: it gets a token of its own.
    const before = tokenOf(request.headers.cookie, overTls);
    if (before !== undefined) sessions.end(before);
    const { token, session } = sessions.open(user);
    return reply.header("set-cookie", cookieOf(token, overTls)).send(viewOf(session));
  });
  server.route({
    method: "GET",
    url: webPaths.session,
    handler: async (request) => viewOf(sessionOf(request, parts)),
  });
  server.post(webPaths.logout, async (request, reply) => {
    const token = tokenOf(request.headers.cookie, overTls);
    if (token !== undefined) sessions.end(token);
    return reply.header("set-cookie", noCookie(overTls)).send({ done: true });
  });
  server.route<{ Params: { id: string } }>({
    method: "GET",
    url: webPaths.source,
    handler: async ({ params: { id }, query }): Promise<WebSource> => {
      const { rendered } = parsed(rawQuery, query, "query");
      const body = await operations.raw(id, rendered === "true");
      if (body === undefined) throw noMessage(id);
      return sourceOf(body);
    },
  });
}

function viewOf({ user, csrf, since }: Session): WebSession {
  return { user, csrf, idleMs, until: since + absoluteMs };
}

function sessionOf(request: FastifyRequest, parts: WebParts): Session {
  const session = parts.sessionOf(request);
  if (session === undefined) throw new TypeError("the guard has let a request pass without a session");
  return session;
}

function refusal(answer: Exclude<LoginAnswer, { kind: "right" }>, reply: FastifyReply, clock: Clock): ProblemError {
  switch (answer.kind) {
    case "wrong":
      return new ProblemError(401, "Not logged in", "the name or the password is wrong");
    case "wait": {
      const seconds = Math.max(1, Math.ceil((answer.until - clock.now()) / 1000));
      reply.header("retry-after", seconds);
      const detail = `too many logins have failed: try again in ${Math.ceil(seconds / 60)} minutes`;
      return new ProblemError(429, "Too many failed logins", detail);
    }
    case "busy":
      reply.header("retry-after", busySeconds);
      return new ProblemError(503, "Busy", "too many log in at this moment: try again");
    case "fault":
      return new ProblemError(
        503,
        "Not possible",
        "the password of this user cannot be checked; popgate's log says why",
      );
  }
}

async function sourceOf(body: AsyncIterable<Buffer>): Promise<WebSource> {
  const chunks: Buffer[] = [];
  let octets = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    octets += chunk.length;
    if (octets > sourceOctets) break;
  }
  const shown = Buffer.concat(chunks).subarray(0, sourceOctets);
  return { text: new TextDecoder().decode(shown), truncated: octets > sourceOctets };
}

/** Aborted when the client goes before it has its answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => gone.abort(new Error("the client has gone")));
  return gone.signal;
}
