/**
 * Which replies of a relay are about our account there, and not about a message or a recipient. Pure.
 *
 *   auth    the relay does not know us: login refused, login required, relaying denied, our host turned away
 *   sender  we are known, but may not send under this address
 *   quota   we may, but not so much, or not so fast
 *
 * Such trouble bounces nothing: it would return everybody's mail for what an administrator has to put right. To read it
 * where it is not would be as bad, since one message would stop all others. So what is in doubt is no account's trouble:
 *
 * - A reply that names the recipient's side (its address, its mailbox, its own restrictions, what another server said, the
 *   checks of SPF, DKIM and DMARC) never is, nor is the refusal of one message as spam.
 * - Refusals at RCPT that could be about that recipient count only when no recipient was accepted.
 * - The enhanced codes of RFC 3463 say little here (5.7.1 stands for all of it): the vendors' own codes are read, then the
 *   words. Where the words come from stands in the table of the spec.
 *
 * What RFC 4954 §6 calls temporary (454 4.7.0), missing TLS and back pressure (4.3.1, 4.3.2) are the server's trouble.
 */
import type { Cause, Outcome, SmtpPhase, SmtpReply } from "../core/outcome.ts";
import type { AccountTrouble, RecipientOutcome, TransactionResult } from "./transport.ts";

/** nodemailer's codes for a login that cannot be made: no credentials, no common mechanism, no token. */
const loginFaults: ReadonlySet<string> = new Set(["EAUTH", "ENOAUTH", "EOAUTH2"]);

/** What is wrong with our account, if that is what went wrong. */
export function accountTrouble(cause: Cause): AccountTrouble | undefined {
  if (cause.kind === "connection") return cause.phase === "auth" && loginFaults.has(cause.code) ? "auth" : undefined;
  if (cause.kind !== "reply" || wantsTls(cause.reply) || isBackPressure(cause.reply)) return undefined;
  const { phase, reply } = cause;
  if (phase === "auth") return atLogin(reply);
  if (!atMail.has(phase) || isOfOthers(reply)) return undefined;
  return byCode(reply) ?? byWords(phase, reply) ?? bySenderPath(phase, reply);
}

/**
 * The result of a transaction with a relay, read for trouble with the account: recipients that were turned away for that are
 * deferred whatever the code, and the destination counts as answering. What is about a recipient or the mail stays.
 */
export function judgeAccount(result: TransactionResult): TransactionResult {
  const anyAccepted = result.outcomes.some(({ outcome }) => wasAccepted(outcome));
  const troubles = result.outcomes.flatMap(({ outcome }) => troubleOf(outcome, anyAccepted) ?? []);
  const [account] = troubles;
  if (account === undefined) return result;
  const outcomes = result.outcomes.map(({ recipient, outcome }): RecipientOutcome => {
    if (outcome.kind !== "refused" || troubleOf(outcome, anyAccepted) === undefined) return { recipient, outcome };
    return { recipient, outcome: { kind: "deferred", cause: outcome.cause } };
  });
  return { ...result, outcomes, account, destination: { kind: "answered" } };
}

function troubleOf(outcome: Outcome, anyAccepted: boolean): TransactionResult["account"] {
  if (outcome.kind !== "refused" && outcome.kind !== "deferred") return undefined;
  const { cause } = outcome;
  const trouble = accountTrouble(cause);
  if (trouble === undefined) return undefined;
  const isOneAmongOthers = anyAccepted && trouble !== "quota" && cause.kind === "reply" && cause.phase === "rcpt";
  return isOneAmongOthers ? undefined : { trouble, cause };
}

/** RCPT was answered by 2yz, whatever came then. */
function wasAccepted(outcome: Outcome): boolean {
  if (outcome.kind === "delivered" || outcome.kind === "unconfirmed") return true;
  const { cause } = outcome;
  return (cause.kind === "reply" || cause.kind === "connection") && ["data", "body", "dot"].includes(cause.phase);
}

const atMail: ReadonlySet<SmtpPhase> = new Set(["mail", "rcpt", "data", "body", "dot"]);

/** 530 5.7.0, 538 5.7.11: it is the connection that is not good enough (RFC 3207 §4, RFC 4954 §6). */
function wantsTls({ code, text }: SmtpReply): boolean {
  return code === 538 || /\bstarttls\b|\b(?:tls|ssl|encryption) (?:is )?required/iu.test(text);
}

function isBackPressure({ enhanced }: SmtpReply): boolean {
  return enhanced === "4.3.1" || enhanced === "4.3.2";
}

/** RFC 4954 §6: 5yz is for good, and 432 wants a person; other 4yz are the server's own trouble. */
function atLogin(reply: SmtpReply): AccountTrouble | undefined {
  if (/too many (?:failed )?(?:log[- ]?ins?|auth)|credits exceeded/iu.test(reply.text)) return "quota";
  if (reply.code === 432) return "auth";
  return isPermanent(reply) ? "auth" : undefined;
}

function isPermanent({ code }: SmtpReply): boolean {
  return code >= 500 && code < 600;
}

/** RFC 3463 §3.2: X.1.1 to X.1.6 but for the two that are about the sender's address; 5.1.10 is Exchange's unknown user. */
const recipientsAddress = /^[45]\.1\.(?:[1-6]|10)$/u;
/** Exchange's restrictions of a mailbox, group or domain: who may write to it. */
const recipientsRules = /^5\.7\.(?:12\d|13[0-8]|703)$/u;
const othersWords: readonly RegExp[] = [
  // The answer of another server, handed on.
  /\bsaid:|remote (?:host|server) (?:said|returned|answered)/iu,
  /recipient address rejected|\b(?:invalid|unknown|bad) recipient|mailbox (?:is )?full/iu,
  /user you are trying to contact|rate limit[^.]*\brecipient/iu,
  /\b(?:SPF|DKIM|DMARC)\b/iu,
];

function isOfOthers({ enhanced = "", text }: SmtpReply): boolean {
  if (recipientsAddress.test(enhanced) || recipientsRules.test(enhanced)) return true;
  return othersWords.some((pattern) => pattern.test(text));
}

/** Microsoft 365 and Exchange give each case a code of its own. */
const codes: ReadonlyMap<string, AccountTrouble> = new Map([
  ["5.7.30", "auth"],
  ["5.7.57", "auth"],
  ["5.7.64", "auth"],
  ["5.2.252", "sender"],
  ["5.7.60", "sender"],
  ["5.7.501", "sender"],
  ["5.7.502", "sender"],
  ["5.7.503", "sender"],
  ["5.7.750", "sender"],
  ["5.1.90", "quota"],
  ["5.7.705", "quota"],
  ["5.7.708", "quota"],
]);

function byCode({ code, enhanced }: SmtpReply): AccountTrouble | undefined {
  // Authentication required (RFC 4954 §6).
  if (code === 530) return "auth";
  return enhanced === undefined ? undefined : codes.get(enhanced);
}

interface Words {
  readonly trouble: AccountTrouble;
  /** True: 4yz as well. Deferred it is in any case; the trouble says that no other message will fare better. */
  readonly alsoTemporary: boolean;
  readonly pattern: RegExp;
}

const words: readonly Words[] = [
  ...of("quota", true, [
    /\bdaily [\w ]{0,40}(?:limit|quota) (?:has been )?exceeded|\bdaily limit for message recipients/iu,
    /peak smtp relay limit exceeded/iu,
    /\bsend(?:ing)? (?:limit|quota|rate)(?: has been)? exceeded/iu,
    /exceeded (?:its|your|the) [\w -]{0,30}\bsending (?:limit|quota|rate)/iu,
    /exceeded the max(?:imum)? (?:emails|messages|defers and failures) per/iu,
    /number of allowed outgoing messages was exceeded/iu,
    /(?:message count|submission) quota exceeded|submissionquotaexceeded/iu,
    /your mail limit has been reached|mail rate limit|(?:message|user|sender) rate limit (?:exceeded|reached)/iu,
    /too much mail from|too many messages (?:from|sent|per|in (?:a |one |the last )?(?:minute|hour|day|short))\b/iu,
    /tenant has exceeded threshold|unusual sending activity|credits exceeded/iu,
    /WASCL UserAction verdict is (?:Suspend|ShowTierUpgrade)/iu,
  ]),
  ...of("sender", false, [
    /not owned by (?:auth )?user/iu,
    /send ?as ?denied|permissions? to send as this sender|not allowed to send as\b/iu,
    /sender address (?:is )?not allowed|unauthori[sz]ed sender address/iu,
    /email address is not verified|from address (?:is )?not (?:verified|allowed|permitted|authori[sz]ed|one of your)/iu,
    /(?:sender|from)(?: address| header)? (?:does not|doesn't|must) match\b/iu,
    /mail from(?: address)? must (?:be (?:the )?same as|equal) authori[sz]/iu,
    /sender verify failed|bad outbound sender/iu,
    /sender address rejected|sender (?:is )?not allowed to (?:relay|send mail)|sender denied/iu,
  ]),
  ...of("auth", true, [
    /\brelay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:permitted|allowed))|unable to relay\b|not an open relay/iu,
    /invalid credentials for relay/iu,
  ]),
  ...of("auth", false, [
    /client (?:was|is) not authenticated|smtp auth(?:entication)? (?:is )?required|turn on smtp authentication/iu,
    /must (?:first )?(?:log ?in|authenticate) (?:first|before)|authentication (?:is )?required (?:to|for|before) (?:send|relay)/iu,
    /\byour (?:\w+ )?account (?:has been|is|was) (?:\w+ )?(?:suspended|disabled|blocked|locked|deactivated)/iu,
    // Our host is turned away before anything is known of the mail: Postfix's client restrictions.
    /\bclient host (?:\S+ )?(?:rejected|blocked)/iu,
  ]),
];

function of(trouble: AccountTrouble, alsoTemporary: boolean, patterns: readonly RegExp[]): readonly Words[] {
  return patterns.map((pattern) => ({ trouble, alsoTemporary, pattern }));
}

function byWords(phase: SmtpPhase, reply: SmtpReply): AccountTrouble | undefined {
  // One line: servers fold their texts anywhere.
  const text = reply.text.replace(/\s+/gu, " ");
  if (phase === "mail" && isPermanent(reply) && /\bauthenticat/iu.test(text)) return "auth";
  return words.find(({ alsoTemporary, pattern }) => (alsoTemporary || isPermanent(reply)) && pattern.test(text))
    ?.trouble;
}

/** Refusals of MAIL for other reasons than the path: size, syntax, what a list says of our host. */
const notForThePath =
  /\bsize\b|too (?:large|big)|utf-?8|syntax|parameter|spam|\b[bd]nsbl\b|\brbl\b|black|block|reputation|helo/iu;

/**
 * MAIL knows nothing of recipients and content: 550, 551 and 553 refuse the path that it names (RFC 5321 §3.3, §4.2.2), and
 * so do X.1.7 and X.1.8 wherever they stand (RFC 3463 §3.2).
 */
function bySenderPath(phase: SmtpPhase, reply: SmtpReply): AccountTrouble | undefined {
  const { code, enhanced = "", text } = reply;
  if (!isPermanent(reply) || notForThePath.test(text)) return undefined;
  if (enhanced === "5.1.7" || enhanced === "5.1.8") return "sender";
  if (phase !== "mail" || ![550, 551, 553].includes(code)) return undefined;
  return enhanced === "" || /^5\.[017]\./u.test(enhanced) ? "sender" : undefined;
}
