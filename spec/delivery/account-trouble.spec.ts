/**
 * Replies as providers give them, shortened. `known`: the words stand in the source named, or in that program. `likely`: the
 * case is documented there, the words are ours.
 */
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Cause, Outcome, SmtpPhase } from "../../src/core/outcome.ts";
import { accountTrouble, judgeAccount } from "../../src/delivery/account-trouble.ts";
import { outcomeOf } from "../../src/delivery/classify.ts";
import { parseSmtpReply } from "../../src/delivery/smtp-reply.ts";
import type { AccountTrouble, RecipientOutcome, TransactionResult } from "../../src/delivery/transport.ts";

type Row = readonly [
  phase: SmtpPhase,
  reply: string,
  trouble: AccountTrouble | undefined,
  certainty: "known" | "likely",
  source: string,
];

const google = "support.google.com/a/answer/3726730";
const googleRelay = "support.google.com/a/answer/6140680";
const microsoft = "learn.microsoft.com: non-delivery reports in Exchange Online";
const postfix = "Postfix smtpd";
const ses = "docs.aws.amazon.com/ses: SMTP response codes";

const rows: readonly Row[] = [
  // Login
  ["auth", "535 5.7.8 Error: authentication failed: (reason unavailable)", "auth", "known", postfix],
  ["auth", "535 Incorrect authentication data", "auth", "known", "Exim"],
  ["auth", "535 Authentication credentials invalid", "auth", "known", "IONOS, GMX, WEB.DE: help pages on 535"],
  ["auth", "535-5.7.8 Username and Password not accepted.\n535 5.7.8 x - gsmtp", "auth", "known", google],
  ["auth", "534-5.7.9 Application-specific password required.\n534 5.7.9 x - gsmtp", "auth", "known", google],
  ["auth", "534 5.7.9 Please log in with your web browser and then try again. - gsmtp", "auth", "known", google],
  ["auth", "535 5.7.3 Authentication unsuccessful", "auth", "known", microsoft],
  ["auth", "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "auth", "known", microsoft],
  ["auth", "550 5.7.30 Basic authentication is not supported for Client Submission.", "auth", "known", microsoft],
  ["auth", "432 4.7.12 A password transition is needed", "auth", "known", "RFC 4954 §6"],
  ["auth", "504 5.7.4 Unrecognized authentication type", "auth", "known", microsoft],
  ["auth", "454 4.7.0 Too many login attempts, please try again later. - gsmtp", "quota", "known", google],
  ["auth", "451 Authentication failed: Maximum credits exceeded", "quota", "known", "SendGrid documentation"],
  ["auth", "454 4.7.0 Temporary authentication failure: Connection lost to server", undefined, "known", postfix],
  ["auth", "421 4.7.0 Temporary System Problem. Try again later. - gsmtp", undefined, "known", google],
  ["auth", "538 5.7.11 Encryption required for requested mechanism", undefined, "known", "RFC 4954 §6"],
  ["auth", "530 5.7.0 Must issue a STARTTLS command first", undefined, "known", postfix],
  // Login required
  ["mail", "530 5.7.0 Authentication Required. - gsmtp", "auth", "known", google],
  ["mail", "530 5.7.57 Client not authenticated to send mail.", "auth", "known", microsoft],
  ["rcpt", "530 5.7.1 Client was not authenticated", "auth", "known", microsoft],
  ["mail", "550 5.7.1 Authentication required", "auth", "likely", "RFC 4954 §6 wants 530; many say 550"],
  ["mail", "530 5.7.0 Must issue a STARTTLS command first", undefined, "known", postfix],
  // Relaying denied: to all recipients, see below
  ["rcpt", "554 5.7.1 <a@elsewhere.example>: Relay access denied", "auth", "known", postfix],
  ["rcpt", "454 4.7.1 <a@elsewhere.example>: Relay access denied", "auth", "known", postfix],
  ["rcpt", "550 relay not permitted", "auth", "known", "Exim; help pages of Hetzner"],
  ["rcpt", "550 5.7.1 <a@elsewhere.example>... Relaying denied", "auth", "known", "Sendmail"],
  ["rcpt", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", "auth", "known", microsoft],
  ["rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied", "auth", "known", microsoft],
  ["mail", "550-5.7.1 Invalid credentials for relay [192.0.2.1].\n550 5.7.1 x - gsmtp", "auth", "known", googleRelay],
  ["rcpt", "550 5.7.1 Mail relay denied [192.0.2.1]. - gsmtp", "auth", "known", googleRelay],
  ["rcpt", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a list", "auth", "known", postfix],
  ["rcpt", "450 4.7.1 Client host rejected: cannot find your hostname, [192.0.2.1]", undefined, "known", postfix],
  ["mail", "550 5.7.1 Your account has been temporarily blocked", "auth", "likely", "OVH: accounts blocked for spam"],
  // Sender
  ["mail", "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c", "sender", "known", postfix],
  ["rcpt", "553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c", "sender", "known", postfix],
  ["rcpt", "553 5.7.1 <a@b.example>: Sender address rejected: not logged in", "sender", "known", postfix],
  ["mail", "553 5.7.1 Sender address rejected: not owned by auth user.", "sender", "known", "Yandex; kb.mailbox.org"],
  ["rcpt", "550 5.1.8 <a@b.example>: Sender address rejected: Domain not found", "sender", "known", postfix],
  ["rcpt", "450 4.1.8 <a@b.example>: Sender address rejected: Domain not found", undefined, "known", postfix],
  [
    "mail",
    "550-Requested action not taken: mailbox unavailable\n550 Sender address is not allowed.",
    "sender",
    "known",
    "IONOS, GMX, WEB.DE: github.com/loganmarchione/docker-postfixrelay#46",
  ],
  ["dot", "554-Transaction failed\n554 Unauthorized sender address.", "sender", "likely", "GMX, WEB.DE, IONOS"],
  ["mail", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender", "known", microsoft],
  ["dot", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", "sender", "known", microsoft],
  ["dot", "550 5.7.1 Client does not have permissions to send as this sender", "sender", "known", "Exchange 2010"],
  ["dot", "554 5.2.252 SendAsDenied; a@b.example not allowed to send as c@d.example;", "sender", "known", microsoft],
  ["dot", "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException;", "sender", "known", microsoft],
  ["dot", "550 5.1.8 Access denied, bad outbound sender", "sender", "known", microsoft],
  ["dot", "550 5.7.501 Access denied, spam abuse detected", "sender", "known", microsoft],
  ["dot", "550 5.7.750 Service unavailable. Client blocked from sending.", "sender", "known", microsoft],
  ["dot", "554 Message rejected: Email address is not verified.", "sender", "known", ses],
  [
    "dot",
    "550 The from address does not match a verified Sender Identity.",
    "sender",
    "known",
    "SendGrid documentation",
  ],
  [
    "rcpt",
    "550-Verification failed for <a@b.example>\n550-No Such User Here\n550 Sender verify failed",
    "sender",
    "known",
    "Exim",
  ],
  ["mail", "553 Mail from must equal authorized user", "sender", "known", "NetEase"],
  ["mail", "501 mail from address must be same as authorization user", "sender", "known", "Tencent"],
  ["mail", "553 From address not verified", "sender", "known", "AT&T, Yahoo"],
  ["mail", "553 Sender is not allowed to relay emails", "sender", "known", "Zoho"],
  [
    "mail",
    "550 5.7.1 From address not allowed for this login",
    "sender",
    "likely",
    "T-Online, Strato: own addresses only",
  ],
  ["mail", "550 5.7.1 Access denied", "sender", "likely", "All-Inkl, Hetzner, OVH: MAIL knows only the sender"],
  ["mail", "501 5.1.7 Bad sender address syntax", undefined, "known", postfix],
  ["mail", "550 5.1.7 <chef@firma.example>: this path does not exist", "sender", "known", "RFC 3463 §3.2"],
  ["rcpt", "550 5.1.8 <chef@firma.example>: the domain does not exist", "sender", "known", "RFC 3463 §3.2"],
  ["mail", "550 5.5.1 Not now", undefined, "likely", "RFC 3463 §3.6: about the protocol, not the path"],
  ["mail", "553 5.2.1 Not now", undefined, "likely", "RFC 3463 §3.3: about a mailbox, not the path"],
  // Allowance
  ["dot", "550 5.4.5 Daily user sending limit exceeded. - gsmtp", "quota", "known", google],
  ["dot", "550 5.4.5 Daily sending quota exceeded - gsmtp", "quota", "known", google],
  ["rcpt", "550 5.7.1 Daily SMTP relay limit exceeded for customer. - gsmtp", "quota", "known", googleRelay],
  ["rcpt", "450 4.2.1 Peak SMTP relay limit exceeded for customer. - gsmtp", "quota", "known", google],
  [
    "rcpt",
    "450-Requested mail action not taken: mailbox unavailable\n450 Mail send limit exceeded.",
    "quota",
    "known",
    "ionos.com/help: mass mailing limits",
  ],
  ["rcpt", "450 Mail rate limit exceeded", "quota", "likely", "GMX, WEB.DE"],
  ["dot", "550 5.1.90 You've reached your daily limit for message recipients", "quota", "known", microsoft],
  ["dot", "550 5.7.705 Access denied, tenant has exceeded threshold", "quota", "known", microsoft],
  ["dot", "550 5.7.708 Access denied, traffic not accepted from this IP.", "quota", "known", microsoft],
  ["dot", "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException;", "quota", "known", microsoft],
  ["dot", "554 5.2.0 OutboundSpamException; WASCL UserAction verdict is Suspend.", "quota", "known", "Outlook.com"],
  ["dot", "454 Throttling failure: Maximum sending rate exceeded.", "quota", "known", ses],
  ["dot", "454 Throttling failure: Daily message quota exceeded.", "quota", "known", ses],
  ["mail", "450 4.7.1 Error: too much mail from 192.0.2.1", "quota", "known", postfix],
  ["rcpt", "550 User a has exceeded its 24-hour sending limit.", "quota", "known", "GoDaddy"],
  ["dot", "550 Domain b.example has exceeded the max emails per hour (5/5) allowed.", "quota", "known", "cPanel"],
  ["dot", "550 Domain b has exceeded the max defers and failures per hour (5/5)", "quota", "known", "cPanel"],
  ["rcpt", "550 The limit on the number of allowed outgoing messages was exceeded.", "quota", "known", "Plesk"],
  ["rcpt", "450 4.7.1 message count quota exceeded", "quota", "known", "aditsystems.info: Limit"],
  ["rcpt", "550 5.7.1 Your mail limit has been reached.", "quota", "known", "support.startmail.com"],
  ["rcpt", "554 5.7.0 Sending limit exceeded", "quota", "likely", "several"],
  ["rcpt", "550 5.4.6 Unusual sending activity detected.", "quota", "known", "Zoho"],
  // About a recipient, a message, the server, or the way there
  ["rcpt", "550 5.1.1 <a@b.example>: Recipient address rejected: User unknown", undefined, "known", postfix],
  ["rcpt", "554 5.7.1 <a@b.example>: Recipient address rejected: Access denied", undefined, "known", postfix],
  [
    "rcpt",
    "550 5.1.1 <a@b.example>: undeliverable address: host mx said: 554 5.7.1 Relay access denied",
    undefined,
    "known",
    postfix,
  ],
  ["rcpt", "550-Requested action not taken: mailbox unavailable", undefined, "known", "IONOS: unknown address"],
  ["rcpt", "550 Quota Exceeded", undefined, "known", "IONOS: the recipient's mailbox is full"],
  ["rcpt", "552 5.2.2 Over quota", undefined, "known", "full mailbox"],
  ["rcpt", "550 User has too many messages on the server.", undefined, "known", "WEB.DE: full mailbox"],
  ["rcpt", "552 5.2.2 too many messages in mailbox", undefined, "likely", "full mailbox"],
  ["rcpt", "450 4.2.1 The user you are trying to contact is receiving mail too quickly.", undefined, "known", google],
  ["rcpt", "452 4.5.3 Too many recipients", undefined, "known", "RFC 5321 §4.5.3.1.10"],
  ["rcpt", "450 4.2.0 <a@b.example>: Recipient address rejected: Greylisted", undefined, "known", "postgrey"],
  ["rcpt", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", undefined, "known", microsoft],
  ["dot", "550 5.7.703 blocked by your organization using Tenant Allow Block List", undefined, "known", microsoft],
  ["dot", "550 5.7.505 Access denied, banned recipient", undefined, "known", microsoft],
  ["dot", "554 5.7.1 Message rejected as spam", undefined, "known", "spam filters"],
  ["dot", "550 5.7.1 Refused by local policy. No SPAM please!", undefined, "known", "strato.de/faq"],
  ["dot", "554-Transaction failed\n554-Reject due to policy restrictions.", undefined, "known", "GMX, WEB.DE, IONOS"],
  [
    "dot",
    "550 5.7.26 This mail has been blocked because the sender is unauthenticated. DKIM",
    undefined,
    "known",
    google,
  ],
  ["dot", "552 5.3.4 Message size exceeds fixed limit", undefined, "known", postfix],
  ["mail", "552 5.3.4 Message size exceeds fixed limit", undefined, "known", postfix],
  ["mail", "553 5.6.7 Address requires SMTPUTF8", undefined, "known", "RFC 6531 §3.5"],
  ["mail", "555 5.5.4 Unsupported option: RET=HDRS", undefined, "known", postfix],
  [
    "mail",
    "550 5.7.1 Messages from 192.0.2.1 weren't sent, part of their network is on our block list",
    undefined,
    "known",
    "Outlook.com",
  ],
  ["mail", "452 4.3.1 Insufficient system resources", undefined, "known", "Exchange under load"],
  ["mail", "432 4.3.2 Concurrent connections limit exceeded", undefined, "known", microsoft],
  ["mail", "452 4.3.1 too many messages in a short time", undefined, "likely", "back pressure, whatever the words"],
  ["rcpt", "550 5.7.124 Sender not in the group's list, sender denied", undefined, "likely", microsoft],
  ["rcpt", "421 4.3.2 Service shutting down", undefined, "known", "RFC 5321 §3.8"],
  ["greeting", "554 5.7.1 You are not allowed to connect", undefined, "known", "before any account"],
];

function causeOf(phase: SmtpPhase, text: string): Cause {
  const reply = parseSmtpReply(text);
  if (reply === undefined) throw new TypeError(text);
  return { kind: "reply", phase, reply };
}

describe("what replies say of the account", () => {
  test.each(rows)("%s: %s → %s (%s: %s)", (phase, reply, trouble) => {
    expect(accountTrouble(causeOf(phase, reply))).toBe(trouble);
  });

  it("a login that cannot be made is the account's; a connection lost meanwhile is not", () => {
    const login = (code: string): Cause => ({ kind: "connection", phase: "auth", code, message: "" });
    expect(accountTrouble(login("EAUTH"))).toBe("auth");
    expect(accountTrouble(login("EOAUTH2"))).toBe("auth");
    expect(accountTrouble(login("ECONNRESET"))).toBeUndefined();
    expect(accountTrouble({ ...login("EAUTH"), phase: "mail" } as Cause)).toBeUndefined();
    expect(accountTrouble({ kind: "tls", message: "authentication required" })).toBeUndefined();
  });

  it("is never read from a reply that names the recipient's address, whatever its words", () => {
    const texts = rows.map(([, reply]) => reply.replace(/^\d{3}[ -](?:[245]\.\d+\.\d+ )?/u, ""));
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.constantFrom("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"),
        (text, enhanced) => {
          expect(accountTrouble(causeOf("rcpt", `550 ${enhanced} ${text}`))).toBeUndefined();
        },
      ),
    );
  });
});

describe("a transaction with a relay", () => {
  const [a, b, c] = ["a@x.example", "b@x.example", "c@x.example"].map((text) => mustAddress(text));
  const taken: Outcome = { kind: "delivered", reply: { code: 250, enhanced: undefined, text: "ok" } };
  const answer = (phase: SmtpPhase, text: string): Outcome => {
    const reply = parseSmtpReply(text);
    return outcomeOf({ phase, reply, tls: false, code: "", message: "" });
  };
  const result = (...outcomes: readonly Outcome[]): TransactionResult => ({
    outcomes: outcomes.map((outcome, n): RecipientOutcome => ({
      recipient: [a, b, c][n] ?? mustAddress("x@y"),
      outcome,
    })),
    tooMany: [],
    destination: { kind: "answered" },
    bodyError: undefined,
    ms: 1,
  });
  const kinds = ({ outcomes }: TransactionResult): string[] => outcomes.map(({ outcome }) => outcome.kind);

  it("whose sender is refused at MAIL defers everybody", () => {
    const refusal = answer("mail", "553 5.7.1 Sender address rejected: not owned by user x");
    const judged = judgeAccount(result(refusal, refusal));
    expect(kinds(judged)).toEqual(["deferred", "deferred"]);
    expect(judged.account).toMatchObject({ trouble: "sender", cause: { phase: "mail" } });
  });

  it("whose login is refused says nothing of the destination: it has answered", () => {
    const refusal = answer("auth", "535 5.7.8 no");
    const cause: Cause = { kind: "connection", phase: "auth", code: "EAUTH", message: "no" };
    const judged = judgeAccount({ ...result(refusal), destination: { kind: "unavailable", cause } });
    expect(judged).toMatchObject({ account: { trouble: "auth" }, destination: { kind: "answered" } });
    expect(kinds(judged)).toEqual(["deferred"]);
  });

  it("keeps a recipient's own refusal beside the trouble", () => {
    const denied = answer("rcpt", "554 5.7.1 <b@x.example>: Relay access denied");
    const judged = judgeAccount(result(answer("rcpt", "550 5.1.1 unknown"), denied));
    expect(kinds(judged)).toEqual(["refused", "deferred"]);
    expect(judged.account?.trouble).toBe("auth");
  });

  it.each([
    ["taken", taken],
    ["accepted, and the message refused", answer("dot", "554 5.7.1 spam")],
    ["accepted, and the connection lost", answer("dot", "")],
  ])("with one recipient %s takes another's relay denial for that one's refusal", (_, other) => {
    const before = result(other, answer("rcpt", "554 5.7.1 <b@x.example>: Relay access denied"));
    expect(judgeAccount(before)).toBe(before);
  });

  it("that runs into the limit on the way keeps what was taken", () => {
    const judged = judgeAccount(result(taken, answer("rcpt", "450 Mail send limit exceeded."), taken));
    expect(kinds(judged)).toEqual(["delivered", "deferred", "delivered"]);
    expect(judged.account?.trouble).toBe("quota");
  });

  it("without any trouble is what it was", () => {
    for (const before of [
      result(taken),
      result(answer("rcpt", "550 5.1.1 unknown")),
      result(answer("mail", "452 4.3.1 full")),
      result(answer("dot", "")),
    ])
      expect(judgeAccount(before)).toBe(before);
  });
});
