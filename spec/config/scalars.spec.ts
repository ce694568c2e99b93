import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, nearestKey } from "../../src/config/nearest-key.ts";
import { host, listenAddress, network, rate, readDuration, readSize } from "../../src/config/scalars.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

test.each([
  ["90s", 90 * second],
  ["5m", 5 * minute],
  ["5 min", 5 * minute],
  ["1h 30m", 90 * minute],
  ["1h30m", 90 * minute],
  ["1.5h", 90 * minute],
  ["14d", 14 * day],
  ["2w", 14 * day],
  ["250ms", 250],
  ["0s", 0],
])("the time %j", (text, ms) => {
  expect(readDuration(text)).toEqual({ kind: "ok", value: ms });
});

test.each(["", "5", "m", "5 fortnights", "-5m", "5m!", "m5", "5M", "1h 30", "1e3s"])("not a time: %j", (text) => {
  expect(readDuration(text).kind).toBe("bad");
});

test.each([
  ["25 MB", 25_000_000],
  ["25MB", 25_000_000],
  ["1 GiB", 1024 ** 3],
  ["1.5 kB", 1500],
  ["512", 512],
  ["10 gib", 10 * 1024 ** 3],
])("the size %j", (text, octets) => {
  expect(readSize(text)).toEqual({ kind: "ok", value: octets });
});

test.each(["", "25 megs", "-1 MB", "MB", "1 MB 2", "99999999 TiB"])("not a size: %j", (text) => {
  expect(readSize(text).kind).toBe("bad");
});

describe("hosts and networks", () => {
  test.each([
    ["Mail.Firma.Example", "mail.firma.example"],
    ["müller.example", "xn--mller-kva.example"],
    ["192.168.1.1", "192.168.1.1"],
    ["[::1]", "::1"],
    ["fe80::1", "fe80::1"],
  ])("host %j", (text, value) => {
    expect(host().parse(text)).toBe(value);
  });

  test.each(["", "a b", "http://a.example", "a.example:25", "256.1.1.1", "-a.example", "a..example"])(
    "not a host: %j",
    (text) => {
      expect(host().safeParse(text).success).toBe(false);
    },
  );

  test.each([
    ["192.168.0.0/16", "192.168.0.0/16"],
    ["10.0.0.1", "10.0.0.1/32"],
    ["fd00::/8", "fd00::/8"],
    ["::1", "::1/128"],
  ])("network %j", (text, value) => {
    expect(network().parse(text)).toBe(value);
  });

  test.each(["10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/x", "10.0.0.0/8/8", ""])("not a network: %j", (text) => {
    expect(network().safeParse(text).success).toBe(false);
  });

  test.each([
    ["0.0.0.0:25", { host: "0.0.0.0", port: 25 }],
    ["[::1]:2525", { host: "::1", port: 2525 }],
    ["*:25", { host: "::", port: 25 }],
    ["localhost:25", { host: "127.0.0.1", port: 25 }],
  ])("listen on %j", (text, value) => {
    expect(listenAddress().parse(text)).toEqual(value);
  });

  test.each(["25", "::1:25", "a.example:25", "0.0.0.0:0", "0.0.0.0:70000"])("not to listen on: %j", (text) => {
    expect(listenAddress().safeParse(text).success).toBe(false);
  });

  test("rates", () => {
    expect(rate().parse("30/minute")).toEqual({ messages: 30, perMs: minute });
    expect(rate().parse("500 per hour")).toEqual({ messages: 500, perMs: hour });
    expect(rate().safeParse("0/day").success).toBe(false);
    expect(rate().safeParse("30/month").success).toBe(false);
  });
});

describe("the nearest key", () => {
  const keys = ["host", "port", "user", "password", "every", "keep", "envelope", "max_size", "tls", "profile"];

  test.each([
    ["hsot", "host"],
    ["evry", "every"],
    ["passwort", "password"],
    ["Keep", "keep"],
    ["max-size", "max_size"],
    ["server", "host"],
    ["username", "user"],
    ["ssl", "tls"],
  ])("%s is meant to be %s", (written, meant) => {
    expect(nearestKey(written, keys)).toBe(meant);
  });

  test("nothing is proposed for what is like nothing", () => {
    expect(nearestKey("frobnicate", keys)).toBeUndefined();
  });

  test("the distance is one: 0 for the same, the same both ways, at most the longer text", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, `${a}x`)).toBe(1);
      }),
    );
  });
});
