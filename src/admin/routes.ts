/**
 * The paths of the admin interface, each written down once: what it takes, what it gives, and what it does. The server
 * and the OpenAPI document are both made from this table.
 */
import { z } from "zod";
import { notFound, ProblemError } from "./problem.ts";
import type { Operations } from "./port.ts";
import * as schema from "./schemas.ts";

/** What a handler is given. */
interface Call<Query, Body> {
  readonly operations: Operations;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  /** Who asks. */
  readonly by: string;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** With `:name` for parameters. */
  readonly path: string;
  readonly summary: string;
  /** Writes are logged with who asked. */
  readonly writes: boolean;
  readonly query: z.ZodType | undefined;
  readonly body: z.ZodType | undefined;
  readonly response: z.ZodType;
  readonly run: (call: Call<unknown, unknown>) => Promise<unknown>;
}

interface RouteOf<Query extends z.ZodType, Body extends z.ZodType, Response extends z.ZodType> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly query?: Query;
  readonly body?: Body;
  readonly response: Response;
  readonly run: (call: Call<z.output<Query>, z.output<Body>>) => Promise<z.output<Response>>;
}

function route<Query extends z.ZodType, Body extends z.ZodType, Response extends z.ZodType>(
  definition: RouteOf<Query, Body, Response>,
): Route {
  const { query, body, run, ...rest } = definition;
  return {
    ...rest,
    writes: definition.method === "POST",
    query,
    body,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the server checks both by these very schemas before
    run: run as Route["run"],
  };
}

const done = z.strictObject({ done: z.boolean() });
const nothing = z.strictObject({});

/** Why no new mail is taken in for now, if so. */
function notReady({ spool, backPressure }: schema.Status): string | undefined {
  if (spool.health !== "ok") return `the spool is ${spool.health}: ${spool.detail ?? ""}`;
  return backPressure === undefined ? undefined : `new mail is refused for now: ${backPressure}`;
}

export const routes: readonly Route[] = [
  route({
    method: "GET",
    path: "/healthz",
    summary: "Answers for as long as the program lives: restart it when it does not",
    response: schema.health,
    run: async () => ({ alive: true }),
  }),
  route({
    method: "GET",
    path: "/readyz",
    summary: "Whether new mail is taken in; 503 and the reason when it is not",
    response: schema.readiness,
    run: async ({ operations }) => {
      const status = await operations.status();
      const why = notReady(status);
      if (why !== undefined) throw new ProblemError(503, "Not ready", why);
      return { ready: true, spool: status.spool.health, listeners: status.listeners };
    },
  }),
  route({
    method: "GET",
    path: "/v1/status",
    summary: "Accounts, destinations, queue, and what is wrong",
    response: schema.status,
    run: async ({ operations }) => operations.status(),
  }),
  route({
    method: "GET",
    path: "/v1/statistics",
    summary: "What the last 48 hours came to, hour by hour",
    response: schema.statistics,
    run: async ({ operations }) => operations.statistics(),
  }),
  route({
    method: "GET",
    path: "/v1/audit",
    summary: "What every message of queue and history has come to, and what does not add up",
    response: schema.audit,
    run: async ({ operations, signal }) => operations.audit(signal),
  }),
  route({
    method: "GET",
    path: "/v1/messages",
    summary: "Queued and held messages by id, page by page",
    query: schema.messageFilter,
    response: schema.messagePage,
    run: async ({ operations, query, signal }) => operations.messages(query, signal),
  }),
  route({
    method: "GET",
    path: "/v1/messages/:id",
    summary: "One message: headers, recipients, attempts; also one that has ended",
    response: schema.messageDetail,
    run: async ({ operations, params }) => {
      const message = await operations.message(params["id"] ?? "");
      if (message === undefined) throw noMessage(params["id"]);
      return message;
    },
  }),
  route({
    method: "GET",
    path: "/v1/explain",
    summary: "Why a message went to whom: by queue id, Message-ID or address",
    query: z.strictObject({ q: z.string().min(1).max(1000) }),
    response: z.array(schema.explanation),
    run: async ({ operations, query, signal }) => [...(await operations.explain(query.q, signal))],
  }),
  route({
    method: "POST",
    path: "/v1/messages/:id/actions",
    summary: "Retry, hold, release, redirect, drop or bounce one message",
    body: schema.action,
    response: schema.actionResult,
    run: async ({ operations, params, body, by }) => {
      const [result] = await operations.act([params["id"] ?? ""], body, by);
      if (result === undefined || result.kind === "not-found") throw noMessage(params["id"]);
      if (result.kind === "refused") throw new ProblemError(409, "Not possible", result.detail);
      return result;
    },
  }),
  route({
    method: "POST",
    path: "/v1/actions",
    summary: "One action for many messages",
    body: schema.bulkAction,
    response: z.array(schema.actionResult),
    run: async ({ operations, body, by }) => [...(await operations.act(body.ids, body.act, by))],
  }),
  route({
    method: "POST",
    path: "/v1/resolve",
    summary: "Decide held mail again under the present configuration",
    body: schema.resolveRequest,
    response: z.array(schema.resolution),
    run: async ({ operations, body, by, signal }) => Array.fromAsync(operations.resolve(body, by, signal)),
  }),
  route({
    method: "POST",
    path: "/v1/poll",
    summary: "Poll all accounts now",
    body: nothing,
    response: z.array(schema.pollResult),
    run: async ({ operations, by, signal }) => [...((await operations.poll(undefined, by, signal)) ?? [])],
  }),
  route({
    method: "POST",
    path: "/v1/accounts/:name/poll",
    summary: "Poll one account now, if the provider's rules allow it",
    body: nothing,
    response: z.array(schema.pollResult),
    run: async ({ operations, params, by, signal }) => {
      const results = await operations.poll(params["name"], by, signal);
      if (results === undefined) throw notFound(`there is no account ${params["name"] ?? ""}`);
      return [...results];
    },
  }),
  route({
    method: "POST",
    path: "/v1/doctor",
    summary: "Look at accounts, Exchange, relays, listener and host as `popgate doctor` does; most important first",
    body: nothing,
    response: z.array(schema.finding),
    run: async ({ operations, signal }) => {
      const findings = await operations.doctor(signal);
      if (findings === undefined)
        throw new ProblemError(409, "Not now", "an examination is under way: wait for its end");
      return [...findings];
    },
  }),
  ...(["pause", "resume"] as const).flatMap((verb) => [
    route({
      method: "POST",
      path: `/v1/accounts/:name/${verb}`,
      summary: verb === "pause" ? "Do not poll this account until it is resumed" : "Poll this account again",
      body: nothing,
      response: done,
      run: async ({ operations, params, by }) => {
        if (!(await operations.pauseAccount(params["name"] ?? "", verb === "pause", by)))
          throw notFound(`there is no account ${params["name"] ?? ""}`);
        return { done: true };
      },
    }),
    route({
      method: "POST",
      path: `/v1/destinations/:name/${verb}`,
      summary: verb === "pause" ? "Send nothing there until it is resumed" : "Send there again, at once",
      body: nothing,
      response: done,
      run: async ({ operations, params, by }) => {
        if (!(await operations.pauseDestination(params["name"] ?? "", verb === "pause", by)))
          throw notFound(`there is no destination ${params["name"] ?? ""}`);
        return { done: true };
      },
    }),
  ]),
  route({
    method: "POST",
    path: "/v1/reload",
    summary: "Read the configuration again; a bad one is refused and the old one stays",
    body: nothing,
    response: done,
    run: async ({ operations, by }) => {
      const result = await operations.reload(by);
      if (result.kind === "refused")
        throw new ProblemError(
          422,
          "The configuration is not good",
          result.errors.join("; "),
          result.errors.map((message) => ({ path: "", message })),
        );
      return { done: true };
    },
  }),
  route({
    method: "POST",
    path: "/v1/backup",
    summary: "Copy the spool, while it is in use, into a directory of the host",
    body: z.strictObject({
      dir: z
        .string()
        .startsWith("/", "is not an absolute path")
        .describe("Absolute path of a directory that holds no spool yet."),
    }),
    response: done,
    run: async ({ operations, body, by }) => {
      try {
        await operations.backup(body.dir, by);
      } catch (error) {
        throw backupRefusal(error);
      }
      return { done: true };
    },
  }),
];

export const rawQuery = z.strictObject({ rendered: z.enum(["true", "false"]).default("false") });

/** What is answered in other ways than by a schema, and is told in the OpenAPI document all the same. */
export interface OtherPath {
  readonly path: string;
  readonly summary: string;
  readonly type: string;
  readonly query: z.ZodType | undefined;
}

/** All of them are GET. */
export const otherPaths = {
  raw: {
    path: "/v1/messages/:id/raw",
    summary: "The stored octets; with rendered=true, as they are handed over",
    type: "message/rfc822",
    query: rawQuery,
  },
  events: { path: "/v1/events", summary: "Events as they happen", type: "text/event-stream", query: undefined },
  openApi: { path: "/v1/openapi.json", summary: "This document", type: "application/json", query: undefined },
  metrics: { path: "/metrics", summary: "Metrics for Prometheus", type: "text/plain", query: undefined },
} as const satisfies Readonly<Record<string, OtherPath>>;

/** Which methods a path takes; none: there is no such path. */
export function methodsOf(path: string): string[] {
  const isIt = (pattern: string): boolean => {
    const wanted = pattern.split("/");
    const parts = path.replace(/\/$/u, "").split("/");
    return wanted.length === parts.length && wanted.every((part, at) => part.startsWith(":") || part === parts[at]);
  };
  const methods = routes
    .filter(({ path }) => isIt(path))
    .flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  return Object.values(otherPaths).some(({ path }) => isIt(path)) ? [...methods, "GET"] : methods;
}

/** A directory that cannot be taken is the asker's to change; what else goes wrong is a fault. */
function backupRefusal(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code: unknown = Reflect.get(error, "code");
  const isTheirs = code === "SPOOL_UNUSABLE" || (typeof code === "string" && /^E[A-Z]+$/u.test(code));
  return isTheirs ? new ProblemError(409, "The copy cannot be made", error.message) : error;
}

export function noMessage(id: string | undefined): ProblemError {
  return notFound(`there is no message ${id ?? ""}, neither in the queue nor in the history`);
}
