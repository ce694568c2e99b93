import { describe, expect, test } from "vitest";
import type { SmtpPhase } from "../../src/core/outcome.ts";
import { destinationOf, isTooMany, outcomeOf, type Failure } from "../../src/delivery/classify.ts";
import { parseSmtpReply } from "../../src/delivery/smtp-reply.ts";

const phases: readonly SmtpPhase[] = [
  "connect",
  "greeting",
  "ehlo",
  "starttls",
  "auth",
  "mail",
  "rcpt",
  "data",
  "body",
  "dot",
];
const mailPhases = new Set<SmtpPhase>(["mail", "rcpt", "data", "body", "dot"]);

function failure(phase: SmtpPhase, reply?: string): Failure {
  const parsed = reply === undefined ? undefined : parseSmtpReply(reply);
  return { phase, reply: parsed, tls: false, code: "ECONNECTION", message: "lost" };
}

describe.each(phases)("in phase %s", (phase) => {
  test("a connection lost, a reset or a time-out: unconfirmed after the final dot, deferred before it", () => {
    expect(outcomeOf(failure(phase)).kind).toBe(phase === "dot" ? "unconfirmed" : "deferred");
  });

  test.each([
    "421 4.3.2 closing",
    "450 4.2.0 greylisted",
    "451 4.3.0 later",
    "452 4.3.1 no room",
    "454 4.7.0 TLS not available",
  ])("%s defers", (reply) => {
    expect(outcomeOf(failure(phase, reply)).kind).toBe("deferred");
  });

  test.each([
    "550 5.1.1 unknown",
    "550 no",
    "552 5.3.4 too big",
    "553 5.1.8 sender",
    "554 5.6.0 content",
    "571 5.7.1 policy",
  ])("%s refuses only where it can be about this mail", (reply) => {
    expect(outcomeOf(failure(phase, reply)).kind).toBe(mailPhases.has(phase) ? "refused" : "deferred");
  });

  test.each([
    "500 5.5.2 what?",
    "502 5.5.1 no",
    "503 5.5.1 sequence",
    "530 5.7.0 authenticate",
    "535 5.7.8 bad",
    "538 5.7.11 encrypt",
  ])("%s speaks of the session and defers", (reply) => {
    expect(outcomeOf(failure(phase, reply)).kind).toBe("deferred");
  });

  test("what makes no sense defers", () => {
    expect(outcomeOf(failure(phase, "250 2.0.0 fine")).kind).toBe("deferred");
  });
});

test.each(["554 5.7.0 Must issue a STARTTLS command first", "550 5.7.1 Client was not authenticated"])(
  "%s speaks of the session at MAIL, and of the mail at the dot",
  (reply) => {
    expect(outcomeOf(failure("mail", reply)).kind).toBe("deferred");
    expect(outcomeOf(failure("dot", reply)).kind).toBe("refused");
  },
);

test("what nodemailer itself will not send is our fault, and not the destination's", () => {
  const own: Failure = { ...failure("mail"), code: "EENVELOPE", message: "Invalid recipient" };
  expect(outcomeOf(own)).toMatchObject({ kind: "deferred", cause: { kind: "internal" } });
  expect(destinationOf(own).kind).toBe("answered");
});

describe("the destination as a whole", () => {
  test.each([
    ["connect", undefined, "unavailable"],
    ["greeting", undefined, "unavailable"],
    ["auth", "535 5.7.8 bad", "unavailable"],
    ["starttls", "454 4.7.0 no TLS", "unavailable"],
    ["mail", undefined, "unavailable"],
    ["mail", "421 4.7.0 closing", "unavailable"],
    ["mail", "452 4.3.1 pressure", "unavailable"],
    ["mail", "530 5.7.0 authenticate", "unavailable"],
    ["mail", "554 5.7.0 Must issue a STARTTLS command first", "unavailable"],
    ["mail", "550 5.7.1 Client was not authenticated", "unavailable"],
    ["mail", "550 5.7.1 sender refused", "answered"],
    ["mail", "451 4.7.1 greylisted", "answered"],
    ["rcpt", "450 4.2.1 busy", "answered"],
    ["rcpt", "452 4.5.3 too many", "answered"],
    ["rcpt", "421 4.7.0 too many errors", "answered"],
    ["dot", "452 4.3.1 pressure", "unavailable"],
    ["dot", "451 4.4.0 not made redundant", "answered"],
    ["dot", undefined, "answered"],
    ["body", undefined, "answered"],
  ] as const)("%s: %s is %s", (phase, reply, kind) => {
    expect(destinationOf(failure(phase, reply)).kind).toBe(kind);
  });
});

describe("replies", () => {
  test.each([
    ["250 2.6.0 <x> Queued", { code: 250, enhanced: "2.6.0", text: "<x> Queued" }],
    ["550-5.1.1 first\n550 5.1.1 second", { code: 550, enhanced: "5.1.1", text: "first\nsecond" }],
    [
      "550 4.1.1 a class that does not agree",
      { code: 550, enhanced: undefined, text: "4.1.1 a class that does not agree" },
    ],
    ["354", { code: 354, enhanced: undefined, text: "" }],
    ["421 closing", { code: 421, enhanced: undefined, text: "closing" }],
  ])("%j", (text, reply) => {
    expect(parseSmtpReply(text)).toEqual(reply);
  });
  test.each(["", "hello", "55", "999 no", "5500 no"])("%j is no reply", (text) => {
    expect(parseSmtpReply(text)).toBeUndefined();
  });
  test.each([
    ["452 4.5.3 too many recipients", true],
    ["452 too many recipients", true],
    ["552 Too many recipients", true],
    ["552 5.5.3 too many", true],
    ["452 4.3.1 no room", false],
    ["452 4.2.2 mailbox full", false],
    ["552 5.2.2 mailbox full", false],
  ])("%s: too many recipients %s", (text, is) => {
    const reply = parseSmtpReply(text);
    expect(reply !== undefined && isTooMany(reply)).toBe(is);
  });
  test("too many in the old way is not taken for a refusal", () => {
    expect(outcomeOf(failure("rcpt", "552 Too many recipients")).kind).toBe("deferred");
  });
});
