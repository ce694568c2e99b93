/** Guessing passwords: pauses, the end of the connection, the lock; and that a flood of logins leaves others their turn. */
import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { hashPassword, type PasswordUsers } from "../../src/core/password-hash.ts";
import { LoginDesk, type Login } from "../../src/outbound/login-desk.ts";
import { LoginQueue, type Turn } from "../../src/outbound/login-queue.ts";
import type { Verdict } from "../../src/outbound/port.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { admitted, clientAt, codeOf, openGatekeeper, tls } from "./gatekeeper-support.ts";
import { relaySetUp } from "./relay-cases.ts";

const password = "streng geheim";
const never = new AbortController().signal;
let hash = "";
beforeAll(async () => {
  hash = await hashPassword(password, { ln: 10 });
});

interface Desk {
  readonly desk: LoginDesk;
  readonly clock: ManualClock;
  readonly events: PopgateEvent[];
}

function openDesk(users: PasswordUsers = new Map([["scanner", { read: async () => hash }]])): Desk {
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  return { desk: new LoginDesk(users, { clock, events: { emit: (event) => void events.push(event) } }), clock, events };
}

function login(password: string, more: Partial<Login> = {}): Login {
  return { user: "scanner", password, client: "203.0.113.1", known: false, ...more };
}

/** The answer, and how long it took by the clock. */
async function answered({ desk, clock }: Desk, of: Login): Promise<{ code: string; pauseMs: number }> {
  const start = clock.now();
  const answer = desk.check(of, never);
  const settled = await Promise.race([answer.then((verdict) => verdict), clock.sleeping(start)]);
  if (settled !== undefined) return { code: codeOf(settled), pauseMs: 0 };
  const until = clock.waits[0] ?? start;
  await clock.advance(until - start);
  return { code: codeOf(await answer), pauseMs: until - start };
}

describe("one login", () => {
  test("right: at once", async () => {
    expect(await answered(openDesk(), login(password))).toEqual({ code: "ok", pauseMs: 0 });
  });

  test("wrong password and unknown user: the same answer, after the same pause", async () => {
    const wrong = await answered(openDesk(), login("geraten"));
    expect(wrong).toEqual({ code: "535 5.7.8", pauseMs: 1000 });
    expect(await answered(openDesk(), login("geraten", { user: "nobody" }))).toEqual(wrong);
    expect(await answered(openDesk(), login("geraten", { user: "" }))).toEqual(wrong);
    expect(await answered(openDesk(), login("geraten", { user: "__proto__" }))).toEqual(wrong);
  });

  test("an unknown user is compared with a hash too, and not let in by its password", async () => {
    let reads = 0;
    const counting: PasswordUsers = new Map([["scanner", { read: async () => (reads++, hash) }]]);
    const desk = openDesk(counting);
    expect(await answered(desk, login(password, { user: "nobody" }))).toMatchObject({ code: "535 5.7.8" });
    expect(reads).toBe(1);
    expect(await answered(desk, login(password, { user: "Scanner" }))).toMatchObject({ code: "535 5.7.8" });
  });

  test("a password that merely begins like a very long one is wrong", async () => {
    const long = "x".repeat(1024);
    const longHash = await hashPassword(long, { ln: 10 });
    const desk = openDesk(new Map([["scanner", { read: async () => longHash }]]));
    expect(await answered(desk, login(long))).toMatchObject({ code: "ok" });
    expect(await answered(desk, login(`${long}y`))).toMatchObject({ code: "535 5.7.8" });
  });

  test("a changed password counts from the next login on", async () => {
    let present = hash;
    const desk = openDesk(new Map([["scanner", { read: async () => present }]]));
    expect(await answered(desk, login(password))).toMatchObject({ code: "ok" });
    present = await hashPassword("neu", { ln: 10 });
    expect(await answered(desk, login(password))).toMatchObject({ code: "535 5.7.8" });
    expect(await answered(desk, login("neu"))).toMatchObject({ code: "ok" });
  });

  test("a hash that cannot be read, or is none: 454, told once, and again when it changes", async () => {
    let read = async (): Promise<string> => Promise.reject(new Error("the file x does not exist"));
    const desk = openDesk(new Map([["scanner", { read: async () => read() }]]));
    expect(await answered(desk, login(password))).toEqual({ code: "454 4.7.0", pauseMs: 0 });
    expect(await answered(desk, login(password))).toMatchObject({ code: "454 4.7.0" });
    read = async () => "a plain password";
    expect(await answered(desk, login("a plain password"))).toMatchObject({ code: "454 4.7.0" });
    const told = desk.events.map((event) => (event.kind === "password-unreadable" ? event.detail : event.kind));
    expect(told).toEqual(["the file x does not exist", "it holds no hash of a password: make one with popgate passwd"]);
    expect(JSON.stringify(desk.events)).not.toContain("a plain password");
    read = async () => hash;
    expect(await answered(desk, login(password))).toMatchObject({ code: "ok" });
  });

  test("ends when the connection does, in the pause as well", async () => {
    const { desk, clock } = openDesk();
    const end = new AbortController();
    const answer = desk.check(login("geraten"), end.signal);
    await clock.sleeping(clock.now() + 1);
    end.abort(new Error("gone"));
    expect(codeOf(await answer)).toBe("421 4.3.2");
    expect(clock.waits).toEqual([]);
    expect(codeOf(await desk.check(login(password), end.signal))).toBe("421 4.3.2");
  });
});

describe("guessing", () => {
  test("each pause is twice the last; after ten failures the client is locked out, then twice as long", async () => {
    const desk = openDesk();
    const pauses: number[] = [];
    for (let guess = 0; guess < 10; guess++) pauses.push((await answered(desk, login(`guess ${guess}`))).pauseMs);
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000, 16_000, 16_000, 16_000, 16_000]);
    // The right password does not open the lock either.
    expect(await answered(desk, login(password))).toEqual({ code: "421 4.7.0", pauseMs: 0 });
    expect(desk.desk.lockedOut("203.0.113.1")).toBe(true);
    expect(desk.desk.lockedOut("203.0.113.2")).toBe(false);
    expect(await answered(desk, login(password, { client: "203.0.113.2" }))).toMatchObject({ code: "ok" });
    await desk.clock.advance(15 * 60_000);
    for (let guess = 0; guess < 10; guess++) await answered(desk, login("geraten"));
    await desk.clock.advance(16 * 60_000);
    expect(desk.desk.lockedOut("203.0.113.1")).toBe(true);
    await desk.clock.advance(16 * 60_000);
    expect(await answered(desk, login(password))).toMatchObject({ code: "ok" });
    expect(desk.events.map(({ kind }) => kind)).toEqual(["logins-locked", "logins-locked"]);
    expect(desk.events[0]).toMatchObject({ client: "203.0.113.1", failures: 10 });
  });

  test("a clock that is set back makes the lock begin anew, not last until it has caught up", async () => {
    const desk = openDesk();
    for (let guess = 0; guess < 10; guess++) await answered(desk, login("geraten"));
    desk.clock.set(desk.clock.now() - 365 * 86_400_000);
    expect(desk.desk.lockedOut("203.0.113.1")).toBe(true);
    await desk.clock.advance(15 * 60_000 - 1);
    expect(desk.desk.lockedOut("203.0.113.1")).toBe(true);
    await desk.clock.advance(1);
    expect(await answered(desk, login(password))).toMatchObject({ code: "ok" });
  });

  test("a success forgives what was mistyped before", async () => {
    const desk = openDesk();
    for (let guess = 0; guess < 9; guess++) await answered(desk, login("vertippt"));
    expect(await answered(desk, login(password))).toMatchObject({ code: "ok" });
    expect(await answered(desk, login("vertippt"))).toMatchObject({ pauseMs: 1000 });
  });

  test("guesses made at the same time are counted before the next is tried", async () => {
    let reads = 0;
    const { desk, clock } = openDesk(new Map([["scanner", { read: async () => (reads++, hash) }]]));
    const answers = Array.from({ length: 12 }, async (_, guess) => desk.check(login(`guess ${guess}`), never));
    const turned: Promise<Verdict[]> = Promise.all(answers);
    const done = turned.then(() => "done");
    while ((await Promise.race([done, clock.sleeping().then(() => "sleeping")])) !== "done")
      await clock.advance(16_000);
    const codes = (await turned).map(codeOf);
    expect(codes.filter((code) => code === "535 5.7.8")).toHaveLength(10);
    expect(codes.filter((code) => code === "421 4.7.0")).toHaveLength(2);
    // Two run at a time: one may have begun when the tenth failed; nothing is computed for the others.
    expect(reads).toBeLessThanOrEqual(11);
  });

  test("over a connection: the third failure ends it, and at the lock strangers are refused at connect", async () => {
    const { keeper, events } = openGatekeeper();
    const client = clientAt("203.0.113.1", { tls });
    const codes: string[] = [];
    for (let connection = 0; connection < 4; connection++) {
      const admission = keeper.admit(client);
      if (admission.kind === "no") {
        codes.push(`connect ${codeOf(admission)}`);
        break;
      }
      using pass = admission.pass;
      for (let guess = 0; guess < 3; guess++) {
        const verdict = await pass.logIn(relaySetUp.user, `guess ${guess}`, client);
        codes.push(codeOf(verdict));
        if (verdict.kind === "no" && verdict.close) break;
      }
    }
    const one = ["535 5.7.8", "535 5.7.8", "421 4.7.0"];
    expect(codes).toEqual([...one, ...one, ...one, "535 5.7.8", "421 4.7.0"]);
    expect(keeper.admit(client)).toMatchObject({ kind: "no", close: true, answer: { code: 421 } });
    expect(JSON.stringify(events)).not.toContain("guess");
    expect(events.map(({ kind }) => kind)).toEqual(["logins-locked"]);
  });

  test("an allowed host that is locked out may send as before", async () => {
    const { keeper } = openGatekeeper();
    const client = clientAt("192.168.1.9", { tls });
    for (let connection = 0; connection < 4; connection++) {
      using pass = admitted(keeper, client);
      for (let guess = 0; guess < 3; guess++) await pass.logIn(relaySetUp.user, "geraten", client);
    }
    using pass = admitted(keeper, client);
    expect(codeOf(await pass.logIn(relaySetUp.user, relaySetUp.password, client))).toBe("421 4.7.0");
    const reversePath = { kind: "null" } as const;
    const nothing = { size: undefined, body: undefined, ret: undefined, envid: undefined };
    expect(codeOf(pass.mail({ ...nothing, reversePath, smtpUtf8: false, requireTls: false }, client))).toBe("ok");
  });
});

describe("a flood", () => {
  const turn = async (queue: LoginQueue, key: string, trusted: boolean): Promise<Turn> => {
    const place = await queue.enter(key, trusted, never);
    if (place === "full") throw new Error("full");
    return place;
  };

  test("two at a time; who is trusted goes before all strangers", async () => {
    const queue = new LoginQueue();
    const running = [await turn(queue, "a", false), await turn(queue, "b", false)];
    const order: string[] = [];
    const waiting = ["c", "d", "e"].map(async (key) => {
      using _place = await turn(queue, key, false);
      order.push(key);
    });
    waiting.push(
      (async () => {
        using _place = await turn(queue, "exchange", true);
        order.push("exchange");
      })(),
    );
    running[0]?.[Symbol.dispose]();
    running[0]?.[Symbol.dispose]();
    await Promise.all(waiting);
    expect(order).toEqual(["exchange", "c", "d", "e"]);
    running[1]?.[Symbol.dispose]();
    // Both places are free again, and no more than these.
    await turn(queue, "f", false);
    await turn(queue, "g", false);
    const third = turn(queue, "h", false).then(() => "in");
    expect(await Promise.race([third, Promise.resolve("waits")])).toBe("waits");
  });

  test("one stranger may have ten in the queue, all strangers thirty-two; the trusted still get in", async () => {
    const queue = new LoginQueue();
    const places = [await turn(queue, "a", false), await turn(queue, "b", false)];
    const answers: string[] = [];
    const ask = async (key: string, trusted = false): Promise<void> => {
      const place = await queue.enter(key, trusted, never);
      answers.push(`${key} ${place === "full" ? "full" : "in"}`);
      if (place !== "full") place[Symbol.dispose]();
    };
    const asked = Array.from({ length: 15 }, async () => ask("one"));
    for (let i = 0; i < 40; i++) asked.push(ask(`stranger ${i}`));
    asked.push(ask("exchange", true));
    await Promise.resolve();
    for (const place of places) place[Symbol.dispose]();
    await Promise.all(asked);
    expect(answers.filter((answer) => answer === "one full")).toHaveLength(5);
    expect(answers.filter((answer) => /^stranger \d+ in$/u.test(answer))).toHaveLength(22);
    expect(answers).toContain("exchange in");
  });

  test("of logins leaves threads to read files with, for all that waits", async () => {
    const slow = await hashPassword(password, { ln: 13 });
    const { desk } = openDesk(new Map([["scanner", { read: async () => slow }]]));
    let open = 20;
    const logins = Array.from({ length: open }, async () => {
      const verdict = await desk.check(login(password, { known: true }), never);
      open--;
      return codeOf(verdict);
    });
    await readFile(new URL(import.meta.url));
    // Without the queue the file would wait behind nearly all of them: Node has four threads for both.
    expect(open).toBeGreaterThanOrEqual(10);
    expect(new Set(await Promise.all(logins))).toEqual(new Set(["ok"]));
  });

  test("who gives up leaves the queue", async () => {
    const queue = new LoginQueue();
    const places = [await turn(queue, "a", false), await turn(queue, "b", false)];
    const end = new AbortController();
    const given = queue.enter("c", false, end.signal);
    const after = turn(queue, "d", false);
    end.abort(new Error("gone"));
    await expect(given).rejects.toThrow("gone");
    places[0]?.[Symbol.dispose]();
    (await after)[Symbol.dispose]();
    await expect(queue.enter("e", false, end.signal)).rejects.toThrow("gone");
  });
});
