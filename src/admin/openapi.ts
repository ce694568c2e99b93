/** The OpenAPI 3.1 document of the admin interface, made from the table of routes. */
import { z } from "zod";
import { problemType } from "./problem.ts";
import { otherPaths, routes, type OtherPath, type Route } from "./routes.ts";
import { problem } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

export function openApi(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[openPath(route.path)] ??= {})[route.method.toLowerCase()] = operation(route);
  for (const other of Object.values(otherPaths)) (paths[openPath(other.path)] ??= {})["get"] = otherOperation(other);
  return {
    openapi: "3.1.0",
    info: { title: "popgate", version, description: "Seeing and steering popgate. Times are epoch milliseconds." },
    paths,
    components: { schemas: { Problem: schemaOf(problem, "output") } },
  };
}

function operation({ method, path, summary, query, body, response }: Route): Json {
  return {
    operationId: operationId(method, path),
    summary,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body === undefined ? {} : { requestBody: bodyOf(body) }),
    responses: {
      200: { description: "Done", content: { "application/json": { schema: schemaOf(response, "output") } } },
      default: problemResponse,
    },
  };
}

function otherOperation({ path, summary, type, query }: OtherPath): Json {
  return {
    operationId: operationId("GET", path),
    summary,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    responses: { 200: { description: summary, content: { [type]: {} } }, default: problemResponse },
  };
}

const problemResponse: Json = {
  description: "What was wrong",
  content: { [problemType]: { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** A body in which nothing is needed may be left out altogether. */
function bodyOf(body: z.ZodType): Json {
  const required = !body.safeParse({}).success;
  return { required, content: { "application/json": { schema: schemaOf(body, "input") } } };
}

/** OpenAPI 3.1 says once for all which dialect its schemas are in. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

/** `getMessagesIdRaw`: method and path, as one name. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/v1/u, "").split(/[^A-Za-z]+/u);
  return method.toLowerCase() + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
}

function openPath(path: string): string {
  return path.replaceAll(/:([a-z]+)/gu, "{$1}");
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:([a-z]+)/gu)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(query, { io: "input" });
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}
