/** Which words and which status a cause gets. Replies are in the forms that well-known servers use. */
import { expect, test } from "vitest";
import type { Cause, SmtpPhase } from "../../src/core/outcome.ts";
import { englishReport } from "../../src/report/english-report.ts";
import { germanReport } from "../../src/report/german-report.ts";
import { reasonOf, type Reason } from "../../src/report/reason.ts";
import { hostOf, mtaName } from "../../src/report/remote-host.ts";
import { statusOf } from "../../src/report/status.ts";
import { refusedConnection, replied } from "./fixtures.ts";

const replies: readonly (readonly [number, string | undefined, string, SmtpPhase, Reason, string])[] = [
  [550, "5.1.1", "<a@b>: Recipient address rejected: User unknown", "rcpt", "no-mailbox", "5.1.1"],
  [550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; not found", "dot", "no-mailbox", "5.1.10"],
  [556, "5.1.10", "Domain has null MX", "rcpt", "no-domain", "5.1.10"],
  [550, "5.1.10", "no", "rcpt", "no-domain", "5.1.10"],
  [550, "5.4.1", "Recipient address rejected: Access denied", "rcpt", "no-mailbox", "5.4.1"],
  [550, "5.7.133", "SenderNotAuthenticatedForGroup; authentication required", "dot", "policy", "5.7.133"],
  [550, undefined, "Unrouteable address", "rcpt", "refused", "5.0.0"],
  [550, undefined, "Requested action not taken: mailbox unavailable", "rcpt", "no-mailbox", "5.0.0"],
  [550, undefined, "No such user here", "rcpt", "no-mailbox", "5.0.0"],
  [550, "5.1.0", "Address rejected", "rcpt", "no-mailbox", "5.1.0"],
  [550, "5.1.0", "Address rejected", "mail", "sender", "5.1.0"],
  [550, "5.2.1", "The account is disabled", "rcpt", "mailbox-closed", "5.2.1"],
  [552, "5.2.2", "mailbox full", "rcpt", "mailbox-full", "5.2.2"],
  [452, "4.2.2", "The email account is over quota", "rcpt", "mailbox-full", "5.2.2"],
  [550, undefined, "Mailbox is full", "rcpt", "mailbox-full", "5.0.0"],
  [552, undefined, "Message size exceeds fixed maximum message size", "dot", "too-large", "5.0.0"],
  [552, undefined, "Denied", "dot", "too-large", "5.0.0"],
  [552, undefined, "Denied", "rcpt", "mailbox-full", "5.0.0"],
  [552, "5.3.4", "too big", "dot", "too-large", "5.3.4"],
  [550, "5.4.4", "Invalid domain", "rcpt", "no-domain", "5.4.4"],
  [550, "5.1.2", "Host or domain name not found", "rcpt", "no-domain", "5.1.2"],
  [554, "5.7.1", "Message rejected as spam", "dot", "spam", "5.7.1"],
  [554, undefined, "Service unavailable; client host blocked using zen.spamhaus.org", "rcpt", "spam", "5.0.0"],
  [550, "5.7.1", "Relaying denied", "rcpt", "policy", "5.7.1"],
  [550, "5.7.26", "unauthenticated email", "dot", "sender-unproved", "5.7.26"],
  [550, undefined, "SPF check failed", "dot", "sender-unproved", "5.0.0"],
  [553, "5.7.1", "Sender address rejected: not owned by user", "rcpt", "sender", "5.7.1"],
  [550, "5.6.7", "UTF8", "rcpt", "no-utf8", "5.6.7"],
  [554, "5.4.14", "Hop count exceeded - possible mail loop", "dot", "loop", "5.4.14"],
  [554, undefined, "too many hops", "dot", "loop", "5.0.0"],
  [535, "5.7.8", "bad credentials", "auth", "login", "5.7.8"],
  [450, "4.2.0", "Recipient address rejected: Greylisted", "rcpt", "busy", "5.2.0"],
  [421, undefined, "try again", "connect", "busy", "5.0.0"],
  [454, "4.7.0", "TLS not available", "starttls", "tls", "5.7.0"],
  [554, undefined, "no", "dot", "refused", "5.0.0"],
  [550, "x", "no", "dot", "refused", "5.0.0"],
];

test.each(replies)("%i %s %s at %s: %s, %s", (code, enhanced, text, phase, reason, status) => {
  const cause = replied(code, enhanced, text, phase);
  expect(reasonOf(cause)).toBe(reason);
  expect(statusOf({ kind: "bounced", cause })).toBe(status);
  expect(statusOf({ kind: "delayed", cause })).toBe(`4${status.slice(1)}`);
});

const others: readonly (readonly [Cause, Reason, string])[] = [
  [refusedConnection, "unreachable", "5.4.1"],
  [{ kind: "connection", phase: "connect", code: "ENOTFOUND", message: "x" }, "name-unknown", "5.4.4"],
  [{ kind: "connection", phase: "body", code: "ECONNRESET", message: "x" }, "unreachable", "5.4.2"],
  [{ kind: "tls", message: "certificate has expired" }, "tls", "5.7.5"],
  [{ kind: "extension", missing: "SMTPUTF8", message: "x" }, "no-utf8", "5.6.7"],
  [{ kind: "extension", missing: "8BITMIME", message: "x" }, "no-eight-bit", "5.6.3"],
  [{ kind: "extension", missing: "REQUIRETLS", message: "x" }, "no-require-tls", "5.7.30"],
  [{ kind: "size", limit: 1, size: 2 }, "too-large", "5.3.4"],
  [{ kind: "internal", message: "x" }, "own-fault", "5.3.0"],
];

test.each(others)("%o", (cause, reason, status) => {
  expect(reasonOf(cause)).toBe(reason);
  expect(statusOf({ kind: "bounced", cause })).toBe(status);
  expect(statusOf({ kind: "expired", cause })).toBe("5.4.7");
});

test("each reason has its words in both languages, and no two mean the same", () => {
  for (const { reasons } of [germanReport, englishReport]) {
    const meanings = Object.values(reasons).map(({ meaning }) => meaning);
    expect(new Set(meanings).size).toBe(meanings.length);
    for (const { meaning, remedy } of Object.values(reasons)) {
      expect(meaning).toMatch(/\.$/u);
      expect(remedy).toMatch(/\.$/u);
    }
  }
});

test.each([
  ["relay ionos smtp.ionos.de:587", "smtp.ionos.de", "smtp.ionos.de"],
  ["exchange 10.0.0.5:25", "10.0.0.5", "[10.0.0.5]"],
  ["exchange [2001:db8::5]:25", "2001:db8::5", "[IPv6:2001:db8::5]"],
  ["exchange 2001:db8::5:25", "2001:db8::5", "[IPv6:2001:db8::5]"],
  ["exchange", undefined, undefined],
  ["relay x\r\ny:25", undefined, undefined],
  ["", undefined, undefined],
])("the server of %j", (destination, host, mta) => {
  expect(hostOf(destination)).toBe(host);
  expect(host === undefined ? undefined : mtaName(host)).toBe(mta);
});
