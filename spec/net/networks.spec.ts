import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isLoopbackAddress, networksOf, plainAddress, strangerKey } from "../../src/net/networks.ts";

describe("networks", () => {
  const networks = networksOf(["192.168.1.0/24", "10.0.0.5", "2001:db8:1::/64", "fd00::7/128"]);

  test.each([
    ["192.168.1.1", true],
    ["::ffff:192.168.1.1", true],
    ["::FFFF:C0A8:0101", true],
    ["192.168.2.1", false],
    ["10.0.0.5", true],
    ["10.0.0.6", false],
    ["2001:DB8:1:0::1", true],
    ["2001:db8:1::1%eth0", true],
    ["2001:db8:1:1::1", false],
    ["fd00::7", true],
    ["fd00::8", false],
    ["", false],
    ["localhost", false],
    ["192.168.1", false],
    ["192.168.1.1.firma.example", false],
  ])("%s: %s", (address, inside) => {
    expect(networks.has(address)).toBe(inside);
  });

  test("a network written as mapped IPv4 is the IPv4 network", () => {
    const mapped = networksOf(["::ffff:192.168.1.0/120"]);
    expect(mapped.has("192.168.1.7")).toBe(true);
    expect(mapped.has("::ffff:192.168.1.7")).toBe(true);
    expect(mapped.has("192.168.2.7")).toBe(false);
  });

  test("host bits of a network do not matter", () => {
    expect(networksOf(["192.168.1.77/24"]).has("192.168.1.1")).toBe(true);
  });

  test.each(["firma.example", "192.168.1.0/33", "::/129", "::ffff:1.2.3.4/90", "10.0.0.0/x", ""])(
    "%j is none",
    (text) => {
      expect(() => networksOf([text])).toThrow("not a network");
    },
  );

  test("without networks, nobody is in one", () => {
    expect(networksOf([]).has("127.0.0.1")).toBe(false);
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.9.8.7", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["::", false],
  ["0.0.0.0", false],
  ["192.168.1.1", false],
])("%s is this machine: %s", (address, yes) => {
  expect(isLoopbackAddress(address)).toBe(yes);
});

describe("names under which clients are counted", () => {
  test.each([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["192.0.2.1", "192.0.2.1"],
    ["nonsense", "nonsense"],
  ])("%s is %s", (written, plain) => {
    expect(plainAddress(written)).toBe(plain);
  });

  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::192.0.2.1", "0:0:0:0::/64"],
    ["fe80::", "fe80:0:0:0::/64"],
  ])("a stranger at %s is counted as %s", (address, key) => {
    expect(strangerKey(address)).toBe(key);
  });

  test("all addresses of a /64 have one key, those of two have two", () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const groups = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(groups, groups, groups, (net, a, b) => {
        // 64:ff9b and ::ffff:0:0/96 aside, where the first groups are all zero and IPv4 begins.
        fc.pre(net.some((value) => value !== 0));
        const write = (host: number[]) => [...net, ...host].map((value) => value.toString(16)).join(":");
        expect(strangerKey(write(a))).toBe(strangerKey(write(b)));
        const other = [...net.slice(0, 3), ((net[3] ?? 0) + 1) % 0x10000, ...a].map((v) => v.toString(16)).join(":");
        expect(strangerKey(other)).not.toBe(strangerKey(write(a)));
      }),
    );
  });
});
