/** The OpenAPI 3.1 document of the admin interface, made from the table of routes. */
import { z } from "zod";
import { routes, streams, type Route } from "./routes.ts";
import { problem } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

export function openApi(version: string): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) (paths[openPath(route.path)] ??= {})[route.method.toLowerCase()] = operation(route);
  for (const stream of streams)
    (paths[openPath(stream.path)] ??= {})[stream.method.toLowerCase()] = {
      summary: stream.summary,
      parameters: [...pathParameters(stream.path), ...queryParameters(stream.query)],
      responses: { 200: { description: stream.summary }, default: problemResponse() },
    };
  return { openapi: "3.1.0", info: { title: "popgate", version }, paths };
}

function operation({ path, summary, query, body, response }: Route): Json {
  return {
    summary,
    parameters: [...pathParameters(path), ...queryParameters(query)],
    ...(body === undefined ? {} : { requestBody: { content: jsonContent(body, "input") } }),
    responses: { 200: { description: "Done", content: jsonContent(response, "output") }, default: problemResponse() },
  };
}

function problemResponse(): Json {
  return {
    description: "What was wrong",
    content: { "application/problem+json": { schema: z.toJSONSchema(problem) } },
  };
}

function jsonContent(schema: z.ZodType, io: "input" | "output"): Json {
  return { "application/json": { schema: z.toJSONSchema(schema, { io }) } };
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
