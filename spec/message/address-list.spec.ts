import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddressList } from "../../src/message/address-list.ts";

const cases: readonly [string, readonly string[], readonly string[]][] = [
  ["a@firma.example", ["a@firma.example"], []],
  ["<a@firma.example>, <b@firma.example>", ["a@firma.example", "b@firma.example"], []],
  [
    "<a@firma.example>,\r\n\t<b@firma.example>,\r\n <c@firma.example>",
    ["a@firma.example", "b@firma.example", "c@firma.example"],
    [],
  ],
  ["a@x.example; b@x.example", ["a@x.example", "b@x.example"], []],
  ["a@x.example b@x.example", ["a@x.example", "b@x.example"], []],
  ["<a@x.example> <b@x.example>", ["a@x.example", "b@x.example"], []],
  ["A@FIRMA.EXAMPLE", ["A@firma.example"], []],
  ["<a@x.example> (uid 0)", ["a@x.example"], []],
  ["(c1 (c2 \\) ) ) a@x.example (b@evil.example)", ["a@x.example"], []],
  ['"x@evil.example" <a@x.example>', ["a@x.example"], []],
  ["x@evil.example <a@x.example>", ["a@x.example"], []],
  ["=?utf-8?q?M=C3=BCller?= <a@x.example>", ["a@x.example"], []],
  ["Team: a@x.example, b@x.example;", ["a@x.example", "b@x.example"], []],
  ["Team: a@x.example, b@x.example;, c@x.example", ["a@x.example", "b@x.example", "c@x.example"], []],
  ["undisclosed-recipients:;", [], []],
  ["mailto:a@x.example", ["a@x.example"], []],
  ["<@relay.example,@other.example:a@x.example>", ["a@x.example"], []],
  ["<a@x.example;b@x.example>", [], ["<a@x.example;b@x.example>"]],
  ["<a:b@x.example>", [], ["<a:b@x.example>"]],
  ['"a b"@x.example', ['"a b"@x.example'], []],
  ['<"a@b"@x.example>', ['"a@b"@x.example'], []],
  ["a @ x . example", ["a@x.example"], []],
  ["a@(comment)x.example", ["a@x.example"], []],
  ["a@[192.0.2.1]", ["a@[192.0.2.1]"], []],
  ["a@[IPv6:2001:db8::1], b@x.example", ["a@[IPv6:2001:db8::1]", "b@x.example"], []],
  ["müller@firma.example", ["müller@firma.example"], []],
  ["a@bücher.example", ["a@xn--bcher-kva.example"], []],
  ["a@xn--bcher-kva.example", ["a@xn--bcher-kva.example"], []],
  ["", [], []],
  [" , ;", [], []],
  ["a@x.example, rubbish", ["a@x.example"], ["rubbish"]],
  ['<"|/home/list/run"> (uid 0)', [], ['<"|/home/list/run">']],
  ["GMX delivery to a@x.example", [], ["GMX delivery to a@x.example"]],
  ["Hans a@x.example", [], ["Hans a@x.example"]],
  ["<a b@x.example>", [], ["<a b@x.example>"]],
  ["<a@x.example> b@x.example", [], ["<a@x.example> b@x.example"]],
  ["<>", [], ["<>"]],
  ["a@x.example, <b@x.example", ["a@x.example"], ["<b@x.example"]],
  ['"open <a@x.example>', [], ['"open <a@x.example>']],
  ["(open a@x.example", [], ["(open a@x.example"]],
  ["a@x.example:b@x.example", [], ["a@x.example:b@x.example"]],
  ["a@@x.example", [], ["a@@x.example"]],
  ["a@x..example", [], ["a@x..example"]],
  ["@x.example", [], ["@x.example"]],
];

describe("address list", () => {
  it.each(cases)("%j", (value, addresses, unreadable) => {
    expect(parseAddressList(value)).toEqual({ addresses, unreadable });
  });

  it("never makes up an address: each one's local part stands in the value", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...'ab@.,;:<>()"\\ \r\n[]'.split(""), "x.example"), { maxLength: 40 }),
        (parts) => {
          const value = parts.join("");
          for (const address of parseAddressList(value).addresses) {
            const [first = ""] = address.replace(/["\\]/gu, "");
            expect(value).toContain(first);
            expect(address).not.toMatch(/[\r\n\0]/u);
          }
        },
      ),
    );
  });

  it.each([
    ["colons", "x@ :".repeat(60_000)],
    ["phrases and colons", `${"w ".repeat(50_000)}x@${" :".repeat(50_000)}`],
    ["dots", "a. ".repeat(80_000)],
    ["parentheses", "(".repeat(250_000)],
    ["brackets", "<".repeat(250_000)],
    ["quotes", '" '.repeat(125_000)],
    ["literals", "[".repeat(250_000)],
    ["words", "w ".repeat(125_000)],
    ["addresses", "a@x.example, ".repeat(80_000)],
    ["one domain of many letters", `a@${"ü".repeat(125_000)}`],
    ["one local part of many letters", `${"a.".repeat(125_000)}a@x.example`],
  ])("reads a quarter of a megabyte of %s", (_, value) => {
    const { addresses, unreadable } = parseAddressList(value);
    expect(addresses.length + unreadable.length).toBeGreaterThan(0);
  });
});
