/**
 * The provider's submission server, as the specs of outbound mail see it, whichever program it is: login over STARTTLS or
 * implicit TLS, mailboxes of `else.example` with a maildir each, everything for
 * `firma.example` into one collector box, and two policies that the spec decides: about the sender, and about each recipient.
 */
import type { Certificates } from "./certificates.ts";
import type { Owner } from "./maildir.ts";

export interface SubmissionOptions {
  readonly dir: string;
  readonly owner: Owner;
  readonly certificates: Certificates;
  /** Its name in the greeting, and of its folder. */
  readonly hostname: string;
  /** Login name to password. */
  readonly logins: Readonly<Record<string, string>>;
  /** Who has a mailbox at `else.example`. */
  readonly names: readonly string[];
  /** Where the maildirs are: one for each name, and `sammel` for `firma.example`. */
  readonly delivered: string;
  /** Whom to ask about recipients (`policy-server.ts`). */
  readonly policyPort: number;
  /** Whom to ask about senders. What it says comes behind `<sender>: Sender address rejected:`, as with either server. */
  readonly senderPolicyPort: number;
  /** Offer DSN (RFC 3461). Default: yes. */
  readonly dsn?: boolean;
  /** Largest message, octets. */
  readonly maxOctets?: number;
  /** Ports that were found before: STARTTLS and implicit TLS. */
  readonly ports?: readonly [number, number];
}

export interface Submission extends AsyncDisposable {
  /** STARTTLS. */
  readonly port: number;
  readonly tlsPort: number;
  readonly log: string;
}
