/** The lines of MAIL and RCPT taken apart: addresses, parameters, xtext. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatReversePath } from "../../src/core/address.ts";
import { parseMailParameters, parseRecipientParameters } from "../../src/outbound/smtp-parameters.ts";
import { parseRecipient, parseSender, splitPath } from "../../src/outbound/smtp-path.ts";
import { decodeXtext } from "../../src/outbound/smtp-xtext.ts";
import { postmaster } from "./smtp-support.ts";

/** What becomes of the path of a MAIL: the sender as it would be written, or code and status. */
function sender(rest: string, smtpUtf8 = false): string {
  const line = splitPath(rest, "FROM");
  if (line === undefined) return "syntax";
  const parsed = parseSender(line.path, smtpUtf8);
  return parsed.kind === "ok" ? formatReversePath(parsed.value) : `${parsed.answer.code} ${parsed.answer.enhanced}`;
}

function recipient(rest: string, smtpUtf8 = false): string {
  const line = splitPath(rest, "TO");
  if (line === undefined) return "syntax";
  const parsed = parseRecipient(line.path, smtpUtf8, postmaster);
  return parsed.kind === "ok" ? parsed.value : `${parsed.answer.code} ${parsed.answer.enhanced}`;
}

describe("senders", () => {
  it.each([
    ["FROM:<>", "<>"],
    ["FROM:<a@B.Example>", "<a@b.example>"],
    ["from: <a@b.example>", "<a@b.example>"],
    ["FROM:<a@b.example> SIZE=1", "<a@b.example>"],
    ['FROM:<"a b"@c.example>', '<"a b"@c.example>'],
    ['FROM:<"a>b"@c.example> SIZE=1', '<"a>b"@c.example>'],
    [String.raw`FROM:<"a\"b"@c.example>`, String.raw`<"a\"b"@c.example>`],
    ['FROM:<"ab"@c.example>', "<ab@c.example>"],
    ["FROM:<user.@b.example>", '<"user."@b.example>'],
    ["FROM:<a@my_host.local>", "<a@my_host.local>"],
    ["FROM:<a@[192.0.2.1]>", "<a@[192.0.2.1]>"],
    ["FROM:<a@b.example.>", "<a@b.example>"],
    ["FROM:<a@xn--bcher-kva.example>", "<a@xn--bcher-kva.example>"],
    ["FROM:<@relay.example:a@b.example>", "553 5.1.3"],
    ["FROM:<@r1.example,@r2.example:a@b.example>", "553 5.1.3"],
    ["FROM:<a>", "501 5.1.7"],
    ["FROM:<postmaster>", "501 5.1.7"],
    ["FROM:<a@>", "501 5.1.7"],
    ["FROM:<@>", "553 5.1.3"],
    ["FROM:<a b@c.example>", "501 5.1.7"],
    ["FROM:< >", "501 5.1.7"],
    ["FROM:<a@b@c.example>", "501 5.1.7"],
    ["FROM:<a@b..example>", "501 5.1.7"],
    ["FROM:<ä@b.example>", "553 5.6.7"],
    ["FROM:<a@bücher.example>", "553 5.6.7"],
    ["FROM:a@b.example", "syntax"],
    ["FROM:<a@b.example", "syntax"],
    ["FROM:<a@b.example>SIZE=1", "syntax"],
    ["FROM:<<a@b.example>>", "syntax"],
    ['FROM:<"a@b.example>', "syntax"],
    ["FROM a@b.example", "syntax"],
    ["TO:<a@b.example>", "syntax"],
    ["", "syntax"],
  ])("MAIL %s is %s", (rest, expected) => {
    expect(sender(rest)).toBe(expected);
  });

  it("may be outside ASCII with SMTPUTF8; the domain becomes ASCII", () => {
    expect(sender("FROM:<ä@bücher.example>", true)).toBe("<ä@xn--bcher-kva.example>");
  });
});

describe("recipients", () => {
  const imcea = `IMCEAFAX-${"x".repeat(571 - 9)}`;
  it.each([
    ["TO:<x@kunde.example>", "x@kunde.example"],
    ["TO:<postmaster>", postmaster],
    ["TO:<PostMaster>", postmaster],
    ["TO:<postmaster@kunde.example>", "postmaster@kunde.example"],
    [`TO:<${imcea}@firma.example>`, `${imcea}@firma.example`],
    ["TO:<IMCEAEX-_o=ORG_ou=X+2CY@firma.example>", "IMCEAEX-_o=ORG_ou=X+2CY@firma.example"],
    ["TO:<user%other@own.example>", "user%other@own.example"],
    ["TO:<a!b@own.example>", "a!b@own.example"],
    ['TO:<"u@other"@own.example>', '"u@other"@own.example'],
    [`TO:<${imcea}x@firma.example>`, "501 5.1.3"],
    ["TO:<>", "501 5.1.3"],
    ["TO:<x>", "501 5.1.3"],
    ["TO:<@r.example:x@kunde.example>", "553 5.1.3"],
    ["TO:<ü@kunde.example>", "553 5.6.7"],
  ])("RCPT %s is %s", (rest, expected) => {
    expect(recipient(rest)).toBe(expected);
  });

  it("give no address with a line break or a control character, whatever stands there", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "@", ".", '"', "\\", "<", ">", " ", "\r", "\n", "\0", "\u0085", "b"),
    });
    fc.assert(
      fc.property(text, (path) => {
        const parsed = parseRecipient(path, true, postmaster);
        if (parsed.kind === "ok") expect(parsed.value).not.toMatch(/[\p{Cc}]/u);
        else expect(parsed.answer.code).toBeGreaterThanOrEqual(500);
      }),
    );
  });
});

describe("parameters of MAIL", () => {
  const parse = (text: string, secure = false): unknown => {
    const parsed = parseMailParameters(
      text.split(" ").filter((part) => part !== ""),
      secure,
    );
    return parsed.kind === "ok" ? parsed.value : `${parsed.answer.code} ${parsed.answer.enhanced}`;
  };
  const nothing = {
    size: undefined,
    body: undefined,
    smtpUtf8: false,
    requireTls: false,
    ret: undefined,
    envid: undefined,
  };

  it("are all understood that are offered", () => {
    expect(parse("size=1234 body=8bitmime SMTPUTF8 RET=hdrs ENVID=QQ+2B314 AUTH=<> REQUIRETLS", true)).toEqual({
      size: 1234,
      body: "8BITMIME",
      smtpUtf8: true,
      requireTls: true,
      ret: "HDRS",
      envid: "QQ+314",
    });
    expect(parse("")).toEqual(nothing);
    expect(parse("AUTH=e+3Dmc2@example.com BODY=7BIT RET=FULL")).toEqual({ ...nothing, body: "7BIT", ret: "FULL" });
    expect(parse(`ENVID=${"x".repeat(100)}`)).toEqual({ ...nothing, envid: "x".repeat(100) });
    expect(parse(`SIZE=${"9".repeat(20)}`)).toEqual({ ...nothing, size: 1e20 });
  });

  it.each([
    ["SIZE", "501 5.5.4"],
    ["SIZE=", "501 5.5.4"],
    ["SIZE=-1", "501 5.5.4"],
    ["SIZE=1e3", "501 5.5.4"],
    ["SIZE=123456789012345678901", "501 5.5.4"],
    ["SIZE=1 SIZE=1", "501 5.5.4"],
    ["size=1 SIZE=2", "501 5.5.4"],
    ["BODY=BINARYMIME", "501 5.5.4"],
    ["BODY", "501 5.5.4"],
    ["SMTPUTF8=1", "501 5.5.4"],
    ["RET=ALL", "501 5.5.4"],
    ["ENVID=", "501 5.5.4"],
    ["ENVID=a+0D+0AX:1", "501 5.5.4"],
    ["ENVID=a+", "501 5.5.4"],
    ["ENVID=a+2", "501 5.5.4"],
    ["ENVID=a+ZZ", "501 5.5.4"],
    ["ENVID=a=b", "501 5.5.4"],
    ["ENVID=+C3+A4", "501 5.5.4"],
    [`ENVID=${"x".repeat(101)}`, "501 5.5.4"],
    ["AUTH=a+1", "501 5.5.4"],
    ["REQUIRETLS=yes", "501 5.5.4"],
    ["REQUIRETLS", "530 5.7.10"],
    ["XOORG=firma.example", "555 5.5.4"],
    ["NOTIFY=NEVER", "555 5.5.4"],
    ["=", "555 5.5.4"],
    ["constructor=1", "555 5.5.4"],
  ])("%j is refused: %s", (text, expected) => {
    expect(parse(text)).toBe(expected);
  });
});

describe("parameters of RCPT", () => {
  const parse = (text: string, utf8 = false): unknown => {
    const parsed = parseRecipientParameters(
      text.split(" ").filter((part) => part !== ""),
      utf8,
    );
    return parsed.kind === "ok" ? parsed.value : `${parsed.answer.code} ${parsed.answer.enhanced}`;
  };

  it.each([
    ["", undefined],
    ["NOTIFY=NEVER", { notify: ["NEVER"], orcpt: undefined }],
    ["notify=success,FAILURE,delay", { notify: ["SUCCESS", "FAILURE", "DELAY"], orcpt: undefined }],
    ["NOTIFY=DELAY,DELAY", { notify: ["DELAY"], orcpt: undefined }],
    ["ORCPT=rfc822;Bob+2Btag@example.com", { notify: [], orcpt: "rfc822;Bob+tag@example.com" }],
    ["ORCPT=utf-8;b+C3+BCcher@example.com", { notify: [], orcpt: "utf-8;bücher@example.com" }],
    ["ORCPT=utf-8;b\\x{FC}cher@example.com", { notify: [], orcpt: "utf-8;b\\x{FC}cher@example.com" }],
  ])("%j is %j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it("may hold an address of type utf-8 as it is, with SMTPUTF8", () => {
    expect(parse("ORCPT=utf-8;bücher@example.com", true)).toEqual({ notify: [], orcpt: "utf-8;bücher@example.com" });
    expect(parse("ORCPT=utf-8;bücher@example.com", false)).toBe("501 5.5.4");
  });

  it.each([
    ["NOTIFY=NEVER,FAILURE", "501 5.5.4"],
    ["NOTIFY=", "501 5.5.4"],
    ["NOTIFY", "501 5.5.4"],
    ["NOTIFY=SUCCESS,", "501 5.5.4"],
    ["NOTIFY=ALWAYS", "501 5.5.4"],
    ["NOTIFY=NEVER NOTIFY=NEVER", "501 5.5.4"],
    ["ORCPT=bob@example.com", "501 5.5.4"],
    ["ORCPT=rfc822;", "501 5.5.4"],
    ["ORCPT=;bob@example.com", "501 5.5.4"],
    ["ORCPT=rfc822;a+0D+0Ab", "501 5.5.4"],
    ["ORCPT=rfc822;b+C3+BCcher@example.com", "501 5.5.4"],
    [`ORCPT=rfc822;${"x".repeat(1001)}`, "501 5.5.4"],
    ["SIZE=1", "555 5.5.4"],
    ["X", "555 5.5.4"],
  ])("%j is refused: %s", (text, expected) => {
    expect(parse(text)).toBe(expected);
  });
});

describe("xtext", () => {
  it("gives back every text that was encoded", () => {
    const encode = (text: string): string =>
      [...Buffer.from(text)]
        .map((octet) => {
          const isPlain = octet > 32 && octet < 127 && octet !== 43 && octet !== 61;
          return isPlain ? String.fromCharCode(octet) : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
        })
        .join("");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(decodeXtext(encode(text))).toBe(/[\p{Cc}\u2028\u2029]/u.test(text) ? undefined : text);
      }),
    );
  });
});
