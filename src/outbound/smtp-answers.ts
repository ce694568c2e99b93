/**
 * The replies that are the protocol's own, each with its code (RFC 5321 §4.2) and its status (RFC 3463; the registry of
 * RFC 5248), and how a reply is written down.
 *
 * Whatever a text is made of, what goes over the wire is one line of printable ASCII, within the 512 octets of
 * RFC 5321 §4.5.3.1.5: nothing that a client, a file or another server said can add a line of its own.
 */
import type { SmtpAnswer } from "./port.ts";

/** RFC 5321 §4.5.3.1.5, without code, status and CRLF. */
const maxTextOctets = 480;

function answer(code: number, enhanced: string, text: string): SmtpAnswer {
  return { code, enhanced, text };
}

export const answers = {
  ok: answer(250, "2.0.0", "OK"),
  reset: answer(250, "2.0.0", "Forgotten"),
  senderOk: answer(250, "2.1.0", "Sender OK"),
  recipientOk: answer(250, "2.1.5", "Recipient OK"),
  goodbye: answer(221, "2.0.0", "Goodbye"),
  help: answer(214, "2.0.0", "Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP VRFY HELP QUIT"),
  cannotVerify: answer(252, "2.0.0", "Addresses are not looked up here; send the message"),
  readyForTls: answer(220, "2.0.0", "Ready to start TLS"),
  loggedIn: answer(235, "2.7.0", "Authentication successful"),
  // Out of order
  helloFirst: answer(503, "5.5.1", "Send EHLO first"),
  mailFirst: answer(503, "5.5.1", "Send MAIL first"),
  nestedMail: answer(503, "5.5.1", "A sender has been given already"),
  recipientFirst: answer(503, "5.5.1", "Send RCPT first"),
  /** RFC 5321 §3.3: DATA after recipients of whom none was accepted. */
  noRecipients: answer(554, "5.5.1", "No recipient was accepted"),
  /** RFC 3030 §3. */
  inChunks: answer(503, "5.5.1", "The message is being sent by BDAT"),
  loggedInAlready: answer(503, "5.5.1", "Already logged in"),
  loginTooLate: answer(503, "5.5.1", "Log in before MAIL"),
  encryptedAlready: answer(503, "5.5.1", "TLS is active already"),
  // Not understood
  unknownCommand: answer(500, "5.5.1", "Command not recognized"),
  notImplemented: answer(502, "5.5.1", "Command not implemented"),
  unreadableLine: answer(500, "5.5.2", "A command must be one line of text, ended by CR LF"),
  lineTooLong: answer(500, "5.5.2", "Line too long"),
  noArguments: answer(501, "5.5.4", "This command takes no arguments"),
  badHello: answer(501, "5.5.4", "Give one host name"),
  emptyArgument: answer(501, "5.5.4", "An argument is missing"),
  badChunk: answer(501, "5.5.4", "Write BDAT, the number of octets, and LAST with the last chunk"),
  // Login
  /** RFC 4954 §4 and §6. */
  unknownMechanism: answer(504, "5.5.4", "Only PLAIN and LOGIN are possible"),
  badLogin: answer(501, "5.5.2", "What was sent for the login cannot be read"),
  loginCancelled: answer(501, "5.7.0", "Login cancelled"),
  loginNeedsTls: answer(538, "5.7.11", "Encryption required: log in after STARTTLS"),
  /** RFC 8689 §2; X.7.10 of the registry. */
  requireTlsNeedsTls: answer(530, "5.7.10", "REQUIRETLS is possible over TLS only"),
  // The end of a connection
  idle: answer(421, "4.4.2", "Nothing was heard for too long, closing the connection"),
  tooLong: answer(421, "4.4.2", "The connection has lasted too long, connect again"),
  stopping: answer(421, "4.3.2", "The server is shutting down, try again later"),
  tooManyErrors: answer(421, "4.7.0", "Too many errors, closing the connection"),
  spokeTooSoon: answer(421, "4.5.0", "Commands came before the greeting, closing the connection"),
  notHttp: answer(421, "4.7.0", "This is not a web server, closing the connection"),
  // Ours
  fault: answer(451, "4.3.0", "A fault of this server, try again later"),
} as const;

/** RFC 1870 §6.1. */
export function tooLarge(limit: number): SmtpAnswer {
  return answer(552, "5.3.4", `The message is too large, at most ${limit} octets are taken`);
}

/** RFC 3030 §2: what each chunk but the last is answered. */
export function chunkTaken(octets: number): SmtpAnswer {
  return answer(250, "2.0.0", `${octets} octets received`);
}

/** A reply as it goes over the wire. Replies of 3xx have no status (RFC 2034 §4). */
export function formatAnswer({ code, enhanced, text }: SmtpAnswer): string {
  const status = code >= 300 && code < 400 ? "" : `${enhanced} `;
  return `${code} ${status}${oneLine(text)}\r\n`;
}

/** The reply to EHLO and HELO, and the greeting: no status (RFC 2034 §3). Never empty. */
export function formatLines(code: number, lines: readonly string[]): string {
  const last = lines.length - 1;
  return lines.map((line, i) => `${code}${i === last ? " " : "-"}${oneLine(line)}\r\n`).join("");
}

/** The reply without its line end, as events and logs show it. */
export function answerText(reply: SmtpAnswer): string {
  return formatAnswer(reply).trimEnd();
}

function oneLine(text: string): string {
  return text.replace(/[^ -~]+/gu, " ").slice(0, maxTextOctets);
}
