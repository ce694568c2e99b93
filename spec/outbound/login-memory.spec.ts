/** What was right a short while ago needs no scrypt run; what was changed, taken away or is wrong does. */
import { expect, test } from "vitest";
import { hashPassword, type PasswordUsers } from "../../src/core/password-hash.ts";
import { LoginDesk, type Login } from "../../src/outbound/login-desk.ts";
import { LoginMemory } from "../../src/outbound/login-memory.ts";
import { ManualClock } from "../fakes/manual-clock.ts";

const minute = 60_000;
const never = new AbortController().signal;

test("knows what it was told, for ten minutes, and nothing that differs in any part", () => {
  const memory = new LoginMemory();
  memory.remember("scanner", "hash", "geheim", 1000);
  expect(memory.knows("scanner", "hash", "geheim", 1000 + 10 * minute - 1)).toBe(true);
  expect(memory.knows("scanner", "hash", "geheim", 1000 + 10 * minute)).toBe(false);
  expect(memory.knows("scanner", "hash", "geheim", 999)).toBe(false);
  expect(memory.knows("scanner2", "hash", "geheim", 1000)).toBe(false);
  expect(memory.knows("scanner", "hash2", "geheim", 1000)).toBe(false);
  expect(memory.knows("scanner", "hash", "geheim2", 1000)).toBe(false);
  expect(memory.knows("scannerhash", "", "geheim", 1000)).toBe(false);
});

test("is bounded, and forgets the oldest first", () => {
  const memory = new LoginMemory();
  for (let n = 0; n <= 1000; n++) memory.remember(`user${n}`, "hash", "geheim", n);
  expect(memory.knows("user0", "hash", "geheim", 1000)).toBe(false);
  expect(memory.knows("user1", "hash", "geheim", 1000)).toBe(true);
});

test("a login is void as soon as its hash is changed or its user taken away, and nobody else's client profits", async () => {
  let hash = await hashPassword("geheim", { ln: 10 });
  const users = new Map([["scanner", { read: async () => hash }]]);
  const given: PasswordUsers = users;
  const clock = new ManualClock();
  const desk = new LoginDesk(given, { clock, events: { emit: () => undefined } });
  const login: Login = { user: "scanner", password: "geheim", client: "192.0.2.1", known: true };
  expect((await desk.check(login, never)).kind).toBe("ok");
  expect((await desk.check(login, never)).kind).toBe("ok");
  hash = await hashPassword("anders", { ln: 10 });
  const refused = desk.check(login, never);
  await clock.sleeping();
  await clock.advance(minute);
  expect((await refused).kind).toBe("no");
  expect((await desk.check({ ...login, password: "anders" }, never)).kind).toBe("ok");
  users.delete("scanner");
  expect((await desk.check({ ...login, password: "anders" }, never)).kind).toBe("no");
});

test("who was right before does not wait behind those who are being checked", async () => {
  const hash = await hashPassword("geheim", { ln: 10 });
  const blocked = Promise.withResolvers<string>();
  const users: PasswordUsers = new Map([
    ["scanner", { read: async () => hash }],
    ["slow", { read: async () => blocked.promise }],
  ]);
  const desk = new LoginDesk(users, { clock: new ManualClock(), events: { emit: () => undefined } });
  const login: Login = { user: "scanner", password: "geheim", client: "192.0.2.1", known: true };
  expect((await desk.check(login, never)).kind).toBe("ok");
  // All places are taken by logins whose hashes cannot be read yet.
  const others = ["192.0.2.2", "192.0.2.3"].map(async (client) =>
    desk.check({ user: "slow", password: "geheim", client, known: true }, never),
  );
  expect((await desk.check(login, never)).kind).toBe("ok");
  blocked.resolve(hash);
  expect((await Promise.all(others)).map(({ kind }) => kind)).toEqual(["ok", "ok"]);
});
