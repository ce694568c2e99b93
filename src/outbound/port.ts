/**
 * How the parts of the listener meet. The SMTP server (`smtp-*.ts`) speaks the protocol and knows nothing of permission
 * or storage; the gatekeeper (`gatekeeper.ts`) says who may do what; the receiver (`receiver.ts`) makes a message durable.
 *
 * Replies are values: the server writes them as they are, with the enhanced code (RFC 3463) behind the reply code, and
 * without any CR or LF of their own.
 */
import type { Address, ReversePath } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { DsnWishes } from "../spool/record.ts";

export interface SmtpAnswer {
  readonly code: number;
  readonly enhanced: string;
  /** One line, ASCII. */
  readonly text: string;
}

export type Verdict =
  | { readonly kind: "ok" }
  /** `close`: the connection is ended after the reply. */
  | { readonly kind: "no"; readonly answer: SmtpAnswer; readonly close: boolean };

/** The other end of one connection, as far as it is known by now. */
export interface SmtpClient {
  /** IP address; IPv4 in its own form even where it came as `::ffff:…`. */
  readonly address: string;
  /** The address it was accepted on, `127.0.0.1:25`. */
  readonly listener: string;
  /** What it said in EHLO or HELO; empty before. */
  readonly helo: string;
  readonly esmtp: boolean;
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined;
  /** Who has logged in. */
  readonly user: string | undefined;
}

/** What MAIL FROM asked for (RFC 5321, 1870, 6152, 6531, 3461, 8689). */
export interface MailRequest {
  readonly reversePath: ReversePath;
  /** SIZE, octets. */
  readonly size: number | undefined;
  readonly body: "7BIT" | "8BITMIME" | undefined;
  readonly smtpUtf8: boolean;
  readonly requireTls: boolean;
  readonly ret: "FULL" | "HDRS" | undefined;
  readonly envid: string | undefined;
}

export interface EnvelopeRecipient {
  readonly address: Address;
  /** `undefined` when neither NOTIFY nor ORCPT was given. */
  readonly dsn: DsnWishes | undefined;
}

/** The permissions of one connection. Disposed when it ends: it counts among its client's until then. */
export interface Pass extends Disposable {
  /**
   * Whether to offer AUTH, and to take it: only ever over TLS, or from this machine. Asked at each EHLO and AUTH, since
   * STARTTLS changes the answer.
   */
  mayLogIn(client: SmtpClient): boolean;
  /**
   * Checks a login. Slow on purpose (scrypt, and a pause after a wrong password). After `ok` the server names the user
   * in `client`. Ends early when the pass is disposed.
   */
  logIn(user: string, password: string, client: SmtpClient): Promise<Verdict>;
  mail(request: MailRequest, client: SmtpClient): Verdict;
  /** `recipients`: those accepted before. `text`: the path as it was written, without angle brackets. */
  recipient(address: Address, text: string, recipients: number, client: SmtpClient): Verdict;
}

export interface Gatekeeper {
  /** Asked once for each connection, before the greeting. */
  admit(client: SmtpClient): { readonly kind: "ok"; readonly pass: Pass } | Extract<Verdict, { kind: "no" }>;
}

/** What became of a message that was taken in. */
export type Received =
  /** It is on disk: `250 2.0.0 … queued as <id>`. */
  { readonly kind: "stored"; readonly id: MessageId; readonly answer: SmtpAnswer } | Extract<Verdict, { kind: "no" }>;

export interface Receiver {
  /**
   * Asked once at each MAIL: a full disk, a queue that grows old, or relays in trouble answer 4xx, and the mail stays with
   * the client. (Not more than once: under pressure a message is let in now and then, to find out whether mail gets out.)
   */
  pressure(): Verdict;
  /** The largest message that will be taken now, octets: SIZE in EHLO. */
  maxOctets(): number;
  /**
   * Whether mail that demands TLS on the whole way (RFC 8689) could be relayed: REQUIRETLS in EHLO, over TLS. Unless
   * given, it could.
   */
  keepsRequireTls?(): boolean;
  /**
   * Takes a message in and makes it durable. `body` gives the octets after dot-unstuffing, as they were sent; it throws
   * when the client is lost or must be refused, and nothing is stored then; the answer is 451 unless the caller knows
   * better. When `receive` answers before the body has ended, the rest is read and thrown away by the caller. Aborting the
   * signal ends the wait for the body; a commit that has begun is finished. Rejects only for a fault of our own.
   */
  receive(
    client: SmtpClient,
    request: MailRequest,
    recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]],
    body: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<Received>;
}
