/** Every route of the admin interface over a Unix socket: what is good, what is not, and what is said then. */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { Operations } from "../../src/admin/port.ts";
import { routes } from "../../src/admin/routes.ts";
import * as schema from "../../src/admin/schemas.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { goodStatus, openInterface, someId, someMessage, type Answer } from "./interface.ts";

const detail: schema.MessageDetail = {
  ...someMessage,
  digest: "",
  details: [],
  attempts: [],
  headers: "Subject: Hello\r\n",
  removed: [],
};
const explanation: schema.Explanation = { message: someMessage, steps: [], summary: "Queued." };

/** Operations for which everything is there. */
const kind: Partial<Operations> = {
  messages: async () => ({ messages: [someMessage], next: someId }),
  message: async (id) => (id === someId ? detail : undefined),
  explain: async () => [explanation],
  act: async (ids, { action }) => ids.map((id) => ({ id, kind: "done", detail: action, message: someMessage })),
  resolve: async function* () {
    yield { id: someId, kind: "released", recipients: ["chef@firma.example"], detail: "released" };
  },
  poll: async (account) =>
    account === "nobody" ? undefined : [{ account: account ?? "all", kind: "done", detail: "3 fetched" }],
  pauseAccount: async (name) => name === "box",
  pauseDestination: async (name) => name === "exchange mail.firma.example:25",
};

function problemIn({ headers, text }: Answer): schema.Problem {
  expect(headers["content-type"]).toMatch(/^application\/problem\+json\b/u);
  // Neither a stack nor a file of ours.
  expect(text).not.toMatch(/node_modules|\.ts\b|\bat \w+ \(/u);
  return schema.problem.parse(JSON.parse(text));
}

const good: readonly [method: "GET" | "POST", path: string, pattern: string, body?: unknown][] = [
  ["GET", "/healthz", "/healthz"],
  ["GET", "/readyz", "/readyz"],
  ["GET", "/v1/status", "/v1/status"],
  ["GET", "/v1/statistics", "/v1/statistics"],
  ["GET", "/v1/messages?state=held&limit=10&recipient=chef&olderThanMs=5000", "/v1/messages"],
  ["GET", `/v1/messages/${someId}`, "/v1/messages/:id"],
  ["GET", "/v1/explain?q=chef%40firma.example", "/v1/explain"],
  ["POST", `/v1/messages/${someId}/actions`, "/v1/messages/:id/actions", { action: "retry" }],
  ["POST", "/v1/actions", "/v1/actions", { ids: [someId], act: { action: "redirect", to: "chef@firma.example" } }],
  ["POST", "/v1/resolve", "/v1/resolve", { dryRun: true }],
  ["POST", "/v1/poll", "/v1/poll"],
  ["POST", "/v1/accounts/box/poll", "/v1/accounts/:name/poll", {}],
  ["POST", "/v1/accounts/box/pause", "/v1/accounts/:name/pause"],
  ["POST", "/v1/accounts/box/resume", "/v1/accounts/:name/resume"],
  ["POST", "/v1/destinations/exchange%20mail.firma.example%3A25/pause", "/v1/destinations/:name/pause"],
  ["POST", "/v1/destinations/exchange%20mail.firma.example%3A25/resume", "/v1/destinations/:name/resume"],
  ["POST", "/v1/reload", "/v1/reload"],
  ["POST", "/v1/doctor", "/v1/doctor"],
  ["POST", "/v1/backup", "/v1/backup", { dir: "/var/backups/popgate" }],
  ["GET", "/v1/audit", "/v1/audit"],
];

describe("good requests", () => {
  it("are tried on every route there is", () => {
    const tried = new Set(good.map(([method, , pattern]) => `${method} ${pattern}`));
    expect([...tried]).toEqual(expect.arrayContaining(routes.map(({ method, path }) => `${method} ${path}`)));
  });

  it.each(good)("%s %s is answered by its schema", async (method, path, pattern, body) => {
    await using admin = await openInterface(kind);
    const answer = method === "GET" ? await admin.get(path) : await admin.post(path, body);
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/u);
    expect(responseOf(method, pattern).safeParse(answer.json).error).toBeUndefined();
  });

  it.each(good)("%s %s with a slash at its end is the same", async (method, path, _pattern, body) => {
    await using admin = await openInterface(kind);
    const [before = "", query] = path.split("?");
    const where = query === undefined ? `${before}/` : `${before}/?${query}`;
    const answer = method === "GET" ? await admin.get(where) : await admin.post(where, body);
    expect(answer.status).toBe(200);
  });

  it("gives the operations what was asked, checked and completed", async () => {
    const asked: unknown[] = [];
    await using admin = await openInterface({
      messages: async (filter) => (asked.push(filter), { messages: [] }),
      act: async (...all) => (asked.push(all), []),
      explain: async (query) => (asked.push(query), []),
    });
    await admin.get("/v1/messages?state=held&olderThanMs=7200000");
    await admin.post("/v1/actions", { ids: ["a", "b"], act: { action: "drop" } }, { "x-popgate-user": "erika" });
    await admin.get(`/v1/explain?q=${encodeURIComponent("<1@b.example>")}`);
    expect(asked).toEqual([
      { state: "held", olderThanMs: 7_200_000, limit: 100 },
      [["a", "b"], { action: "drop" }, "local:erika"],
      "<1@b.example>",
    ]);
  });

  it("tells of writes, with who asked and what, but not of reads", async () => {
    await using admin = await openInterface(kind);
    await admin.get("/v1/status");
    await admin.post("/v1/actions", { ids: Array(900).fill(someId), act: { action: "drop" } });
    const told = admin.events.of("admin");
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ by: "local", request: "POST /v1/actions" });
    expect(told[0]?.detail).toContain(someId);
    expect(told[0]?.detail.length).toBeLessThan(600);
  });
});

describe("what is not there", () => {
  it.each([
    ["GET", `/v1/messages/${someId.replace("B", "C")}`, undefined, "no message 000000000CCDFG"],
    ["GET", "/v1/messages/%3Cscript%3E", undefined, "no message <script>"],
    ["GET", `/v1/messages/${someId}/raw`, undefined, `no message ${someId}`],
    ["POST", "/v1/accounts/nobody/poll", {}, "no account nobody"],
    ["POST", "/v1/accounts/nobody/pause", {}, "no account nobody"],
    ["POST", "/v1/accounts/nobody/resume", {}, "no account nobody"],
    ["POST", "/v1/destinations/nowhere/pause", {}, "no destination nowhere"],
    ["POST", "/v1/destinations/nowhere/resume", {}, "no destination nowhere"],
    ["GET", "/", undefined, "no GET /"],
    ["GET", "/v2/status", undefined, "no GET /v2/status"],
    ["POST", "/v1/messages/a/b/c", {}, "no POST /v1/messages/a/b/c"],
    ["GET", "/v1/../../etc/passwd", undefined, "no GET /v1/../../etc/passwd"],
    ["GET", "/metrics", undefined, "no GET /metrics"],
  ] as const)("%s %s: 404, and what it is", async (method, path, body, words) => {
    await using admin = await openInterface(kind);
    const answer = method === "GET" ? await admin.get(path) : await admin.post(path, body);
    expect(answer.status).toBe(404);
    const problem = problemIn(answer);
    expect(problem).toMatchObject({ type: "about:blank", title: "Not found", status: 404 });
    expect(problem.detail).toContain(words);
  });

  it("an action on a message that is not there is 404, on one that does not allow it 409", async () => {
    await using admin = await openInterface({
      act: async ([id = ""]) => [{ id, kind: id === someId ? "refused" : "not-found", detail: "it has ended already" }],
    });
    const refused = await admin.post(`/v1/messages/${someId}/actions`, { action: "drop" });
    expect(refused.status).toBe(409);
    expect(problemIn(refused).detail).toBe("it has ended already");
    const unknown = await admin.post("/v1/messages/x/actions", { action: "drop" });
    expect(unknown.status).toBe(404);
    expect(problemIn(unknown).detail).toContain("no message x");
  });

  it.each([
    ["PUT", "/v1/status", "GET, HEAD"],
    ["DELETE", `/v1/messages/${someId}`, "GET, HEAD"],
    ["POST", "/v1/status/", "GET, HEAD"],
    ["GET", "/v1/poll", "POST"],
    ["POST", "/v1/events", "GET"],
    ["HEAD", `/v1/messages/${someId}/raw`, "GET"],
  ])("%s %s: 405, with the methods it takes", async (method, path, allowed) => {
    await using admin = await openInterface(kind);
    const answer = await admin.ask(method, path);
    expect(answer.status).toBe(405);
    expect(answer.headers["allow"]).toBe(allowed);
  });
});

describe("requests that are not valid", () => {
  it.each([
    ["/v1/messages?limit=0", "query.limit"],
    ["/v1/messages?limit=1001", "query.limit"],
    ["/v1/messages?limit=many", "query.limit"],
    ["/v1/messages?olderThanMs=-1", "query.olderThanMs"],
    ["/v1/messages?state=gone", "query.state"],
    ["/v1/messages?state=held&state=queued", "query.state"],
    ["/v1/messages?after=behind", "query.after"],
    ["/v1/messages?colour=red", "query"],
    ["/v1/explain", "query.q"],
    ["/v1/explain?q=", "query.q"],
    [`/v1/messages/${someId}/raw?rendered=perhaps`, "query.rendered"],
  ])("%s: 400, and the place", async (path, where) => {
    await using admin = await openInterface(kind);
    const answer = await admin.get(path);
    expect(answer.status).toBe(400);
    const problem = problemIn(answer);
    expect(problem.errors?.map(({ path }) => path)).toEqual([where]);
    expect(problem.detail).toContain(`${where}: `);
  });

  it.each([
    ["/v1/actions", { ids: [], act: { action: "drop" } }, ["body.ids"]],
    ["/v1/actions", { ids: ["a", 5], act: { action: "drop" } }, ["body.ids.1"]],
    ["/v1/actions", { ids: ["a"], act: { action: "burn" } }, ["body.act.action"]],
    ["/v1/actions", { ids: ["a"], act: { action: "redirect" } }, ["body.act.to"]],
    ["/v1/actions", { ids: ["a"], act: { action: "hold", detail: "x".repeat(501) } }, ["body.act.detail"]],
    ["/v1/actions", {}, ["body.ids", "body.act"]],
    [`/v1/messages/${someId}/actions`, { action: "release", to: [] }, ["body.to"]],
    [`/v1/messages/${someId}/actions`, { action: "retry", force: true }, ["body"]],
    [`/v1/messages/${someId}/actions`, ["retry"], ["body"]],
    [`/v1/messages/${someId}/actions`, undefined, ["body.action"]],
    ["/v1/resolve", { dryRun: "yes" }, ["body.dryRun"]],
    ["/v1/poll", { account: "box" }, ["body"]],
    ["/v1/backup", { dir: "" }, ["body.dir"]],
    ["/v1/backup", { dir: "backups" }, ["body.dir"]],
  ])("POST %s %j: 400, and the places", async (path, body, where) => {
    await using admin = await openInterface({
      ...kind,
      act: () => Promise.reject(new Error("it was not to be called")),
    });
    const answer = await admin.post(path, body);
    expect(answer.status).toBe(400);
    expect(problemIn(answer).errors?.map(({ path }) => path)).toEqual(where);
    expect(admin.events.all).toEqual([]);
  });

  it("of many faults the first are told", async () => {
    await using admin = await openInterface(kind);
    const problem = problemIn(await admin.post("/v1/actions", { ids: Array(900).fill(5), act: { action: "drop" } }));
    expect(problem.errors).toHaveLength(20);
    expect(problem.detail).toMatch(/body\.ids\.0: .+; body\.ids\.1: .+; body\.ids\.2: .+; and 897 more$/u);
  });

  it.each([
    ["no JSON", 400, "application/json", '{"ids":'],
    ["an empty body said to be JSON", 400, "application/json", ""],
    ["a key that would reach into prototypes", 400, "application/json", '{"__proto__":{"a":1},"action":"drop"}'],
    ["a form", 415, "application/x-www-form-urlencoded", "action=drop"],
    ["text", 415, "text/plain", '{"action":"drop"}'],
    ["too much", 413, "application/json", JSON.stringify({ action: "hold", detail: "x".repeat(1024 * 1024) })],
  ])("%s: %i", async (_name, status, type, body) => {
    await using admin = await openInterface(kind);
    const answer = await admin.ask("POST", `/v1/messages/${someId}/actions`, body, { "content-type": type });
    expect(answer.status).toBe(status);
    expect(problemIn(answer)).toMatchObject({ title: "The request is not valid", status });
    expect(admin.events.all).toEqual([]);
  });

  it.each([
    ["an octet that is none", "/v1/messages/%zz", 400],
    ["a name longer than any", `/v1/accounts/${"a".repeat(501)}/poll`, 414],
  ])("a path with %s is a problem too", async (_name, path, status) => {
    await using admin = await openInterface(kind);
    const answer = await admin.ask("POST", path);
    expect(answer.status).toBe(status);
    expect(problemIn(answer).status).toBe(status);
  });

  it.each([
    ["no HTTP", "EHLO mail.firma.example\r\n\r\n", 400],
    ["headers beyond measure", `GET /healthz HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, 431],
  ])("%s is a problem, and the end of the connection", async (_name, text, status) => {
    await using admin = await openInterface(kind);
    const [head = "", body = ""] = (await converse(admin.socket, text)).split("\r\n\r\n");
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain("content-type: application/problem+json");
    expect(schema.problem.parse(JSON.parse(body)).status).toBe(status);
    expect((await admin.get("/healthz")).status).toBe(200);
  });
});

describe("failures", () => {
  it("a fault of ours is told as an event, and to the client without a word of it", async () => {
    await using admin = await openInterface({ status: () => Promise.reject(new Error("secret of ours")) });
    const answer = await admin.get("/v1/status?x=1");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain("secret");
    expect(problemIn(answer).detail).toContain("log");
    const [told] = admin.events.of("internal-error");
    expect(told?.where).toBe("GET /v1/status");
    expect(told?.detail).toContain("secret of ours");
  });

  it.each([
    ["SPOOL_FULL", 503],
    ["SPOOL_FAILED", 503],
    ["SPOOL_NO_MESSAGE", 404],
    ["SPOOL_DAMAGED", 500],
    ["SPOOL_UNUSABLE", 409],
  ] as const)("%s is told in the spool's words: %i", async (code, status) => {
    await using admin = await openInterface({ backup: () => Promise.reject(new SpoolError(code, "its words")) });
    const answer = await admin.post("/v1/backup", { dir: "/there" });
    expect(answer.status).toBe(status);
    expect(problemIn(answer).detail).toBe("its words");
  });

  it("a configuration that is not good is refused with its errors", async () => {
    await using admin = await openInterface({
      reload: async () => ({ kind: "refused", errors: ["line 3", "line 5"] }),
    });
    const answer = await admin.post("/v1/reload");
    expect(answer.status).toBe(422);
    expect(problemIn(answer).detail).toBe("line 3; line 5");
  });

  it("aborts what it does for a client that has gone", async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    const aborted = Promise.withResolvers<void>();
    await using admin = await openInterface({
      poll: async (_account, _by, signal) => {
        begun.resolve(signal);
        signal.addEventListener("abort", () => aborted.resolve(), { once: true });
        await aborted.promise;
        return [];
      },
    });
    const socket = connect(admin.socket);
    socket.write("POST /v1/poll HTTP/1.1\r\nhost: a\r\n\r\n");
    const signal = await begun.promise;
    expect(signal.aborted).toBe(false);
    socket.destroy();
    await aborted.promise;
    expect(signal.aborted).toBe(true);
  });

  it("does not abort what has been answered", async () => {
    let signal: AbortSignal | undefined;
    await using admin = await openInterface({ explain: async (_q, given) => ((signal = given), []) });
    await admin.get("/v1/explain?q=x");
    expect(signal?.aborted).toBe(false);
  });

  it("has nothing under way any more when it has closed", async () => {
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const admin = await openInterface({
      poll: async (_account, _by, signal) => {
        const gone = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => gone.resolve(), { once: true });
        begun.resolve();
        await gone.promise;
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        order.push("operation over");
        return [];
      },
    });
    const asking = admin.post("/v1/poll").catch(() => order.push("client cut off"));
    await begun.promise;
    await admin[Symbol.asyncDispose]();
    order.push("closed");
    await asking;
    expect(order).toEqual(["client cut off", "operation over", "closed"]);
  });
});

describe("health", () => {
  it("is alive whatever the state, and asks nobody", async () => {
    await using admin = await openInterface({ status: () => Promise.reject(new Error("broken")) });
    const answer = await admin.get("/healthz");
    expect([answer.status, answer.json]).toEqual([200, { alive: true }]);
  });

  it.each([
    ["the spool is full", { spool: { ...goodStatus.spool, health: "full", detail: "no room" } }, "full: no room"],
    ["the spool fails", { spool: { ...goodStatus.spool, health: "failed", detail: "EIO" } }, "failed: EIO"],
    ["new mail is refused", { backPressure: "the queue is old" }, "the queue is old"],
  ] as const)("is not ready when %s", async (_name, change, words) => {
    await using admin = await openInterface({ status: async () => ({ ...goodStatus, ...change }) });
    const answer = await admin.get("/readyz");
    expect(answer.status).toBe(503);
    const problem = problemIn(answer);
    expect(problem.title).toBe("Not ready");
    expect(problem.detail).toContain(words);
    // A state, not a fault of ours.
    expect(admin.events.all).toEqual([]);
  });

  it("is ready otherwise, also while a destination is down", async () => {
    await using admin = await openInterface();
    const answer = await admin.get("/readyz");
    expect([answer.status, answer.json]).toEqual([200, { ready: true, spool: "ok", listeners: ["0.0.0.0:25"] }]);
  });

  it("answers HEAD without a body", async () => {
    await using admin = await openInterface();
    const answer = await admin.ask("HEAD", "/healthz");
    expect([answer.status, answer.text]).toEqual([200, ""]);
  });
});

describe("metrics", () => {
  it("are given as they are", async () => {
    await using admin = await openInterface(
      {},
      { metrics: async () => ({ type: "text/plain; version=0.0.4; charset=utf-8", text: "popgate_up 1\n" }) },
    );
    const answer = await admin.get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.text).toBe("popgate_up 1\n");
  });
});

function responseOf(method: string, path: string): z.ZodType {
  const route = routes.find((one) => one.method === method && one.path === path);
  if (route === undefined) throw new Error(`no route ${method} ${path}`);
  return route.response;
}

/** Sends octets and reads until the other side ends. */
async function converse(socketPath: string, text: string): Promise<string> {
  const socket = connect(socketPath);
  socket.write(text);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
