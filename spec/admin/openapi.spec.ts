/** The OpenAPI document: of the form that version 3.1 prescribes, and in step with what the server serves. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";
import { z } from "zod";
import { openApi } from "../../src/admin/openapi.ts";
import { otherPaths, routes } from "../../src/admin/routes.ts";
import { actorOf } from "../../src/admin/actor.ts";
import { createAdminServer } from "../../src/admin/server.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList } from "../spool/support.ts";
import { fakeOperations, openInterface } from "./interface.ts";

const jsonSchema = z.record(z.string(), z.unknown());
const content = z.record(
  z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/u),
  z.strictObject({ schema: jsonSchema.optional() }),
);
const response = z.strictObject({ description: z.string().min(1), content });
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(["path", "query"]),
  required: z.boolean(),
  schema: jsonSchema,
});
const operation = z.strictObject({
  operationId: z.string().regex(/^[a-z][A-Za-z]+$/u),
  summary: z.string().min(1),
  parameters: z.array(parameter),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(z.string().regex(/^(?:[1-5]\d\d|default)$/u), response),
});
/** What of OpenAPI 3.1 is used here, with nothing else beside it. */
const document = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d+$/u),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(
    z.string().startsWith("/"),
    z.strictObject({ get: operation.optional(), post: operation.optional() }),
  ),
  components: z.strictObject({ schemas: z.record(z.string(), jsonSchema) }),
});

const api = document.parse(openApi("1.2.3"));
const operations = Object.entries(api.paths).flatMap(([path, { get, post }]) => [
  ...(get === undefined ? [] : [{ method: "GET", path, operation: get }]),
  ...(post === undefined ? [] : [{ method: "POST", path, operation: post }]),
]);

function textOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path.replaceAll(/[:{]([a-z]+)\}?/gu, "{$1}")}`;
}

it("names every route of the table, and no other", () => {
  const others = Object.values(otherPaths).map(({ path }) => ({ method: "GET", path }));
  expect(operations.map(textOf).toSorted()).toEqual([...routes, ...others].map(textOf).toSorted());
});

it("names exactly what the server serves", async () => {
  await using admin = await openInterface(
    {},
    { metrics: async () => ({ type: "text/plain", text: "popgate_up 1\n" }) },
  );
  for (const { method, path } of operations) {
    const answer = await admin.open(path.replaceAll(/\{[a-z]+\}/gu, "x"), method);
    answer.destroy();
    // 404 only because there is no such message, account or destination: 405 or an unknown path would say so.
    const { text } =
      answer.statusCode === 404 ? await admin.ask(method, path.replaceAll(/\{[a-z]+\}/gu, "x")) : { text: "" };
    expect(text, textOf({ method, path })).not.toContain(`there is no ${method} `);
    expect(answer.statusCode, textOf({ method, path })).not.toBe(405);
  }
});

it("has no operation id twice", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it("declares each part of a path as a parameter that is required, and nothing else in it", () => {
  for (const { path, operation } of operations) {
    const inPath = operation.parameters.filter((one) => one.in === "path");
    expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{[a-z]+\}/gu) ?? []);
    expect(inPath.every(({ required }) => required)).toBe(true);
  }
});

it("refers only to what is in it", () => {
  const references = [...JSON.stringify(api).matchAll(/"\$ref":"([^"]+)"/gu)].map(([, to = ""]) => to);
  expect(references.length).toBeGreaterThan(0);
  for (const reference of references)
    expect(Object.keys(api.components.schemas).map((name) => `#/components/schemas/${name}`)).toContain(reference);
});

it("says of every operation what a problem looks like", () => {
  for (const { operation } of operations)
    expect(Object.keys(operation.responses["default"]?.content ?? {})).toEqual(["application/problem+json"]);
});

it("tells of filters what they are, and of bodies whether they are needed", () => {
  const list = api.paths["/v1/messages"]?.get?.parameters ?? [];
  expect(list.find(({ name }) => name === "limit")).toEqual({
    name: "limit",
    in: "query",
    required: false,
    schema: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
  });
  expect(list.map(({ name }) => name)).toContain("recipient");
  expect(api.paths["/v1/explain"]?.get?.parameters.map(({ required }) => required)).toEqual([true]);
  expect(api.paths["/v1/poll"]?.post?.requestBody?.required).toBe(false);
  expect(api.paths["/v1/actions"]?.post?.requestBody?.required).toBe(true);
});

it("is served", async () => {
  await using admin = await openInterface();
  const answer = await admin.get("/v1/openapi.json");
  expect(answer.status).toBe(200);
  expect(answer.headers["content-type"]).toMatch(/^application\/json\b/u);
  expect(document.parse(answer.json)).toEqual(api);
});

it("is silent about nothing that the server has a route for", async () => {
  const ports = { clock: new ManualClock(), events: new EventList() };
  const metrics = async () => ({ type: "text/plain", text: "" });
  await using server = createAdminServer(fakeOperations(), { version: "1.2.3", actorOf, metrics }, ports);
  await server.ready();
  const served = [...server.printRoutes({ commonPrefix: false }).matchAll(/\(([A-Z, ]+)\)/gu)]
    .flatMap(([, methods = ""]) => methods.split(", "))
    .filter((method) => method !== "HEAD");
  expect(served.toSorted()).toEqual(operations.map(({ method }) => method).toSorted());
});

it("has its paths, and no others, on the page of the documentation", () => {
  const page = readFileSync(path.join(import.meta.dirname, "..", "..", "docs", "admin-api.md"), "utf8");
  const rows = [...page.matchAll(/^\| (GET|POST) \| `([^`]+)` \| .+ \|$/gmu)].map(
    ([, method, path]) => `${method} ${path}`,
  );
  expect(rows.toSorted()).toEqual(operations.map(textOf).toSorted());
});
