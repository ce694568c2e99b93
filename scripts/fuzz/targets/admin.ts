/**
 * The admin interface, octet by octet over its Unix socket: HTTP as it comes, routes, schemas, answers.
 *
 * Holds: whatever is asked is answered or the connection closed; an answer is never a fault of ours (5xx), and an event
 * never tells of one, unless an operation fails on purpose; every error is a problem detail (RFC 9457) with the status of
 * its line; what a failing operation said of itself (here: a secret) is in no answer and no event about what was asked.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAdminServer } from "../../../src/admin/server.ts";
import { actorOf } from "../../../src/admin/actor.ts";
import type { Operations } from "../../../src/admin/port.ts";
import type { PopgateEvent } from "../../../src/core/events.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { fewOperations, knownId } from "../admin-operations.ts";
import { choice, hold, type Target } from "../target.ts";

const secret = "Geheim4711";
const folder = mkdtempSync(path.join(tmpdir(), "popgate-fuzz-admin-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Whether operations fail, for the input at hand. */
let failing = false;
let events: PopgateEvent[] = [];

function failingOnPurpose(operations: Operations): Operations {
  return new Proxy(operations, {
    get: (target, name, receiver): unknown => {
      const operation: unknown = Reflect.get(target, name, receiver);
      if (!failing || typeof operation !== "function" || name === "onEvent") return operation;
      return () => {
        throw new Error(`the password is ${secret}`);
      };
    },
  });
}

async function open(): Promise<string> {
  const socket = path.join(folder, "admin.sock");
  const server = createAdminServer(
    failingOnPurpose(fewOperations()),
    { version: "1.2.3", actorOf, metrics: async () => ({ type: "text/plain", text: "a 1\n" }) },
    { clock: systemClock, events: { emit: (event) => void events.push(event) } },
  );
  await server.listen({ path: socket });
  // A campaign ends when it has done its work, not when the socket is closed.
  server.server.unref();
  return socket;
}

let opened: Promise<string> | undefined;

/** All that comes back for these octets. A stream of events has no end: its beginning will do. */
async function ask(octets: Buffer): Promise<string> {
  opened ??= open();
  const socket = connect({ path: await opened, allowHalfOpen: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
    if (answer.includes("text/event-stream")) socket.destroy();
  });
  // Closed while we were still sending: what came before that counts.
  socket.on("error", () => socket.destroy());
  socket.on("end", () => socket.destroy());
  socket.on("close", () => resolve());
  socket.end(octets);
  await promise;
  return answer;
}

/** Status lines with their fields; behind a body the next one follows without a line end. */
function heads(answer: string): { readonly status: number; readonly fields: string }[] {
  const found = answer.matchAll(/HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/gu);
  return [...found].map(([, status, fields = ""]) => ({ status: Number(status), fields }));
}

async function run(input: Buffer): Promise<void> {
  const { chosen, rest } = choice(input, ["well", "failing", "well"]);
  failing = chosen === "failing";
  events = [];
  const answer = await ask(rest);
  hold(answer === "" || answer.startsWith("HTTP/1.1 "), "an answer that is no HTTP", answer);
  hold(!answer.includes(secret), "an answer tells a secret", answer);
  for (const { status, fields } of heads(answer)) {
    hold(status < 500 || failing || status === 505, "a fault of ours", answer);
    if (status < 400) continue;
    hold(/^content-type: application\/problem\+json/imu.test(fields), "an error that is no problem detail", answer);
    hold(!/^(?:server|x-powered-by):/imu.test(fields), "an error that tells of its maker", answer);
  }
  for (const [, body = ""] of answer.matchAll(/\r\n\r\n(\{"type":"about:blank"[^\r\n]*?\})(?=HTTP\/1\.1|$)/gu)) {
    const problem: unknown = JSON.parse(Buffer.from(body, "latin1").toString("utf8"));
    hold(typeof problem === "object" && problem !== null && "title" in problem, "a problem without a title", body);
  }
  for (const event of events) {
    hold(event.kind !== "internal-error" || failing, "an event tells of a fault of ours", event);
    if (event.kind === "admin") hold(event.detail.length <= 501 && event.request.length <= 501, "a long event");
  }
}

const get = (where: string): string => `\0GET ${where} HTTP/1.1\r\nHost: x\r\n\r\n`;
const post = (where: string, body: string): string =>
  `\0POST ${where} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const id = knownId;

export const target: Target = {
  name: "admin",
  maxOctets: 1200,
  dictionary: [
    knownId,
    "GET ",
    "POST ",
    "HEAD ",
    "OPTIONS ",
    " HTTP/1.1\r\n",
    "Host: x\r\n",
    "Content-Type: application/json\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
    "\r\n\r\n",
    "%00",
    "%2e%2e/",
    "%ff",
    "?",
    "&",
    '{"action":"retry"}',
    '"__proto__":',
    "null",
    "[[",
    "/v1/messages/",
    "/actions",
    "?limit=",
  ],
  seeds: [
    get("/healthz"),
    get("/readyz"),
    get("/v1/status"),
    get("/v1/statistics"),
    get("/v1/audit"),
    get(`/v1/messages?limit=5&state=held&after=${id}`),
    get(`/v1/messages/${id}`),
    get(`/v1/messages/${id}/raw?rendered=true`),
    get("/v1/explain?q=a@b.example"),
    get("/v1/events"),
    get("/metrics"),
    get("/v1/openapi.json"),
    post(`/v1/messages/${id}/actions`, '{"action":"redirect","to":["a@firma.example"]}'),
    post("/v1/actions", `{"ids":["${id}"],"action":{"action":"drop"}}`),
    post("/v1/resolve", "{}"),
    post("/v1/poll", "{}"),
    post("/v1/accounts/box/poll", "{}"),
    post("/v1/accounts/box/pause", "{}"),
    post("/v1/accounts/none/resume", "{}"),
    post("/v1/destinations/exchange%20x%3A25/pause", "{}"),
    post("/v1/reload", "{}"),
    post("/v1/backup", '{"dir":"/tmp/x"}'),
    post("/v1/doctor", "{}"),
    `\x01${get("/v1/status").slice(1)}`,
    "\0GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\nPUT /v1/status HTTP/1.1\r\nHost: x\r\n\r\n",
  ].map((text) => Buffer.from(text, "latin1")),
  work: { perOctet: 1000, fixed: 200_000 },
  run,
};
