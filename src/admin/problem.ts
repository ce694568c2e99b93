/**
 * Errors of the admin interface as RFC 9457 problem details: what was wrong, where, and what to do. Whatever is thrown
 * becomes one; what is not meant for whoever asks (a stack, words of our own bugs) does not get into it.
 */
import type { FastifyReply } from "fastify";
import type { z } from "zod";
import { SpoolError, type SpoolErrorCode } from "../spool/port.ts";
import type { Problem } from "./schemas.ts";

export const problemType = "application/problem+json";

/** Of many faults in one request so many are named. */
const mostErrors = 20;
const mostInDetail = 3;

/** Thrown by a handler; the server answers with it. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";
  readonly problem: Problem;
  constructor(status: number, title: string, detail: string, errors?: Problem["errors"]) {
    super(detail);
    this.problem = {
      type: "about:blank",
      title,
      status,
      detail,
      ...(errors === undefined ? {} : { errors }),
    };
  }
}

export function notFound(what: string): ProblemError {
  return new ProblemError(404, "Not found", what);
}

/** Checks what came in; throws a 400 that names the places where it is wrong. */
export function parsed<T>(schema: z.ZodType<T>, input: unknown, where: "body" | "query"): T {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const { issues } = result.error;
  const errors = issues.slice(0, mostErrors).map(({ path, message }) => ({
    path: [where, ...path.map(String)].join("."),
    message,
  }));
  const named = errors.slice(0, mostInDetail).map(({ path, message }) => `${path}: ${message}`);
  const more = issues.length > mostInDetail ? [`and ${issues.length - mostInDetail} more`] : [];
  throw new ProblemError(400, "The request is not valid", [...named, ...more].join("; "), errors);
}

/** What of an error whoever asked is told. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof SpoolError) return { type: "about:blank", ...spoolProblems[error.code], detail: error.message };
  // The HTTP server's own: what came in was no JSON, too large, of an unknown type.
  const status: unknown = error instanceof Error ? Reflect.get(error, "statusCode") : undefined;
  if (error instanceof Error && typeof status === "number" && status >= 400 && status < 500)
    return { type: "about:blank", title: "The request is not valid", status, detail: error.message };
  const detail = "popgate failed at this request; its log says why";
  return { type: "about:blank", title: "Internal error", status: 500, detail };
}

const spoolProblems: Readonly<Record<SpoolErrorCode, { readonly title: string; readonly status: number }>> = {
  SPOOL_FULL: { title: "The spool is full", status: 503 },
  SPOOL_FAILED: { title: "The spool cannot be written", status: 503 },
  SPOOL_NO_MESSAGE: { title: "Not found", status: 404 },
  SPOOL_DAMAGED: { title: "The stored message is damaged", status: 500 },
  SPOOL_UNUSABLE: { title: "Not possible", status: 409 },
};

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  reply.removeHeader("content-disposition");
  return reply.code(problem.status).type(problemType).send(JSON.stringify(problem));
}
