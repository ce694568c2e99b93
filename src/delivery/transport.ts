/**
 * What delivery needs of a way to a mail server: one transaction at a time, with an outcome for each recipient. The real
 * one is `smtp-transport.ts` on nodemailer's connections; specs of the worker put a scripted one in its place.
 */
import type { Address, ReversePath } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { Cause, Outcome } from "../core/outcome.ts";
import type { Traits } from "../message/edits.ts";

/** One mail transaction (RFC 5321 §3.3): one message, one reverse path, some of its recipients. */
export interface Transaction {
  readonly message: MessageId;
  readonly reversePath: ReversePath;
  readonly recipients: readonly [Address, ...Address[]];
  /** Octets that will be handed over, as far as known beforehand; for SIZE (RFC 1870) and for time limits. */
  readonly size: number;
  readonly traits: Traits;
  /**
   * The octets to hand over, with CRLF line ends and no dot-stuffing. Opened only once the server is ready for them. When
   * the iteration throws, nothing of the message may count as sent: the connection is destroyed without a final dot.
   */
  readonly body: () => AsyncIterable<Buffer>;
}

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
   * left alone (connection trouble, 421, back pressure 4.3.1 / 4.3.2).
   */
  readonly destination: { readonly kind: "answered" } | { readonly kind: "unavailable"; readonly cause: Cause };
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
}
