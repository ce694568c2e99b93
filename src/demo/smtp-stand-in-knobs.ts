/**
 * What an SMTP stand-in can be told to do: extensions, limits, and misbehaviour at each phase. Plain data.
 *
 * `exchangeKnobs` are Exchange's defaults on a Receive connector, as its documentation of message rate limits, size
 * limits and back pressure gives them; `relaxedKnobs` take everything, as a provider's MX on a good day.
 */

/** Where the stand-in can be told to act. `body` is after the first octets that follow 354, `dot` after the final dot. */
export type StandInPhase =
  | "connect"
  | "ehlo"
  | "starttls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "body"
  | "dot"
  | "rset"
  | "quit";

/** What it does in place of what it would have done. */
export type StandInAction =
  /** Sends these lines (`550 5.1.1 No`; a line feed parts the lines of one reply). 421 or `close` ends the connection. */
  | { readonly do: "reply"; readonly line: string; readonly close?: boolean }
  /** Ends the connection without a reply. At the dot, `taken` says whether the message counts as received. */
  | { readonly do: "drop"; readonly taken?: boolean }
  /** The same with a TCP reset. */
  | { readonly do: "reset"; readonly taken?: boolean }
  /** Says nothing and keeps the connection open until the client ends it. */
  | { readonly do: "silence"; readonly taken?: boolean };

interface StandInMoment {
  readonly phase: StandInPhase;
  /** The command's argument as sent: the address at MAIL and RCPT, otherwise what followed the verb. */
  readonly argument: string;
  /** 1 for the first connection since the stand-in was started. */
  readonly connection: number;
  /** Transactions (MAIL commands) of this connection so far. */
  readonly transaction: number;
}

type StandInRule = StandInAction | ((moment: StandInMoment) => StandInAction | undefined);

export type StandInSasl = "PLAIN" | "LOGIN" | "CRAM-MD5" | "XOAUTH2";

export interface SmtpStandInKnobs {
  /** Its name in the greeting and in EHLO. */
  readonly hostname: string;
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly enhancedStatusCodes: boolean;
  /** Offered when a key and a certificate were given. */
  readonly starttls: boolean;
  readonly auth: readonly StandInSasl[];
  /** Whom AUTH lets in: user to password (for XOAUTH2, to access token). */
  readonly users: ReadonlyMap<string, string>;
  /** MAIL is refused with 530 before AUTH. */
  readonly authRequired: boolean;
  /** AUTH is neither announced nor taken before TLS. */
  readonly authNeedsTls: boolean;
  /** Announced with SIZE and enforced (RFC 1870): octets, `undefined` for no SIZE at all. */
  readonly size: number | undefined;
  /** A limit that is not announced and shows after the dot only. */
  readonly hiddenSize: number | undefined;
  /** Further EHLO keywords, as Exchange's X-EXPS. */
  readonly moreKeywords: readonly string[];
  /** The answer to EHLO is 502, as from servers of the last century. */
  readonly heloOnly: boolean;
  /** Who has a mailbox (lower case). `undefined`: everyone. */
  readonly mailboxes: ReadonlySet<string> | undefined;
  /** Where an unknown recipient shows: at RCPT, or after the dot and then for the whole message (Recipient Filter). */
  readonly recipientCheck: "rcpt" | "dot";
  /** Recipients of one transaction; the next get 452 4.5.3. */
  readonly maxRecipients: number;
  /** Open connections of one source; the next get 421 4.3.2. */
  readonly maxConnections: number;
  /** Transactions of one connection; the next MAIL gets 421. */
  readonly messagesPerConnection: number;
  /** Errors (5yz replies before the dot) of one connection; then 421 4.7.0 and the end. */
  readonly maxErrors: number;
  /** `mail`: 452 4.3.1 at MAIL. `connect`: 421 4.3.2 in place of the greeting. */
  readonly backPressure: "none" | "mail" | "connect";
  /** Milliseconds to wait before the reply of a phase. */
  readonly delayMs: Readonly<Partial<Record<StandInPhase, number>>>;
  /** Milliseconds to wait before each 5yz reply to RCPT: Exchange's TarpitInterval. */
  readonly tarpitMs: number;
  readonly at: Readonly<Partial<Record<StandInPhase, StandInRule>>>;
  /** By recipient (lower case), before `at.rcpt`. */
  readonly atRcpt: Readonly<Record<string, StandInAction>>;
  /** Octets of the messages are kept. Without, `raw` is empty; size and digest are there all the same. */
  readonly keepRaw: boolean;
}

export const relaxedKnobs: SmtpStandInKnobs = {
  hostname: "mx.example",
  pipelining: true,
  eightBitMime: true,
  smtpUtf8: true,
  dsn: true,
  enhancedStatusCodes: true,
  starttls: true,
  auth: [],
  users: new Map(),
  authRequired: false,
  authNeedsTls: false,
  size: 50 * 1024 * 1024,
  hiddenSize: undefined,
  moreKeywords: [],
  heloOnly: false,
  mailboxes: undefined,
  recipientCheck: "rcpt",
  maxRecipients: 1000,
  maxConnections: 1000,
  messagesPerConnection: Number.POSITIVE_INFINITY,
  maxErrors: Number.POSITIVE_INFINITY,
  backPressure: "none",
  delayMs: {},
  tarpitMs: 0,
  at: {},
  atRcpt: {},
  keepRaw: true,
};

/** A Receive connector as Exchange 2016, 2019 and SE set it up; the tarpit is left to the caller. */
export const exchangeKnobs: SmtpStandInKnobs = {
  ...relaxedKnobs,
  hostname: "exchange.firma.example",
  smtpUtf8: false,
  size: 36 * 1024 * 1024,
  moreKeywords: ["BINARYMIME", "XRDST"],
  maxRecipients: 200,
  maxConnections: 20,
  maxErrors: 5,
};
