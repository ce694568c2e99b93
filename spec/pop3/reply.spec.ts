import { describe, expect, it } from "vitest";
import { mergeCapabilities, parseCapabilities, assumedCapabilities } from "../../src/pop3/capabilities.ts";
import { makeListing, parseStat } from "../../src/pop3/listing.ts";
import { apopStamp, parseReply, type Pop3Reply, refusalKind, replyWords, retryAfter } from "../../src/pop3/reply.ts";

function reply(line: string): Pop3Reply {
  const parsed = parseReply(Buffer.from(line));
  if (parsed === undefined) throw new Error(`no reply: ${line}`);
  return parsed;
}

describe("parseReply", () => {
  it.each([
    ["+OK", { status: "ok", code: undefined, text: "" }],
    ["+OK 2 320\r", { status: "ok", text: "2 320" }],
    ["+ok[x] hello", { status: "ok", code: "X", text: "hello" }],
    ["-ERR [IN-USE] busy", { status: "error", code: "IN-USE", text: "busy" }],
    ["-ERR [sys/temp]", { status: "error", code: "SYS/TEMP", text: "" }],
    ["-ERR [LOGIN-DELAY 300] wait", { status: "error", code: "LOGIN-DELAY", text: "wait" }],
    ["-ERR [not a code", { status: "error", code: undefined, text: "[not a code" }],
    ["-ERR evil\x1b[31m\x07 text\u2028more", { status: "error", text: "evil [31m text more" }],
    ["+", { status: "continue", raw: "" }],
    ["+ dGVzdA==", { status: "continue", raw: "dGVzdA==" }],
  ])("reads %j", (line, expected) => {
    expect(reply(line)).toMatchObject(expected);
  });

  it.each(["", "OK", "+OKAY", "-ERROR", "220 ready", " +OK", "* OK", "-"])("does not take %j for a reply", (line) => {
    expect(parseReply(Buffer.from(line))).toBeUndefined();
  });

  it("cuts what is too long to show", () => {
    expect(reply(`-ERR ${"x".repeat(5000)}`).text).toHaveLength(501);
  });

  it("shows code and words", () => {
    expect(replyWords(reply("-ERR [in-use] busy"))).toBe("[IN-USE] busy");
    expect(replyWords(reply("-ERR [AUTH]"))).toBe("[AUTH]");
    expect(replyWords(reply("-ERR no"))).toBe("no");
  });
});

describe("refusals", () => {
  it("takes an unexplained refusal for the credentials at login, for passing trouble elsewhere", () => {
    expect(refusalKind(reply("-ERR no"), "login")).toBe("auth");
    expect(refusalKind(reply("-ERR no"), "other")).toBe("temporary");
  });

  it.each([
    ["wait 15 minutes", 900_000],
    ["30 seconds", 30_000],
    ["30s", 30_000],
    ["noch 5 Minuten warten", 300_000],
    ["in 2 Std.", 7_200_000],
    ["1 hour", 3_600_000],
    ["wait", undefined],
    ["error 42", undefined],
  ])("finds how long to stay away in %j", (text, ms) => {
    expect(retryAfter(reply(`-ERR ${text}`))).toBe(ms);
  });

  it.each([
    ["+OK <1896.697170952@dbc.mtview.ca.us> hi", "<1896.697170952@dbc.mtview.ca.us>"],
    ["+OK hi <a@[192.0.2.1]>", "<a@[192.0.2.1]>"],
    ["+OK hi <a b@c>", undefined],
    ["+OK hi <a@b\x01c>", undefined],
    ["+OK hi <a@ä>", undefined],
    ["+OK hi <>", undefined],
  ])("finds the stamp of APOP in %j", (line, stamp) => {
    expect(apopStamp(reply(line))).toBe(stamp);
  });
});

describe("capabilities", () => {
  it("reads what there is and passes over the rest", () => {
    const lines = ["TOP", "uidl", "SASL PLAIN scram-sha-256", "LOGIN-DELAY 900 USER", "EXPIRE 31 USER", "", "X-JUNK 1"];
    expect(parseCapabilities([...lines, "IMPLEMENTATION Some\tServer"])).toEqual({
      announced: true,
      uidl: true,
      top: true,
      pipelining: false,
      stls: false,
      utf8: false,
      sasl: ["PLAIN", "SCRAM-SHA-256"],
      loginDelaySeconds: 900,
      expire: { kind: "days", days: 31 },
      implementation: "Some Server",
    });
    expect(parseCapabilities(["EXPIRE NEVER", "LOGIN-DELAY soon"])).toMatchObject({
      expire: { kind: "never" },
      loginDelaySeconds: undefined,
    });
  });

  it("do not say how long mail is kept where that cannot be read", () => {
    expect(parseCapabilities(["EXPIRE soon"]).expire).toBeUndefined();
    expect(parseCapabilities(["EXPIRE"]).expire).toBeUndefined();
  });

  it("lets the word after login count, and keeps what is only said before it", () => {
    const before = parseCapabilities(["SASL PLAIN", "STLS", "LOGIN-DELAY 900", "TOP"]);
    const after = parseCapabilities(["UIDL", "LOGIN-DELAY 60", "EXPIRE 0"]);
    expect(mergeCapabilities(before, after)).toMatchObject({
      sasl: ["PLAIN"],
      stls: true,
      top: true,
      uidl: true,
      loginDelaySeconds: 60,
      expire: { kind: "days", days: 0 },
    });
    expect(mergeCapabilities(before, assumedCapabilities)).toBe(before);
    expect(mergeCapabilities(assumedCapabilities, after)).toBe(after);
  });
});

describe("listings", () => {
  it.each([
    ["2 320", 2],
    ["0 0", 0],
    ["3 -5", 3],
    ["12", 12],
    ["-1 0", undefined],
    ["", undefined],
    ["many", undefined],
  ])("reads the count of STAT %j", (text, count) => {
    expect(parseStat(text)).toBe(count);
  });

  it("is in the order of numbers, whatever the server's order", () => {
    const { messages } = makeListing(["3 30", "1 10"], ["2 b", "1 a"]);
    expect(messages).toEqual([
      { number: 1, size: 10, uidl: "a" },
      { number: 2, size: undefined, uidl: "b" },
      { number: 3, size: 30, uidl: undefined },
    ]);
  });

  it("does not take for an id what cannot be kept as one", () => {
    const { messages } = makeListing(["1 1", "2 1"], [`1 ${"x".repeat(251)}`, "2 a\x01b"]);
    expect(messages.map(({ uidl }) => uidl)).toEqual([undefined, undefined]);
  });

  it("never lists a message zero", () => {
    expect(makeListing(["0 10"], ["0 a"]).messages).toEqual([]);
  });

  it("has no id where a line without numbers is empty", () => {
    expect(makeListing(["1 10", "2 20"], ["a", " "]).messages).toEqual([
      { number: 1, size: 10, uidl: "a" },
      { number: 2, size: 20, uidl: undefined },
    ]);
  });
});
