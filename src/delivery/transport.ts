/**
 * What delivery needs of a way to a mail server: one transaction at a time, with an outcome for each recipient. The real
 * one is `smtp-transport.ts` on nodemailer's connections; specs of the worker put a scripted one in its place.
 */
import type { Address, ReversePath } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { Cause, Outcome } from "../core/outcome.ts";
import type { Traits } from "../message/edits.ts";
import type { DsnWishes, Submission } from "../spool/record.ts";

/** One mail transaction (RFC 5321 §3.3): one message, one reverse path, some of its recipients. */
export interface Transaction {
  readonly message: MessageId;
  readonly reversePath: ReversePath;
  readonly recipients: readonly [Address, ...Address[]];
  /** Octets that will be handed over, as far as known beforehand; for SIZE (RFC 1870) and for time limits. */
  readonly size: number;
  readonly traits: Traits;
  /** What the sender wishes to be told (RFC 3461): passed on where the server offers DSN. */
  readonly dsn?: TransactionDsn | undefined;
  /** RFC 8689. A server without REQUIRETLS, or a connection that is not secured and proved, refuses by `extension`. */
  readonly requireTls?: boolean | undefined;
  /**
   * The octets to hand over, with CRLF line ends and no dot-stuffing. Opened only once the server is ready for them. When
   * the iteration throws, nothing of the message may count as sent: the connection is destroyed without a final dot.
   */
  readonly body: () => AsyncIterable<Buffer>;
}

/** The wishes of the message, and those of each recipient that has any. */
export interface TransactionDsn extends Pick<Submission, "ret" | "envid"> {
  readonly wishes: ReadonlyMap<Address, DsnWishes>;
}

/** What is wrong with an account at a relay, and not with a message: the login, the sender it may use, its allowance. */
export type AccountTrouble = "auth" | "sender" | "quota";

export interface RecipientOutcome {
  readonly recipient: Address;
  readonly outcome: Outcome;
}

/** What came of a transaction. */
export interface TransactionResult {
  /** One for each recipient, in their order. */
  readonly outcomes: readonly RecipientOutcome[];
  /**
   * Recipients that the server would have taken in another transaction (452 4.5.3, RFC 5321 §4.5.3.1.10): they have no
   * outcome yet in the sense of a retry, and stand in `outcomes` as deferred.
   */
  readonly tooMany: readonly Address[];
  /**
   * What the transaction says about the destination as a whole: it answered, or it could not be reached or wants to be
   * left alone (connection trouble, 421, back pressure 4.3.1 / 4.3.2). `unasked`: nothing, since the message failed on our
   * side before anybody was asked.
   */
  readonly destination:
    | { readonly kind: "answered" }
    | { readonly kind: "unasked" }
    | { readonly kind: "unavailable"; readonly cause: Cause };
  /**
   * Trouble with the account. Whom the server turned away for that is then deferred, whatever code it gave, and the
   * destination counts as answering; a refusal that is about one recipient stays one.
   */
  readonly account?: { readonly trouble: AccountTrouble; readonly cause: Cause } | undefined;
  /** The server took the DSN wishes over (RFC 3461 §5.2.1): it reports, and we do not. */
  readonly dsnPassedOn?: boolean | undefined;
  /** `body` threw this. The outcomes are then deferred. */
  readonly bodyError: Error | undefined;
  readonly ms: number;
}

export interface Transport extends AsyncDisposable {
  /** For events: `exchange 10.0.0.5:25`. */
  readonly name: string;
  /**
   * Hands a message over, on a connection kept from before or on a new one. Never rejects for what a server or a network
   * does; rejects with the signal's reason when that is aborted before the first octet of the message went out, and
   * otherwise finishes or reports `unconfirmed`.
   */
  deliver(transaction: Transaction, signal: AbortSignal): Promise<TransactionResult>;
  /** The server's SIZE (RFC 1870) as it was last said, octets; `undefined` when it names none or has not been asked yet. */
  maxOctets?(): number | undefined;
  /** Whether REQUIRETLS (RFC 8689) could be asked for on the last connection; `undefined` when there has been none yet. */
  offersRequireTls?(): boolean | undefined;
}
