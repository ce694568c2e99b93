/** Errors of the admin interface as RFC 9457 problem details: what was wrong, where, and what to do. */
import type { z } from "zod";
import type { Problem } from "./schemas.ts";

export const problemType = "application/problem+json";

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

/** Checks what came in; throws a 400 that names every place where it is wrong. */
export function parsed<T>(schema: z.ZodType<T>, input: unknown, where: "body" | "query"): T {
  const result = schema.safeParse(input ?? {});
  if (result.success) return result.data;
  const errors = result.error.issues.map(({ path, message }) => ({ path: [where, ...path].join("."), message }));
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join("; ");
  throw new ProblemError(400, "The request is not valid", detail, errors);
}
