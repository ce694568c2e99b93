/** The web page's files, what every answer says to the browser, and that nothing of a message is ever rendered. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { someId } from "./interface.ts";
import { indexHtml, openPage, type Answer, type Page } from "./web-support.ts";

const html = { accept: "text/html,application/xhtml+xml" };

describe("the page's files", () => {
  test.each([
    ["/", "text/html; charset=utf-8", "no-cache", indexHtml],
    ["/index.html", "text/html; charset=utf-8", "no-cache", indexHtml],
    ["/favicon.svg", "image/svg+xml", "no-cache", "<svg/>"],
    [
      "/assets/index-B3xVq_9a.js",
      "text/javascript; charset=utf-8",
      "public, max-age=31536000, immutable",
      "export {};",
    ],
    [
      "/assets/index-B3xVq_9a.js?v=1",
      "text/javascript; charset=utf-8",
      "public, max-age=31536000, immutable",
      "export {};",
    ],
  ])("%s", async (where, type, cache, text) => {
    await using page = await openPage();
    const answer = await page.ask(where);
    expect(answer).toMatchObject({ status: 200, text, headers: { "content-type": type, "cache-control": cache } });
    const again = await page.ask(where, { headers: { "if-none-match": String(answer.headers.etag) } });
    expect([again.status, again.text]).toEqual([304, ""]);
    const head = await page.ask(where, { method: "HEAD" });
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(text.length)]);
  });

  test.each(["/held", "/messages/0000", "/accounts/sammel@firma.example", "/a/b/c.d?e=f", "//evil.example/"])(
    "whoever navigates to %s gets the page",
    async (where) => {
      await using page = await openPage();
      expect(await page.ask(where, { headers: html })).toMatchObject({ status: 200, text: indexHtml });
    },
  );

  test.each([
    ["a script that is not there", "/assets/index-00000000.js", { accept: "*/*" }],
    ["a script that is not there, navigated to", "/assets/index-00000000.js", html],
    ["an icon that is not there", "/favicon.ico", { accept: "image/*" }],
    ["a path of the program", "/web/nowhere", html],
    ["another one", "/v1/nowhere", html],
    ["a write", "/v1", html],
  ])("%s is not the page", async (_what, where, headers) => {
    await using page = await openPage();
    const answer = await page.ask(where, { headers });
    expect(answer.status).toBe(404);
    expect(answer.json).toMatchObject({ title: "Not found" });
  });

  test.each([
    "/../package.json",
    "/../../package.json",
    "/assets/../../../secret.txt",
    "/..%2f..%2fsecret.txt",
    "/%2e%2e/%2e%2e/secret.txt",
    "/..%5c..%5csecret.txt",
    "/....//secret.txt",
    "/assets/%00",
    "/.secret",
    "/%2esecret",
    "/link.txt",
    "/linked/secret.txt",
    "/secret.txt",
  ])("%s leads nowhere", async (where) => {
    await using page = await openPage({ built: false });
    const outside = path.join(page.dist, "..", "..", "secret.txt");
    mkdirSync(page.dist, { recursive: true });
    for (const file of [outside, path.join(page.dist, ".secret")]) writeFileSync(file, "not for anybody");
    symlinkSync(outside, path.join(page.dist, "link.txt"));
    symlinkSync(path.dirname(outside), path.join(page.dist, "linked"));
    writeFileSync(path.join(page.dist, "index.html"), indexHtml);
    const [plain, navigated] = [await page.ask(where), await page.ask(where, { headers: html })];
    expect(plain.status).toBe(404);
    expect([200, 404]).toContain(navigated.status);
    expect([plain.text, navigated.text].join("")).not.toContain("not for anybody");
    rmSync(outside);
  });

  test("broken escapes are a bad request", async () => {
    await using page = await openPage();
    const answer = await page.ask("/%zz");
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ title: "The request is not valid" });
  });

  test("not built: a page that says what to do; found as soon as it is there", async () => {
    await using page = await openPage({ built: false });
    const answer = await page.ask("/", { headers: html });
    expect(answer.status).toBe(503);
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(answer.text).toContain("<code>make web</code>");
    expect((await page.browser().tryLogin()).status).toBe(200);
    mkdirSync(page.dist, { recursive: true });
    writeFileSync(path.join(page.dist, "index.html"), indexHtml);
    expect((await page.ask("/")).text).toBe(indexHtml);
  });

  test("another build does not take the parts of a page that is open", async () => {
    await using page = await openPage();
    expect((await page.ask("/")).status).toBe(200);
    rmSync(page.dist, { recursive: true });
    expect((await page.ask("/assets/index-B3xVq_9a.js")).text).toBe("export {};");
  });
});

describe("what the browser is told", () => {
  const always = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": expect.stringContaining("camera=()") as unknown,
  };
  const pagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; " +
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'";
  const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

  const cases: readonly (readonly [string, number, (page: Page) => Promise<Answer>])[] = [
    ["an answer", 200, async (page) => (await page.loggedIn()).get("/v1/status")],
    ["a login", 200, async (page) => page.browser().tryLogin()],
    ["a wrong login", 401, async (page) => page.browser().tryLogin("anna", "no")],
    ["no session", 401, async (page) => page.ask("/v1/status")],
    ["a foreign write", 403, async (page) => page.ask("/v1/poll", { method: "POST" })],
    ["a foreign name", 421, async (page) => page.ask("/", { headers: { host: "evil.example" } })],
    ["nothing there", 404, async (page) => page.ask("/assets/no")],
    ["another method", 405, async (page) => (await page.loggedIn()).ask("/v1/status", { method: "DELETE" })],
    ["a bad path", 400, async (page) => page.ask("/%zz")],
    ["a bad body", 400, async (page) => (await page.loggedIn()).post("/v1/actions", { ids: 1 })],
    ["a long parameter", 404, async (page) => (await page.loggedIn()).get(`/v1/messages/${"x".repeat(501)}`)],
    ["a fault of ours", 500, async (page) => (await page.loggedIn()).get("/v1/explain?q=x")],
    ["an expectation", 417, async (page) => page.ask("/healthz", { headers: { expect: "miracles" } })],
  ];
  test.each(cases)("%s (%i)", async (_what, status, asking) => {
    await using page = await openPage({
      operations: { explain: async () => Promise.reject(new Error("stack and all")) },
    });
    const { status: found, headers, text } = await asking(page);
    expect(found).toBe(status);
    expect(headers).toMatchObject({ ...always, "content-security-policy": dataPolicy, "cache-control": "no-store" });
    expect(headers["strict-transport-security"]).toBeUndefined();
    expect(Object.keys(headers).filter((name) => name.startsWith("access-control-") || name === "server")).toEqual([]);
    expect(text).not.toContain("stack and all");
  });

  test.each([
    ["the page", true, "/", 200],
    ["a script", true, "/assets/index-B3xVq_9a.js", 200],
    ["a page that was not built", false, "/", 503],
  ])("%s", async (_what, built, where, status) => {
    await using page = await openPage({ built });
    const answer = await page.ask(where, { headers: html });
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({ ...always, "content-security-policy": pagePolicy });
  });

  test("live events too", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    const stream = await page.open("/v1/events", { headers: browser.headers() });
    expect(stream.headers).toMatchObject({
      ...always,
      "content-security-policy": dataPolicy,
      "cache-control": "no-store",
    });
    stream.on("error", () => undefined);
    stream.destroy();
  });
});

describe("a message", () => {
  const evil = "Subject: x\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\xff";
  const raw = async (id: string) =>
    id === someId
      ? (async function* () {
          yield Buffer.from(evil, "latin1");
        })()
      : undefined;

  test("is a download, of a type that no browser renders", async () => {
    await using page = await openPage({ operations: { raw } });
    const answer = await (await page.loggedIn()).get(`/v1/messages/${someId}/raw`, html);
    expect(answer.headers).toMatchObject({
      "content-type": "message/rfc822",
      "content-disposition": `attachment; filename="${someId}.eml"`,
      "x-content-type-options": "nosniff",
      "content-security-policy": expect.stringContaining("default-src 'none'") as unknown,
      "cache-control": "no-store",
    });
  });

  test("its source is a text within JSON", async () => {
    await using page = await openPage({ operations: { raw } });
    const answer = await (await page.loggedIn()).get(`/web/messages/${someId}/source`, html);
    expect(answer.headers["content-type"]).toMatch(/^application\/json/u);
    expect(answer.json).toEqual({ text: evil.replace("\xff", "\uFFFD"), truncated: false });
  });

  test("a long source is cut, and read no further", async () => {
    let chunks = 0;
    let isOver = false;
    const long = async () =>
      (async function* () {
        try {
          for (; chunks < 1000; chunks++) yield Buffer.alloc(64 * 1024, "x");
        } finally {
          isOver = true;
        }
      })();
    await using page = await openPage({ operations: { raw: long } });
    const { json } = await (await page.loggedIn()).get(`/web/messages/${someId}/source?rendered=true`);
    expect(json).toEqual({ text: "x".repeat(256 * 1024), truncated: true });
    expect([chunks < 10, isOver]).toEqual([true, true]);
  });

  test("that is not there is not found", async () => {
    await using page = await openPage({ operations: { raw } });
    expect((await (await page.loggedIn()).get("/web/messages/none/source")).status).toBe(404);
    expect((await (await page.loggedIn()).get(`/web/messages/${someId}/source?rendered=maybe`)).status).toBe(400);
  });
});
