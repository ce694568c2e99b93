/** Logging in and out at the web page: the cookie, who gets in, how long a session lasts, and that nobody can plant one. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { absoluteMs, idleMs, mostOfUser, WebSessions } from "../../src/admin/web-sessions.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { Followers } from "./interface.ts";
import { openPage, password } from "./web-support.ts";

const minuteMs = 60_000;

describe("login", () => {
  test("gives a session, and says what writes need", async () => {
    await using page = await openPage();
    const browser = page.browser();
    const answer = await browser.tryLogin();
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      user: "anna",
      csrf: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/u) as string,
      idleMs: 30 * minuteMs,
      until: page.clock.now() + 12 * 60 * minuteMs,
    });
    expect((await browser.get("/web/session")).json).toEqual(answer.json);
    expect((await browser.get("/v1/status")).status).toBe(200);
    expect(page.events.of("web-login")).toEqual([{ kind: "web-login", user: "anna", client: "127.0.0.1" }]);
  });

  test("the cookie is for this server only, and not for scripts", async () => {
    await using page = await openPage();
    const answer = await page.browser().tryLogin();
    expect(answer.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^popgate=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/u),
    ]);
  });

  test.each([
    ["a wrong password", "anna", "geraten"],
    ["a user that does not exist", "nobody", password],
    ["the name of another property", "__proto__", password],
  ])("%s: the same answer, and no cookie", async (_what, user, word) => {
    await using page = await openPage();
    const answer = await page.browser().tryLogin(user, word);
    expect(answer.status).toBe(401);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.json).toEqual({
      type: "about:blank",
      title: "Not logged in",
      status: 401,
      detail: "the name or the password is wrong",
    });
  });

  test.each([
    ["no JSON", "user=anna", { "content-type": "application/x-www-form-urlencoded" }, 415],
    ["text", '{"user":"anna","password":"x"}', { "content-type": "text/plain" }, 415],
    ["broken JSON", "{", { "content-type": "application/json" }, 400],
    ["no password", { user: "anna" }, {}, 400],
    ["a password that is none", { user: "anna", password: { $ne: "" } }, {}, 400],
    ["more than a login", { user: "anna", password, admin: true }, {}, 400],
    ["a body that is too large", { user: "anna", password: "x".repeat(9000) }, {}, 413],
  ])("%s is refused", async (_what, body, headers, status) => {
    await using page = await openPage();
    expect((await page.browser().post("/web/login", body, headers)).status).toBe(status);
  });

  test("does not take over a session that was there before: every login has a token of its own", async () => {
    await using page = await openPage();
    const planted = "A".repeat(43);
    const browser = page.browser();
    browser.cookie = `popgate=${planted}`;
    await browser.login();
    expect(browser.cookie).not.toContain(planted);
    const attacker = page.browser();
    attacker.cookie = `popgate=${planted}`;
    expect((await attacker.get("/web/session")).status).toBe(401);
    const before = browser.cookie;
    await browser.login("bert");
    expect(browser.cookie).not.toBe(before);
    const old = page.browser();
    old.cookie = before;
    expect((await old.get("/web/session")).status).toBe(401);
  });
});

describe("a session", () => {
  test("is over after logout, for whoever holds its cookie", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    const copy = page.browser();
    copy.cookie = browser.cookie;
    const answer = await browser.post("/web/logout");
    expect(answer.status).toBe(200);
    expect(answer.headers["set-cookie"]).toEqual(["popgate=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"]);
    expect((await copy.get("/v1/status")).status).toBe(401);
  });

  test("ends half an hour after the last request, and not before", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    await page.clock.advance(29 * minuteMs);
    expect((await browser.get("/v1/status")).status).toBe(200);
    await page.clock.advance(29 * minuteMs);
    expect((await browser.get("/v1/status")).status).toBe(200);
    await page.clock.advance(30 * minuteMs);
    const answer = await browser.get("/v1/status");
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Session login="/web/login"');
    expect(answer.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
  });

  test("ends twelve hours after the login, however busy", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    for (let minutes = 20; minutes < 12 * 60; minutes += 20) {
      await page.clock.advance(20 * minuteMs);
      expect((await browser.get("/web/session")).status).toBe(200);
    }
    await page.clock.advance(20 * minuteMs);
    expect((await browser.get("/web/session")).status).toBe(401);
  });

  test("ends when its user is taken out of the configuration", async () => {
    await using page = await openPage();
    const [anna, bert] = [await page.loggedIn("anna"), await page.loggedIn("bert")];
    page.users.delete("anna");
    expect((await anna.get("/v1/status")).status).toBe(401);
    expect((await bert.get("/v1/status")).status).toBe(200);
  });

  test("does not outlive the server", async () => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    await using next = await openPage();
    const after = next.browser();
    after.cookie = browser.cookie;
    expect((await after.get("/web/session")).status).toBe(401);
  });

  test.each([
    ["another one's characters", "popgate=zzz"],
    ["nothing", "popgate="],
    ["two of them", undefined],
    ["the cookie of TLS", "__Host-popgate"],
  ])("is not opened by %s", async (_what, cookie) => {
    await using page = await openPage();
    const browser = await page.loggedIn();
    const own = browser.cookie ?? "";
    if (cookie === undefined) browser.cookie = `${own}; ${own}`;
    else browser.cookie = cookie === "__Host-popgate" ? own.replace("popgate", cookie) : cookie;
    expect((await browser.get("/web/session")).status).toBe(401);
  });

  test.each([
    [
      "logout",
      async (page: Awaited<ReturnType<typeof openPage>>, cookie: string | undefined) => {
        const browser = page.browser();
        browser.cookie = cookie;
        const { json } = await browser.get("/web/session");
        await browser.post("/web/logout", {}, { "x-popgate-csrf": (json as { csrf: string }).csrf });
      },
    ],
    ["idleness", async (page: Awaited<ReturnType<typeof openPage>>) => page.clock.advance(idleMs)],
  ])("takes its live events along when it ends by %s", async (_what, end) => {
    const followers = new Followers();
    await using page = await openPage({ operations: { onEvent: (listener) => followers.onEvent(listener) } });
    const browser = await page.loggedIn();
    const stream = await page.open("/v1/events", { headers: browser.headers() });
    stream.on("error", () => undefined);
    stream.resume();
    await followers.count(1);
    const closed = new Promise((resolve) => {
      stream.once("close", resolve);
    });
    await end(page, browser.cookie);
    await closed;
    await followers.count(0);
    expect(stream.destroyed).toBe(true);
  });
});

describe("the store of sessions", () => {
  test("holds so many of one user: the one that was unused for longest gives way", async () => {
    const clock = new ManualClock();
    const sessions = new WebSessions(clock);
    const tokens: string[] = [];
    for (let at = 0; at < mostOfUser; at++) {
      tokens.push(sessions.open("anna").token);
      await clock.advance(1000);
    }
    const other = sessions.open("bert");
    sessions.use(tokens[0]!);
    sessions.open("anna");
    expect(tokens.map((token) => sessions.use(token) !== undefined)).toEqual([
      true,
      false,
      ...Array.from({ length: mostOfUser - 2 }, () => true),
    ]);
    expect(sessions.use(other.token)).toBe(other.session);
  });

  test("a clock that jumps back by more than a session may be idle ends it", () => {
    const clock = new ManualClock();
    const sessions = new WebSessions(clock);
    const { token } = sessions.open("anna");
    clock.set(clock.now() - idleMs);
    expect(sessions.use(token)).toBeUndefined();
  });

  test("`over` resolves at the end, without a request that finds it out", async () => {
    const clock = new ManualClock();
    const sessions = new WebSessions(clock);
    const { token } = sessions.open("anna");
    const over = sessions.over(token, new AbortController().signal);
    await clock.advance(idleMs - 1);
    expect(sessions.use(token)).toBeDefined();
    await clock.advance(1);
    expect(clock.waits).toEqual([clock.now() + idleMs - 1]);
    await clock.advance(absoluteMs);
    await over;
    expect(clock.waits).toEqual([]);
  });

  test("knows no token, only its hash", () => {
    const sessions = new WebSessions(new ManualClock());
    const { token } = sessions.open("anna");
    expect(sessions.use(createHash("sha256").update(token).digest("base64url"))).toBeUndefined();
    expect(sessions.use(token)).toBeDefined();
  });
});
