import { describe, expect, it } from "vitest";
import type { TlsPolicy } from "../../src/net/tls-policy.ts";
import { TlsSessions } from "../../src/net/tls-sessions.ts";

const policy: TlsPolicy = {
  mode: "implicit",
  ca: ["CA"],
  fingerprints: [],
  minVersion: "TLSv1.2",
  servername: undefined,
};
const session = Buffer.from("session");
const kept = { session, until: 60_000 };

function store(limits: { maxEntries?: number; maxAgeMs?: number } = {}) {
  const time = { now: 1000 };
  const clock = { now: () => time.now, sleep: () => Promise.reject(new Error("not used")) };
  return { time, sessions: new TlsSessions({ clock, ...limits }) };
}

describe("the session store", () => {
  it("offers a session only to the host, port and policy that it was made with", () => {
    const { sessions } = store();
    sessions.keep("mail.example", 995, policy, kept);
    expect(sessions.find("MAIL.example", 995, { ...policy })).toBe(kept);
    expect(sessions.find("mail.example", 110, policy)).toBeUndefined();
    expect(sessions.find("mail2.example", 995, policy)).toBeUndefined();
    const others: readonly Partial<TlsPolicy>[] = [
      { ca: [] },
      { ca: ["CA", "CB"] },
      { fingerprints: ["sha256:00"] },
      { mode: "opportunistic" },
      { minVersion: "TLSv1" },
      { servername: "other.example" },
    ];
    for (const change of others)
      expect(sessions.find("mail.example", 995, { ...policy, ...change }), JSON.stringify(change)).toBeUndefined();
    expect(sessions.find("mail.example", 995, policy)).toBe(kept);
  });

  it("holds few, and lets the longest unused go", () => {
    const { sessions } = store({ maxEntries: 2 });
    sessions.keep("a", 1, policy, kept);
    sessions.keep("b", 1, policy, kept);
    sessions.find("a", 1, policy);
    sessions.keep("c", 1, policy, kept);
    expect(sessions.size).toBe(2);
    expect(sessions.find("b", 1, policy)).toBeUndefined();
    expect(sessions.find("a", 1, policy)).toBe(kept);
  });

  it("lets a session go when its time is over", () => {
    const { sessions, time } = store();
    sessions.keep("a", 1, policy, { session, until: 1050 });
    time.now = 1049;
    expect(sessions.find("a", 1, policy)?.session).toBe(session);
    time.now = 1050;
    expect(sessions.find("a", 1, policy)).toBeUndefined();
    expect(sessions.size).toBe(0);
  });

  it("lets a session go that was made while the clock was ahead", () => {
    const { sessions, time } = store({ maxAgeMs: 100 });
    sessions.keep("a", 1, policy, { session, until: sessions.untilFor(Number.MAX_SAFE_INTEGER) });
    expect(sessions.find("a", 1, policy)?.session).toBe(session);
    time.now = 999;
    expect(sessions.find("a", 1, policy)).toBeUndefined();
  });

  it("reckons that time from the full handshake and its certificate", () => {
    const { sessions } = store({ maxAgeMs: 100 });
    expect(sessions.untilFor(1050)).toBe(1050);
    expect(sessions.untilFor(Number.MAX_SAFE_INTEGER)).toBe(1100);
    // Pinned although expired: age alone counts.
    expect(sessions.untilFor(10)).toBe(1100);
  });
});
