/** Guessing passwords at the web page: who has to wait, for how long, and that nobody can lock out the administrator. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { addressRules, userRules, WebLoginDesk } from "../../src/admin/web-login.ts";
import { hashPassword, type PasswordSource } from "../../src/core/password-hash.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList } from "../spool/support.ts";
import { WebFailures } from "../../src/admin/web-failures.ts";
import { openPage, password, userWith } from "./web-support.ts";

const never = new AbortController().signal;
const minuteMs = 60_000;
let hash = "";
beforeAll(async () => {
  hash = await hashPassword(password, { ln: 10 });
});

interface Desk {
  readonly desk: WebLoginDesk;
  readonly clock: ManualClock;
  readonly events: EventList;
  /** What a login comes to. */
  readonly login: (user: string, word: string, address?: string) => Promise<string>;
}

function openDesk(users: readonly (readonly [string, PasswordSource])[] = [["anna", userWith(hash)]]): Desk {
  const clock = new ManualClock();
  const events = new EventList();
  const known = new Map(users);
  const desk = new WebLoginDesk({ clock, events, users: () => known });
  return {
    desk,
    clock,
    events,
    login: async (user, word, address = "203.0.113.1") =>
      (await desk.check({ user, password: word, address }, never)).kind,
  };
}

/** Fails so many times, each from an address of its own. */
async function failFrom({ login }: Desk, user: string, times: number, network = "198.51"): Promise<void> {
  for (let at = 0; at < times; at++)
    expect(await login(user, "geraten", `${network}.${Math.floor(at / 250)}.${(at % 250) + 1}`)).toBe("wrong");
}

describe("an address", () => {
  test("waits after five failures, whatever names it tries and whatever it says then", async () => {
    const desk = openDesk();
    for (const user of ["anna", "nobody", "anna", "root", "anna"])
      expect(await desk.login(user, "geraten")).toBe("wrong");
    expect(await desk.login("anna", password)).toBe("wait");
    expect(await desk.login("anna", password, "203.0.113.2")).toBe("right");
    await desk.clock.advance(addressRules.firstMs - 1);
    expect(await desk.login("anna", password)).toBe("wait");
    await desk.clock.advance(1);
    expect(await desk.login("anna", password)).toBe("right");
    expect(desk.events.of("logins-locked")).toEqual([
      { kind: "logins-locked", client: "203.0.113.1", failures: 5, until: desk.clock.now() },
    ]);
  });

  test("waits anew, and not until it has caught up, when the clock is set back", async () => {
    const desk = openDesk();
    for (let guess = 0; guess < 5; guess++) expect(await desk.login("anna", "geraten")).toBe("wrong");
    desk.clock.set(desk.clock.now() - 365 * 86_400_000);
    expect(await desk.login("anna", password)).toBe("wait");
    await desk.clock.advance(addressRules.firstMs - 1);
    expect(await desk.login("anna", password)).toBe("wait");
    await desk.clock.advance(1);
    expect(await desk.login("anna", password)).toBe("right");
  });

  test("waits twice as long each time, up to a day; a success forgives", async () => {
    const { clock, login, events } = openDesk();
    const waits: number[] = [];
    for (let round = 0; round < 10; round++) {
      for (let at = 0; at < 5; at++) await login("anna", "geraten");
      const { until } = events.of("logins-locked").at(-1)!;
      waits.push((until - clock.now()) / minuteMs);
      await clock.advance(until - clock.now());
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 1440]);
    expect(await login("anna", password)).toBe("right");
    for (let at = 0; at < 5; at++) await login("anna", "geraten");
    expect(events.of("logins-locked").at(-1)!.until - clock.now()).toBe(addressRules.firstMs);
  });

  test("of IPv6 is the /64 that one subscriber has; IPv4 is the same however it is written", async () => {
    const { login } = openDesk();
    for (let at = 1; at <= 5; at++) await login("anna", "geraten", `2001:db8:0:1::${at}`);
    expect(await login("anna", password, "2001:db8:0:1:ffff::9")).toBe("wait");
    expect(await login("anna", password, "2001:db8:0:2::1")).toBe("right");
    for (let at = 0; at < 5; at++) await login("anna", "geraten", "::ffff:203.0.113.7");
    expect(await login("anna", password, "203.0.113.7")).toBe("wait");
  });

  test("that guesses many at once has no more guesses than one after the other", async () => {
    const { desk, login } = openDesk();
    const answers: string[] = [];
    for (let round = 0; round < 4; round++)
      answers.push(...(await Promise.all(Array.from({ length: 4 }, async () => login("anna", "geraten")))));
    expect(answers.filter((answer) => answer === "wrong")).toHaveLength(5);
    expect(answers.filter((answer) => answer === "wait")).toHaveLength(11);
    expect((await desk.check({ user: "anna", password, address: "203.0.113.1" }, never)).kind).toBe("wait");
  });
});

describe("a user", () => {
  test("is guarded after twenty failures from wherever, but not where they have logged in before", async () => {
    const desk = openDesk();
    expect(await desk.login("anna", password, "192.0.2.1")).toBe("right");
    await failFrom(desk, "anna", userRules.toLock);
    expect(await desk.login("anna", password, "203.0.113.200")).toBe("wait");
    expect(await desk.login("anna", password, "192.0.2.1")).toBe("right");
    expect(desk.events.of("web-user-guarded")).toEqual([
      { kind: "web-user-guarded", user: "anna", failures: 20, until: desk.clock.now() + userRules.firstMs },
    ]);
    await desk.clock.advance(userRules.firstMs);
    expect(await desk.login("anna", password, "203.0.113.200")).toBe("right");
  });

  test("waits an hour at most", async () => {
    const desk = openDesk();
    const waits: number[] = [];
    for (let round = 0; round < 6; round++) {
      await failFrom(desk, "anna", userRules.toLock, `198.${round}`);
      const { until } = desk.events.of("web-user-guarded").at(-1)!;
      waits.push((until - desk.clock.now()) / minuteMs);
      await desk.clock.advance(until - desk.clock.now());
    }
    expect(waits).toEqual([5, 10, 20, 40, 60, 60]);
  });

  test("that does not exist is guarded all the same, and not told of", async () => {
    const desk = openDesk();
    await failFrom(desk, "geheimes Wort", userRules.toLock);
    expect(await desk.login("geheimes Wort", "x", "203.0.113.200")).toBe("wait");
    expect(await desk.login("anna", password, "203.0.113.200")).toBe("right");
    expect(desk.events.of("web-user-guarded")).toEqual([]);
    expect(JSON.stringify(desk.events.all)).not.toContain("geheim");
  });

  test("cannot be crowded out of memory by names that do not exist", async () => {
    const desk = openDesk();
    await failFrom(desk, "anna", userRules.toLock - 1);
    const crowd = new WebFailures(userRules, desk.clock);
    for (let at = 0; at < userRules.most * 2; at++) crowd.add(`name ${at}`);
    expect(crowd.size).toBe(userRules.most);
    await desk.login("nobody", "geraten", "203.0.113.9");
    await desk.login("anna", "geraten", "203.0.113.10");
    expect(await desk.login("anna", password, "203.0.113.11")).toBe("wait");
  });
});

describe("a comparison", () => {
  test("is made for an unknown user too, with somebody's hash, whose password does not let them in", async () => {
    let reads = 0;
    const counted: PasswordSource = { read: async () => (reads++, hash) };
    const { login } = openDesk([["anna", counted]]);
    expect(await login("nobody", password)).toBe("wrong");
    expect(reads).toBe(1);
  });

  test("is made when there is nobody at all, or nobody whose hash can be read", async () => {
    expect(await openDesk([]).login("nobody", password)).toBe("wrong");
    const broken = openDesk([["anna", { read: async () => Promise.reject(new Error("there is no such file")) }]]);
    expect(await broken.login("nobody", password)).toBe("wrong");
    expect(await broken.login("anna", password)).toBe("fault");
    expect(await broken.login("anna", password)).toBe("fault");
    expect(broken.events.of("password-unreadable")).toEqual([
      { kind: "password-unreadable", user: "anna", detail: "there is no such file" },
    ]);
  });

  test("a text that is no hash lets nobody in, and is told of", async () => {
    const { login, events } = openDesk([["anna", userWith("streng geheim")]]);
    expect(await login("anna", password)).toBe("fault");
    expect(events.of("password-unreadable")[0]?.detail).toContain("popgate passwd");
  });

  test("a changed password counts at once", async () => {
    let present = hash;
    const { login } = openDesk([["anna", { read: async () => present }]]);
    expect(await login("anna", password)).toBe("right");
    present = await hashPassword("neu", { ln: 10 });
    expect(await login("anna", password)).toBe("wrong");
    expect(await login("anna", "neu")).toBe("right");
  });

  test("one at a time; few wait, few of them from one address, and a client that leaves gives its place back", async () => {
    const first = Promise.withResolvers<string>();
    let running = 0;
    let most = 0;
    const slow: PasswordSource = {
      read: async () => {
        most = Math.max(most, ++running);
        const text = await first.promise;
        running--;
        return text;
      },
    };
    const { desk, login } = openDesk([["anna", slow]]);
    const gone = new AbortController();
    const mine = Array.from({ length: 4 }, async () => login("anna", password));
    expect(await login("anna", password)).toBe("busy");
    const others = Array.from({ length: 11 }, async (_, at) => login("anna", password, `192.0.2.${at}`));
    const leaving = desk.check({ user: "anna", password, address: "192.0.2.99" }, gone.signal);
    expect(await login("anna", password, "192.0.2.100")).toBe("busy");
    gone.abort(new Error("the client has gone"));
    first.resolve(hash);
    await expect(leaving).rejects.toThrow("the client has gone");
    expect(new Set(await Promise.all([...mine, ...others]))).toEqual(new Set(["right"]));
    expect(most).toBe(1);
    expect(await login("anna", password)).toBe("right");
  });

  test("leaves threads to others: a file is read while many log in", async () => {
    const dear = await hashPassword(password, { ln: 14 });
    const { login } = openDesk([["anna", userWith(dear)]]);
    const answers = Array.from({ length: 8 }, async (_, at) => login("anna", "geraten", `192.0.2.${at}`));
    let done = 0;
    for (const answer of answers) void answer.then(() => done++);
    await readFile(import.meta.filename);
    expect(done).toBeLessThan(answers.length);
    await Promise.all(answers);
  });
});

describe("over HTTP", () => {
  test("who has to wait is told for how long, and a session that is there is not touched", async () => {
    await using page = await openPage();
    const inside = await page.loggedIn();
    const browser = page.browser();
    for (let at = 0; at < 5; at++) expect((await browser.tryLogin("anna", "geraten")).status).toBe(401);
    const answer = await browser.tryLogin();
    expect(answer.status).toBe(429);
    expect(answer.headers["retry-after"]).toBe("300");
    expect(answer.json).toMatchObject({ detail: "too many logins have failed: try again in 5 minutes" });
    expect((await inside.get("/v1/status")).status).toBe(200);
    await page.clock.advance(5 * minuteMs);
    expect((await browser.tryLogin()).status).toBe(200);
    expect(page.events.of("web-login-failed")).toHaveLength(5);
  });

  test("a hash that cannot be read is our fault, and told without its words", async () => {
    await using page = await openPage();
    page.users.set("anna", { read: async () => Promise.reject(new Error("/etc/popgate/anna: no such file")) });
    const answer = await page.browser().tryLogin();
    expect(answer.status).toBe(503);
    expect(answer.text).not.toContain("/etc/popgate");
  });
});
