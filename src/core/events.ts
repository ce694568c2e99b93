/**
 * Everything that popgate tells an operator: one union, rendered by the logger, the command line, the page and the
 * documentation alike (`event-words.ts`). No event carries a secret, a header's free text beyond the subject, or any
 * part of a body.
 */
import type { HoldReason } from "./hold.ts";
import type { AccountName, MessageId } from "./ids.ts";

export type PopgateEvent =
  // The daemon
  | { readonly kind: "started"; readonly version: string; readonly config: string; readonly accounts: number }
  | { readonly kind: "stopping"; readonly reason: string }
  | { readonly kind: "stopped" }
  | { readonly kind: "reloaded"; readonly config: string }
  | { readonly kind: "reload-refused"; readonly config: string; readonly errors: readonly string[] }
  /** The service manager cannot be told of the daemon's state. Told once. */
  | { readonly kind: "service-notify-failed"; readonly detail: string }
  // The spool
  | {
      readonly kind: "spool-opened";
      readonly dir: string;
      readonly queued: number;
      readonly held: number;
      readonly swept: number;
    }
  /** Its entries take the form of another schema version: of a newer program, or of an older one again. */
  | {
      readonly kind: "spool-change-started";
      readonly dir: string;
      readonly from: number;
      readonly to: number;
      /** Where the copy of the state before goes, or has gone; `undefined`: none is made. */
      readonly copy: string | undefined;
      /** An earlier start was interrupted. */
      readonly again: boolean;
    }
  | { readonly kind: "spool-change-copied"; readonly copy: string; readonly octets: number }
  | { readonly kind: "spool-change-progress"; readonly dir: string; readonly to: number; readonly entries: number }
  | {
      readonly kind: "spool-changed";
      readonly dir: string;
      readonly from: number;
      readonly to: number;
      readonly entries: number;
      readonly copy: string | undefined;
    }
  | { readonly kind: "spool-full"; readonly detail: string }
  | { readonly kind: "spool-failed"; readonly detail: string }
  | { readonly kind: "spool-recovered" }
  | { readonly kind: "record-set-aside"; readonly key: string; readonly detail: string }
  // Polling
  | { readonly kind: "poll-started"; readonly account: AccountName }
  | {
      readonly kind: "poll-finished";
      readonly account: AccountName;
      readonly listed: number;
      readonly fetched: number;
      readonly octets: number;
      readonly deleted: number;
      readonly left: number;
      readonly held: number;
      readonly ms: number;
    }
  | {
      readonly kind: "poll-failed";
      readonly account: AccountName;
      /** A `Pop3ErrorKind`, or `spool`. */
      readonly failure: string;
      readonly detail: string;
      readonly retryAt: number;
    }
  | { readonly kind: "box-notice"; readonly account: AccountName; readonly uidl: string; readonly detail: string }
  /** Something about the box or the server as a whole that a person should know; told once. */
  | { readonly kind: "account-notice"; readonly account: AccountName; readonly detail: string }
  | {
      readonly kind: "box-rebuilt";
      readonly account: AccountName;
      readonly recognised: number;
      readonly listed: number;
    }
  | {
      readonly kind: "profile-learnt";
      readonly account: AccountName;
      readonly profile: string;
      readonly share: number;
      readonly of: number;
    }
  | { readonly kind: "profile-undecided"; readonly account: AccountName; readonly detail: string }
  | { readonly kind: "profile-drift"; readonly account: AccountName; readonly source: string; readonly detail: string }
  // Messages
  | {
      readonly kind: "received";
      readonly message: MessageId;
      readonly account: AccountName;
      readonly uidl: string;
      readonly size: number;
      readonly recipients: readonly string[];
      readonly source: string;
    }
  | {
      readonly kind: "duplicate";
      readonly account: AccountName;
      readonly uidl: string;
      readonly of: MessageId;
      readonly detail: string;
    }
  | {
      readonly kind: "held";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly recipient: string | undefined;
      readonly reason: HoldReason;
      readonly detail: string;
    }
  | {
      readonly kind: "delivered";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly recipients: readonly string[];
      readonly destination: string;
      readonly reply: string;
      /** Of the reply. */
      readonly code?: number | undefined;
      readonly ms: number;
    }
  | {
      readonly kind: "deferred";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly recipients: readonly string[];
      readonly destination: string;
      readonly cause: string;
      /** Of the reply, if it was one. */
      readonly code?: number | undefined;
      readonly nextAttemptAt: number;
    }
  | {
      readonly kind: "refused";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly recipients: readonly string[];
      readonly destination: string;
      readonly cause: string;
      /** Of the reply, if it was one. */
      readonly code?: number | undefined;
      readonly consequence: "held" | "redirected" | "bounced";
    }
  | {
      readonly kind: "unconfirmed";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly recipients: readonly string[];
      readonly destination: string;
      readonly cause: string;
      /** Of the reply, if it was one. */
      readonly code?: number | undefined;
      readonly nextAttemptAt: number;
    }
  | {
      readonly kind: "released";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly by: string;
      readonly recipients: readonly string[];
    }
  /** Somebody has returned it to its sender, who is told of these recipients. */
  | {
      readonly kind: "returned";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly by: string;
      readonly recipients: readonly string[];
    }
  | {
      readonly kind: "dropped";
      readonly message: MessageId;
      readonly account: AccountName | undefined;
      readonly by: string;
      readonly recipients: readonly string[];
    }
  | { readonly kind: "ended"; readonly message: MessageId; readonly account: AccountName | undefined }
  | { readonly kind: "notice-spooled"; readonly message: MessageId; readonly about: number; readonly troubles: number }
  // Mail that is submitted to us
  | { readonly kind: "listening"; readonly address: string; readonly tls: "off" | "starttls" | "implicit" }
  | { readonly kind: "listener-failed"; readonly address: string; readonly detail: string }
  | { readonly kind: "certificate-loaded"; readonly file: string; readonly subject: string; readonly until: number }
  | { readonly kind: "certificate-refused"; readonly file: string; readonly detail: string }
  /** It is in use, and good for two weeks at most, not any more, or not yet. Told once a day. */
  | { readonly kind: "certificate-expiring"; readonly file: string; readonly from: number; readonly until: number }
  | {
      readonly kind: "submitted";
      readonly message: MessageId;
      readonly client: string;
      readonly user: string | undefined;
      readonly from: string;
      readonly recipients: readonly string[];
      readonly size: number;
    }
  /** A client was told no: `reply` is what it was told. */
  | {
      readonly kind: "client-refused";
      readonly client: string;
      readonly user: string | undefined;
      readonly stage: "connect" | "helo" | "auth" | "mail" | "rcpt" | "data";
      readonly reply: string;
    }
  /** A client has failed to log in so often that it may not try again before `until`. */
  | { readonly kind: "logins-locked"; readonly client: string; readonly failures: number; readonly until: number }
  /** The hash of a user's password cannot be read, so that nobody can log in as this user. */
  | { readonly kind: "password-unreadable"; readonly user: string; readonly detail: string }
  /** The listener answers 4xx at MAIL, or does so no more (`detail` is then empty). */
  | { readonly kind: "back-pressure"; readonly detail: string }
  | {
      readonly kind: "expired";
      readonly message: MessageId;
      readonly recipients: readonly string[];
      readonly cause: string;
    }
  | {
      readonly kind: "report-spooled";
      readonly message: MessageId;
      readonly of: MessageId;
      readonly report: "failed" | "delayed" | "relayed";
      readonly recipients: readonly string[];
    }
  /** No relay is configured for this sender: the message waits. Told once for each sender. */
  | { readonly kind: "unroutable"; readonly message: MessageId; readonly sender: string; readonly detail: string }
  /** A key that mail is to be signed with cannot be used. Told once for as long as it lasts. */
  | { readonly kind: "dkim-failed"; readonly domain: string; readonly selector: string; readonly detail: string }
  // Destinations
  /** A relay's account, or one sender's use of it, is out of service until `until`: nothing is bounced for it. */
  | {
      readonly kind: "relay-paused";
      readonly destination: string;
      readonly trouble: "auth" | "sender" | "quota";
      readonly sender: string | undefined;
      readonly cause: string;
      readonly until: number;
    }
  | { readonly kind: "relay-resumed"; readonly destination: string; readonly sender: string | undefined }
  | {
      readonly kind: "destination-down";
      readonly destination: string;
      readonly cause: string;
      readonly probeAt: number;
    }
  | { readonly kind: "destination-up"; readonly destination: string; readonly afterMs: number }
  | { readonly kind: "admin-listening"; readonly socket: string }
  | { readonly kind: "admin-failed"; readonly detail: string }
  // The web page
  | { readonly kind: "web-listening"; readonly url: string }
  | { readonly kind: "web-failed"; readonly address: string; readonly detail: string }
  | { readonly kind: "web-login"; readonly user: string; readonly client: string }
  /** `user`: only one that there is; people type passwords there. */
  | { readonly kind: "web-login-failed"; readonly user: string | undefined; readonly client: string }
  /** So many have failed to log in as this user that until then it goes only from where this user has been before. */
  | { readonly kind: "web-user-guarded"; readonly user: string; readonly failures: number; readonly until: number }
  /** Somebody has asked for something to be done, over the admin interface. */
  | { readonly kind: "admin"; readonly by: string; readonly request: string; readonly detail: string }
  // Anything that should not happen
  | { readonly kind: "internal-error"; readonly where: string; readonly detail: string };

export type EventKind = PopgateEvent["kind"];
export type EventOf<K extends EventKind> = Extract<PopgateEvent, { readonly kind: K }>;

/** Where events go. Emitting never throws and never waits. */
export interface EventSink {
  emit(event: PopgateEvent): void;
}
