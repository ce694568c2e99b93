/**
 * Status lines of a POP3 server (RFC 1939 §3, RFC 2449 §8) and what a refusal means. Pure.
 *
 * A response code in brackets decides where there is one. Without it the words do: the phrases that servers used before
 * there were codes, and still use. A refused login that says nothing else is taken as a refusal of the credentials:
 * the slowest way to try again, so the one that cannot lock an account.
 */
import type { Pop3ErrorKind } from "./port.ts";

export interface Pop3Reply {
  /** `continue`: the bare `+` of a SASL exchange (RFC 5034 §4). */
  readonly status: "ok" | "error" | "continue";
  /** `IN-USE`, `SYS/TEMP`, …: upper case, without brackets. */
  readonly code: string | undefined;
  /** What stands behind status and code. One line, without control characters, cut to 500 characters. */
  readonly text: string;
  /** Everything behind the status, as sent: the stamp of a greeting, the base64 of a challenge. */
  readonly raw: string;
}

const maxTextLength = 500;

/** Reads a line without its end. `undefined` when it cannot be a status line. */
export function parseReply(line: Buffer): Pop3Reply | undefined {
  const match = /^(\+OK|-ERR|\+)(?=[\s[]|$)\s*(.*)$/isu.exec(line.toString("utf8").trimEnd());
  if (match === null) return undefined;
  const raw = match[2] ?? "";
  const status = match[1] === "+" ? "continue" : match[1]?.startsWith("+") === true ? "ok" : "error";
  const code = /^\[([A-Za-z][\w/.-]{0,60})[^\]]*\]\s*/u.exec(raw);
  return { status, code: code?.[1]?.toUpperCase(), text: plain(raw.slice(code?.[0].length ?? 0)), raw };
}

/** The server's words for an error message, with the response code. */
export function replyWords(reply: Pop3Reply): string {
  return reply.code === undefined ? reply.text : `[${reply.code}] ${reply.text}`.trimEnd();
}

/** What a refusal calls for. */
export function refusalKind(reply: Pop3Reply, during: "login" | "other"): Pop3ErrorKind {
  return statedKind(reply) ?? (during === "login" ? "auth" : "temporary");
}

/** What the refusal itself says it is, by code or by words; `undefined` when it says nothing. */
export function statedKind(reply: Pop3Reply): Pop3ErrorKind | undefined {
  return kindByCode.get(reply.code ?? "") ?? kindByWords(reply.text);
}

/** Whether the refusal says of itself that it will pass. */
export function soundsTemporary(reply: Pop3Reply): boolean {
  const kind = statedKind(reply);
  return kind === "temporary" || kind === "in-use" || kind === "login-delay";
}

function kindByWords(text: string): Pop3ErrorKind | undefined {
  if (/\b(?:account|user|login)\b.*\b(?:locked out|disabled|blocked|suspended|expired)\b/iu.test(text)) return "auth";
  if (/\bwait\b|too (?:soon|often|frequent)|too many (?:logins|polls)|\bminutes? between\b|login.?delay/iu.test(text))
    return "login-delay";
  if (/\block|in use|already (?:open|logged|active)|another session|\bbusy\b/iu.test(text)) return "in-use";
  if (/too many|unavailable|temporar|try (?:it )?(?:again )?later|internal (?:server )?error|overload/iu.test(text))
    return "temporary";
  return undefined;
}

/** RFC 2449 §8, RFC 3206, and the IANA registry of POP3 response codes. */
const kindByCode = new Map<string, Pop3ErrorKind>([
  ["IN-USE", "in-use"],
  ["LOGIN-DELAY", "login-delay"],
  ["SYS/TEMP", "temporary"],
  ["SYS/PERM", "permanent"],
  ["AUTH", "auth"],
]);

/** How long the server asks to be left alone: the first time span in its words, English or German. */
export function retryAfter(reply: Pop3Reply): number | undefined {
  const match = /(\d{1,6})\s*(sec|sek|min|hour|stunde|std|[smh]\b)/iu.exec(reply.text);
  const unit = match?.[2]?.toLowerCase();
  if (unit === undefined) return undefined;
  const unitMs = /^(?:h|st)/u.test(unit) ? 3_600_000 : unit.startsWith("m") ? 60_000 : 1000;
  return Number(match?.[1]) * unitMs;
}

/**
 * The stamp for APOP (RFC 1939 §7), wherever the greeting has it. Only what is shaped like a msg-id counts: some servers
 * decorate their banner with angle brackets, and a free choice of the stamp helps attacks on MD5 (CVE-2007-1558).
 */
export function apopStamp(greeting: Pop3Reply): string | undefined {
  return /<[\w!#$%&'*+\-/=?^`{|}~.]{1,200}@(?:[\w!#$%&'*+\-/=?^`{|}~.]{1,200}|\[[\w.:]{1,60}\])>/u.exec(
    greeting.raw,
  )?.[0];
}

/** One line without control characters. */
function plain(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return clean.length > maxTextLength ? `${clean.slice(0, maxTextLength)}…` : clean;
}
