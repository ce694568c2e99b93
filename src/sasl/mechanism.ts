/**
 * What every SASL mechanism (RFC 4422 §5) is for the dialogue that carries it.
 *
 * Octets are bare here; base64, the `=` of an empty initial response and the `*` that cancels are the dialogue's.
 */

/** One exchange with one server; not to be used twice. */
export interface SaslMechanism {
  readonly name: string;
  /** The initial response, if the mechanism has one: sent with AUTH, or in answer to the first, empty challenge. */
  initial(): Promise<Buffer | undefined>;
  /** The answer to a challenge. Rejects with `SaslError` when the challenge makes no sense; cancel the exchange then. */
  respond(challenge: Buffer): Promise<Buffer>;
  /** To be called when the server says that the login is good: throws `SaslError` when the server could not prove itself. */
  finish(): void;
  /** What the server said inside the exchange about its refusal (OAuth's JSON, SCRAM's `e=`), if it did. One line. */
  readonly complaint: string | undefined;
}

/** The exchange cannot go on: the server breaks the mechanism, or cannot prove that it knows the password. */
export class SaslError extends Error {
  override readonly name = "SaslError";
}

/** The server's words, fit for one line of a log. */
export function oneLine(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  return safe.length > longestQuote ? `${safe.slice(0, longestQuote)}…` : safe;
}

const longestQuote = 300;
