/** Who may ask the web page's server for what: other sites' pages, names that are not ours, writes without the token, paths. */
import { describe, expect, test } from "vitest";
import { otherPaths, routes } from "../../src/admin/routes.ts";
import { hostOf, isOurs, mayRead, mayWrite, namesOf } from "../../src/admin/web-origin.ts";
import { someId } from "./interface.ts";
import { openPage, type Browser, type Page } from "./web-support.ts";

const everyPath: readonly (readonly [string, string])[] = [
  ...routes.map(({ method, path }) => [method, path] as const),
  ...Object.values(otherPaths).map(({ path }) => ["GET", path] as const),
  ["GET", "/web/session"] as const,
  ["POST", "/web/logout"] as const,
  ["GET", "/web/messages/:id/source"] as const,
].map(([method, path]) => [method, path.replace(":id", someId).replace(":name", "box")] as const);

describe("without a session", () => {
  test("everything there is is refused", async () => {
    await using page = await openPage({ metrics: async () => ({ type: "text/plain", text: "secret 1\n" }) });
    const browser = page.browser();
    const asked = everyPath.filter(([, path]) => path !== "/healthz");
    expect(asked.length).toBeGreaterThan(20);
    for (const [method, path] of asked) {
      const answer = await browser.ask(path, { method, ...(method === "POST" ? { body: {} } : {}) });
      expect([path, answer.status, answer.json]).toEqual([
        path,
        401,
        expect.objectContaining({ title: "Not logged in", status: 401 }) as unknown,
      ]);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/u);
    }
  });

  test("/healthz is open", async () => {
    await using page = await openPage();
    expect((await page.ask("/healthz")).json).toEqual({ alive: true });
  });

  test.each(["/v1/status/", "/v1/status?x=/assets/", "/v1/%73tatus", "/v1/status#/", "//127.0.0.1/v1/status"])(
    "%s does not get round it",
    async (where) => {
      await using page = await openPage();
      const { status, text } = await page.browser().get(where, { accept: "text/html" });
      expect(text).not.toContain("mail.firma.example");
      // What is no path of the program is one of the page's.
      expect(where.startsWith("//") ? [200] : [401, 404]).toContain(status);
    },
  );

  test.each([
    ["PUT", "/v1/status"],
    ["DELETE", "/v1/messages/1"],
    ["OPTIONS", "/v1/poll"],
    ["POST", "/nowhere"],
    ["TRACE", "/v1/status"],
  ])("%s %s is refused, whether there is such a thing or not", async (method, where) => {
    await using page = await openPage();
    expect([401, 404]).toContain((await page.browser().ask(where, { method })).status);
    const inside = await page.loggedIn();
    const answer = await inside.ask(where, { method });
    expect([404, 405]).toContain(answer.status);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("a body is not even read", async () => {
    await using page = await openPage();
    const answer = await page.browser().ask("/v1/actions", {
      method: "POST",
      body: "{ this is no JSON",
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(401);
  });
});

describe("a write", () => {
  const changes: readonly (readonly [
    string,
    (browser: Browser, page: Page) => Readonly<Record<string, string | undefined>>,
    number,
  ])[] = [
    ["as the page sends it", () => ({}), 200],
    ["without the token", () => ({ "x-popgate-csrf": "" }), 403],
    ["with a token that is too short", ({ csrf }) => ({ "x-popgate-csrf": csrf?.slice(1) }), 403],
    ["with another token", () => ({ "x-popgate-csrf": "A".repeat(43) }), 403],
    ["with the cookie's token", ({ cookie }) => ({ "x-popgate-csrf": cookie?.slice("popgate=".length) }), 403],
    ["from another site", () => ({ "sec-fetch-site": "cross-site", origin: "https://evil.example" }), 403],
    ["from another port of this host", () => ({ "sec-fetch-site": "same-site", origin: "http://127.0.0.1:1" }), 403],
    [
      "from another origin, by a browser that says no more",
      () => ({ "sec-fetch-site": undefined, origin: "http://127.0.0.1:1" }),
      403,
    ],
    ["from a sandbox", () => ({ "sec-fetch-site": undefined, origin: "null" }), 403],
    ["that contradicts itself", () => ({ origin: "https://evil.example" }), 403],
    ["that does not say where it comes from", () => ({ "sec-fetch-site": undefined, origin: undefined }), 403],
    ["typed into the address bar", () => ({ "sec-fetch-site": "none", origin: undefined }), 403],
    ["by a browser that does not know Sec-Fetch-Site", () => ({ "sec-fetch-site": undefined }), 200],
  ];
  test.each(changes)("%s", async (_what, change, status) => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    const headers = { ...browser.headers("POST"), ...change(browser, page) };
    const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
    const answer = await page.ask("/v1/poll", { method: "POST", body: {}, headers: given });
    expect(answer.status).toBe(status);
    const told = page.events.of("admin");
    if (status === 200) expect(told).toMatchObject([{ by: "web:anna", request: "POST /v1/poll" }]);
    else expect(told).toEqual([]);
  });

  test("another's token is not this session's", async () => {
    await using page = await openPage();
    const [anna, bert] = [await page.loggedIn("anna"), await page.loggedIn("bert")];
    expect((await anna.post("/v1/poll", {}, { "x-popgate-csrf": bert.csrf })).status).toBe(403);
  });

  test("a login from another site is refused: nobody is logged in as somebody else", async () => {
    await using page = await openPage();
    const browser = page.browser();
    const answer = await browser.post(
      "/web/login",
      { user: "anna", password: "streng geheim" },
      { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    );
    expect(answer.status).toBe(403);
    expect(answer.headers["set-cookie"]).toBeUndefined();
  });

  test("logging out needs the token too", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    expect((await browser.post("/web/logout", {}, { "x-popgate-csrf": "no" })).status).toBe(403);
    expect((await browser.get("/web/session")).status).toBe(200);
  });
});

describe("a read", () => {
  test.each([
    ["from another site", { "sec-fetch-site": "cross-site" }, 403],
    ["from another port of this host", { "sec-fetch-site": "same-site" }, 403],
    ["from another origin", { origin: "https://evil.example" }, 403],
    ["typed into the address bar", { "sec-fetch-site": "none" }, 200],
  ])("%s", async (_what, headers, status) => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    expect((await browser.get("/v1/status", headers)).status).toBe(status);
  });

  test("the page itself can be followed to from anywhere", async () => {
    await using page = await openPage();
    const headers = { accept: "text/html", "sec-fetch-site": "cross-site" };
    expect((await page.browser().get(`/messages/${someId}`, headers)).status).toBe(200);
  });
});

describe("the name that is asked for", () => {
  test.each([
    ["127.0.0.1", 200],
    ["localhost", 200],
    ["LOCALHOST.:8025", 200],
    ["mail.test.example", 200],
    ["Mail.Test.Example:443", 200],
    ["evil.example", 421],
    ["mail.test.example.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
    ["192.0.2.1", 421],
    ["[::1]", 421],
    [".", 421],
    ["mail.test.example evil.example", 421],
    ["user@localhost", 421],
  ])("%s: %i", async (host, status) => {
    await using page = await openPage();
    expect((await page.ask("/", { headers: { host } })).status).toBe(status);
    expect((await page.ask("/healthz", { headers: { host } })).status).toBe(status);
  });

  test("may be another one after a reload", async () => {
    const names = ["mail.test.example"];
    await using page = await openPage({ names });
    const headers = { host: "new.test.example" };
    expect((await page.ask("/", { headers })).status).toBe(421);
    names.push("new.test.example");
    expect((await page.ask("/", { headers })).status).toBe(200);
  });

  test("is asked of a session too: a name made to point here reads nothing", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    const headers = { host: `evil.example:${page.port}`, origin: `http://evil.example:${page.port}` };
    expect((await browser.get("/v1/status", headers)).status).toBe(421);
    expect((await browser.post("/v1/poll", {}, headers)).status).toBe(421);
  });
});

describe("names and origins", () => {
  test.each([
    ["mail.example", "mail.example"],
    ["MAIL.example.:80", "mail.example"],
    ["127.0.0.1:80", "127.0.0.1"],
    ["[::1]:80", "::1"],
    ["[0:0:0:0:0:0:0:1]", "::1"],
    ["[::ffff:127.0.0.1]", "127.0.0.1"],
    ["::1", undefined],
    ["[mail.example]", undefined],
    ["a/b", undefined],
    ["a b", undefined],
    ["mail.example:", undefined],
    ["mail.example:http", undefined],
    [undefined, undefined],
  ])("%s is %s", (field, host) => {
    expect(hostOf(field)).toBe(host);
  });

  test("the address that a connection came in on is ours, in whatever spelling", () => {
    const names = namesOf(["0.0.0.0"]);
    expect(isOurs("192.0.2.7:8443", names, "::ffff:192.0.2.7")).toBe(true);
    expect(isOurs("[2001:DB8::7]", names, "2001:db8::7")).toBe(true);
    expect(isOurs("192.0.2.8", names, "192.0.2.7")).toBe(false);
    expect(isOurs("192.0.2.8", names, undefined)).toBe(false);
  });

  test("the scheme counts where we speak TLS; a proxy may speak it before us", () => {
    const host = "mail.example";
    const own = { host, origin: "https://mail.example" };
    expect([mayWrite(own, true), mayWrite(own, false)]).toEqual([true, true]);
    const plain = { host, origin: "http://mail.example" };
    expect([mayWrite(plain, true), mayWrite(plain, false)]).toEqual([false, true]);
    expect(mayWrite({ host, origin: "ftp://mail.example" }, false)).toBe(false);
    expect(mayWrite({ host: "mail.example:443", origin: "https://mail.example" }, true)).toBe(true);
    expect(mayWrite({ host: "mail.example:8443", origin: "https://mail.example" }, true)).toBe(false);
    expect(mayWrite({ host, origin: "https://mail.example/" }, true)).toBe(false);
    expect(mayWrite({ host, origin: "https://a@mail.example" }, true)).toBe(false);
    expect(mayRead({ host }, true)).toBe(true);
    expect(mayRead({ host, origin: "null" }, true)).toBe(false);
  });
});
