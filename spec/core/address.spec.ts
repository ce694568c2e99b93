import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressKey,
  domainOf,
  formatReversePath,
  localPart,
  mustAddress,
  needsSmtpUtf8,
  parseAddress,
} from "../../src/core/address.ts";

describe("parseAddress", () => {
  test.each([
    ["a@firma.example", "a@firma.example"],
    ["A.B@FIRMA.Example", "A.B@firma.example"],
    ["a@firma.example.", "a@firma.example"],
    ["a@münchen.example", "a@xn--mnchen-3ya.example"],
    ["müller@firma.example", "müller@firma.example"],
    ['"a b"@firma.example', '"a b"@firma.example'],
    ['"needless"@firma.example', "needless@firma.example"],
    [String.raw`"a\"b"@firma.example`, String.raw`"a\"b"@firma.example`],
    ['"a@b"@firma.example', '"a@b"@firma.example'],
    ["a..b@firma.example", '"a..b"@firma.example'],
    ["trailing.@firma.example", '"trailing."@firma.example'],
    ["user@[192.0.2.1]", "user@[192.0.2.1]"],
    ["user@[IPv6:2001:DB8::1]", "user@[IPv6:2001:db8::1]"],
    ["my_user+tag=1@my_host.example", "my_user+tag=1@my_host.example"],
    ["IMCEAEX-_O=FIRMA_OU=X_CN=ANNA@firma.example", "IMCEAEX-_O=FIRMA_OU=X_CN=ANNA@firma.example"],
  ])("%s is %s", (text, address) => {
    expect(parseAddress(text)).toEqual({ kind: "ok", address });
  });

  test.each([
    ["", "no @"],
    ["anna", "no @"],
    ["@firma.example", "local part"],
    ["anna@", "host name"],
    ["an na@firma.example", "local part"],
    ["anna@fir ma.example", "host name"],
    ["anna@-firma.example", "host name"],
    ["a@b@firma.example", "local part"],
    ["<anna@firma.example>", "host name"],
    ["anna\r\n@firma.example", "local part"],
    ['"an\rna"@firma.example', "local part"],
    ['"anna@firma.example', "local part"],
    ["anna\u0000@firma.example", "local part"],
    [`${"x".repeat(600)}@firma.example`, "longer than"],
    [`a@${"x".repeat(70)}.example`, "host name"],
  ])("%j is refused: %s", (text, why) => {
    const result = parseAddress(text);
    expect(result.kind).toBe("bad");
    expect(result.kind === "bad" && result.why).toContain(why);
  });

  test("nothing that parses can break out of the envelope, and it parses to itself", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.emailAddress(),
          fc.string().map((s) => `${s}@firma.example`),
        ),
        (text) => {
          const result = parseAddress(text);
          if (result.kind === "bad") return;
          expect(result.address).not.toMatch(/[\p{Cc}]/u);
          expect(localPart(result.address).startsWith('"') || !/[<>\s]/u.test(result.address)).toBe(true);
          expect(parseAddress(result.address)).toEqual(result);
          expect(`${localPart(result.address)}@${domainOf(result.address)}`).toBe(result.address);
        },
      ),
    );
  });
});

test("spellings of one mailbox have one key", () => {
  const key = addressKey(mustAddress("anna@firma.example"));
  expect(addressKey(mustAddress("Anna@FIRMA.example"))).toBe(key);
  expect(addressKey(mustAddress('"anna"@firma.example'))).toBe(key);
  expect(addressKey(mustAddress("anna.@firma.example"))).not.toBe(key);
});

test("only a local part can need SMTPUTF8: domains are A-labels", () => {
  expect(needsSmtpUtf8(mustAddress("anna@münchen.example"))).toBe(false);
  expect(needsSmtpUtf8(mustAddress("jörg@firma.example"))).toBe(true);
});

test("a reverse path as it stands in MAIL FROM", () => {
  expect(formatReversePath({ kind: "null" })).toBe("<>");
  expect(formatReversePath({ kind: "address", address: mustAddress("a@firma.example") })).toBe("<a@firma.example>");
});

test("mustAddress throws on what is no address", () => {
  expect(() => mustAddress("anna")).toThrow(/not a mail address/u);
});
