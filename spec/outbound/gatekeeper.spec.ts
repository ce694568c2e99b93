/** Limits, the life of a login, and what is told. Who may send what to whom is in `relay-matrix.spec.ts`. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Pass } from "../../src/outbound/port.ts";
import { MessageRate } from "../../src/outbound/client-counts.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { admitted, clientAt, codeOf, mailFrom, openGatekeeper, tls } from "./gatekeeper-support.ts";
import { relaySetUp } from "./relay-cases.ts";

const { user, password } = relaySetUp;
const own = mailFrom("user@firma.example");
const exchange = clientAt("192.168.1.9");

describe("connections", () => {
  test("so many of one client, and one more when one has ended", () => {
    const { keeper } = openGatekeeper({ clientConnections: 2 });
    const first = admitted(keeper, exchange);
    admitted(keeper, clientAt("::ffff:192.168.1.9"));
    const third = keeper.admit(exchange);
    expect(third).toMatchObject({ kind: "no", close: true, answer: { code: 421, enhanced: "4.7.0" } });
    // Others are not concerned.
    admitted(keeper, clientAt("192.168.1.10"));
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    admitted(keeper, exchange);
    expect(keeper.admit(exchange).kind).toBe("no");
  });

  test("so many in all", () => {
    const { keeper } = openGatekeeper({ connections: 3 });
    const passes = [1, 2, 3].map((host) => admitted(keeper, clientAt(`192.168.1.${host}`)));
    expect(keeper.admit(exchange)).toMatchObject({ close: true, answer: { code: 421, enhanced: "4.3.2" } });
    passes[1]?.[Symbol.dispose]();
    admitted(keeper, exchange);
  });

  test("strangers from everywhere leave half of them to those who are known", () => {
    const { keeper } = openGatekeeper({ connections: 10 });
    const strangers = Array.from({ length: 50 }, (_, host) => keeper.admit(clientAt(`203.0.113.${host}`)));
    expect(strangers.filter(({ kind }) => kind === "ok")).toHaveLength(5);
    const known = Array.from({ length: 50 }, (_, host) => keeper.admit(clientAt(`192.168.1.${host}`)));
    expect(known.filter(({ kind }) => kind === "ok")).toHaveLength(5);
  });

  test("who logs in makes room for another stranger, and is known when it comes again", async () => {
    const { keeper } = openGatekeeper({ connections: 2 });
    const client = clientAt("203.0.113.1", { tls });
    const pass = admitted(keeper, client);
    expect(keeper.admit(clientAt("203.0.113.2")).kind).toBe("no");
    expect(codeOf(await pass.logIn(user, password, client))).toBe("ok");
    const other = admitted(keeper, clientAt("203.0.113.2"));
    pass[Symbol.dispose]();
    admitted(keeper, client);
    other[Symbol.dispose]();
  });

  test("addresses of one /64 are one stranger", () => {
    const { keeper } = openGatekeeper({ clientConnections: 2 });
    admitted(keeper, clientAt("2001:db8:9::1"));
    admitted(keeper, clientAt("2001:db8:9::2"));
    expect(keeper.admit(clientAt("2001:db8:9::3")).kind).toBe("no");
    // In an allowed network each host is one of its own.
    for (const host of [1, 2, 3]) admitted(keeper, clientAt(`2001:db8:1::${host}`));
  });

  test("whatever comes and goes, the counts come back to nothing", () => {
    const hosts = fc.constantFrom("192.168.1.1", "192.168.1.2", "203.0.113.1", "203.0.113.2");
    const step = fc.record({ host: hosts, close: fc.boolean(), which: fc.nat(20) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { keeper } = openGatekeeper({ connections: 4, clientConnections: 2 });
        const open: Pass[] = [];
        for (const { host, close, which } of steps) {
          if (close && open.length > 0) open.splice(which % open.length, 1)[0]?.[Symbol.dispose]();
          else {
            const result = keeper.admit(clientAt(host));
            if (result.kind === "ok") open.push(result.pass);
          }
          expect(open.length).toBeLessThanOrEqual(4);
        }
        for (const pass of open) pass[Symbol.dispose]();
        for (const host of ["192.168.1.1", "192.168.1.1", "203.0.113.1", "203.0.113.2"])
          admitted(keeper, clientAt(host));
      }),
    );
  });
});

describe("messages, recipients, size", () => {
  test("so many messages of one client in a minute", () => {
    const clock = new ManualClock();
    const { keeper } = openGatekeeper({ clientMessagesPerMinute: 3 }, clock);
    const one = admitted(keeper, exchange);
    const two = admitted(keeper, exchange);
    expect([one, two, one, two, one].map((pass) => codeOf(pass.mail(own, exchange)))).toEqual([
      "ok",
      "ok",
      "ok",
      "450 4.7.1",
      "450 4.7.1",
    ]);
    const other = clientAt("192.168.1.10");
    expect(codeOf(admitted(keeper, other).mail(own, other))).toBe("ok");
    clock.set(clock.now() + 65_000);
    expect(codeOf(one.mail(own, exchange))).toBe("ok");
  });

  test("what is refused does not count", () => {
    const { keeper } = openGatekeeper({ clientMessagesPerMinute: 1 });
    const pass = admitted(keeper, exchange);
    expect(codeOf(pass.mail(mailFrom("user@foreign.example"), exchange))).toBe("550 5.7.1");
    expect(codeOf(pass.mail({ ...own, size: 60_000_000 }, exchange))).toBe("552 5.3.4");
    expect(codeOf(pass.mail(own, exchange))).toBe("ok");
  });

  test("in no minute more than the limit, and never nothing for longer than 65 s", () => {
    const limit = 5;
    const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 5, maxLength: 80 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 1e12 }), (gaps, start) => {
        const rate = new MessageRate(limit);
        const taken: number[] = [];
        let now = start;
        for (const gap of gaps) {
          now += gap;
          const recent = taken.filter((at) => at > now - 65_000).length;
          if (rate.take("c", now)) taken.push(now);
          else expect(recent).toBeGreaterThanOrEqual(limit);
        }
        for (const at of taken)
          expect(taken.filter((other) => other >= at && other < at + 60_000).length).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test("the slot at the far end of the minute still counts", () => {
    const rate = new MessageRate(1);
    expect(rate.take("c", 4999)).toBe(true);
    expect(rate.take("c", 60_000)).toBe(false);
    expect(rate.take("c", 64_999)).toBe(false);
    expect(rate.take("c", 65_000)).toBe(true);
  });

  test("a clock that is set back does not lock anybody out", () => {
    const rate = new MessageRate(1);
    expect(rate.take("c", 10_000_000)).toBe(true);
    expect(rate.take("c", 10_000_000)).toBe(false);
    expect(rate.take("c", 5_000_000)).toBe(true);
  });

  test("the limit of recipients", () => {
    const { keeper } = openGatekeeper({ maxRecipients: 100 });
    const pass = admitted(keeper, exchange);
    const to = mustAddress("user@foreign.example");
    expect(codeOf(pass.recipient(to, to, 99, exchange))).toBe("ok");
    expect(codeOf(pass.recipient(to, to, 100, exchange))).toBe("452 4.5.3");
  });

  test("SIZE against the limit as it is now", () => {
    const limit = { octets: 1000 };
    const { keeper } = openGatekeeper({ maxOctets: () => limit.octets });
    const pass = admitted(keeper, exchange);
    expect(codeOf(pass.mail({ ...own, size: 1000 }, exchange))).toBe("ok");
    expect(codeOf(pass.mail({ ...own, size: 1001 }, exchange))).toBe("552 5.3.4");
    limit.octets = 500;
    expect(codeOf(pass.mail({ ...own, size: 1000 }, exchange))).toBe("552 5.3.4");
    expect(codeOf(pass.mail(own, exchange))).toBe("ok");
  });
});

describe("what is told", () => {
  test("a refused sender is told what to do, in one line of ASCII", () => {
    const { keeper } = openGatekeeper();
    const verdict = admitted(keeper, exchange).mail(mailFrom("j\u00fcrgen@foreign.example"), exchange);
    if (verdict.kind === "ok") throw new Error("it was taken");
    expect(verdict.answer.text).toContain("foreign.example");
    expect(verdict.answer.text).toContain("sender_domains");
    expect(verdict.answer.text).toMatch(/^[ -~]+$/u);
    expect(verdict.close).toBe(false);
  });

  test("before TLS a stranger is told to begin with that", () => {
    const { keeper } = openGatekeeper();
    const client = clientAt("203.0.113.1");
    const verdict = admitted(keeper, client).mail(own, client);
    expect(codeOf(verdict)).toBe("530 5.7.0");
    expect(JSON.stringify(verdict)).toContain("STARTTLS");
  });
});

describe("a login", () => {
  test("is offered under TLS, and to this machine", () => {
    const { keeper } = openGatekeeper();
    const stranger = clientAt("203.0.113.1");
    const pass = admitted(keeper, stranger);
    expect(pass.mayLogIn(stranger)).toBe(false);
    expect(pass.mayLogIn({ ...stranger, tls })).toBe(true);
    const local = clientAt("127.0.0.1");
    expect(admitted(keeper, local).mayLogIn(local)).toBe(true);
    const none = openGatekeeper({ users: new Map() }).keeper;
    expect(admitted(none, exchange).mayLogIn({ ...exchange, tls })).toBe(false);
  });

  test("without users and without TLS strangers are refused at connect; under implicit TLS they are not", () => {
    const { keeper } = openGatekeeper({ tls: false });
    expect(codeOf(keeper.admit(clientAt("203.0.113.1")) as never)).toBe("554 5.7.1");
    admitted(keeper, clientAt("203.0.113.1", { tls }));
    admitted(keeper, clientAt("127.0.0.1"));
  });

  test("without users nothing is checked", async () => {
    const { keeper } = openGatekeeper({ users: new Map() });
    expect(codeOf(await admitted(keeper, exchange).logIn(user, password, exchange))).toBe("503 5.5.1");
  });

  test("made before STARTTLS is void after it", async () => {
    const { keeper } = openGatekeeper();
    const local = clientAt("127.0.0.1");
    const pass = admitted(keeper, local);
    expect(codeOf(await pass.logIn(user, password, local))).toBe("ok");
    expect(codeOf(pass.mail(own, { ...local, user }))).toBe("ok");
    expect(codeOf(pass.mail(own, { ...local, user, tls }))).toBe("530 5.7.0");
    expect(codeOf(pass.recipient(mustAddress("a@b.example"), "a@b.example", 0, { ...local, user, tls }))).toBe(
      "530 5.7.0",
    );
  });

  test("counts only where server and gatekeeper agree on the user", async () => {
    const { keeper } = openGatekeeper();
    const client = clientAt("203.0.113.1", { tls });
    const pass = admitted(keeper, client);
    expect(codeOf(pass.mail(own, { ...client, user }))).toBe("530 5.7.0");
    await pass.logIn(user, password, client);
    expect(codeOf(pass.mail(own, client))).toBe("530 5.7.0");
    expect(codeOf(pass.mail(own, { ...client, user: "another" }))).toBe("530 5.7.0");
    expect(codeOf(pass.mail(own, { ...client, user }))).toBe("ok");
  });

  test("holds for one connection", async () => {
    const { keeper } = openGatekeeper();
    const client = clientAt("203.0.113.1", { tls });
    const first = admitted(keeper, client);
    await first.logIn(user, password, client);
    expect(codeOf(admitted(keeper, client).mail(own, { ...client, user }))).toBe("530 5.7.0");
    first[Symbol.dispose]();
    expect(codeOf(first.mail(own, { ...client, user }))).toBe("421 4.3.2");
  });
});
