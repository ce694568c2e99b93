/**
 * What a configuration of another collector says, in popgate's words: the form between the readers of foreign files and
 * the writer of `popgate.toml`. Nothing here is checked yet: the writer decides what can stand in a configuration.
 *
 * What popgate does otherwise, or not at all, is a remark with the line it is about. A remark never holds a password.
 */

export interface Remark {
  /** In the file that was read, from 1. */
  readonly line: number;
  /** One sentence: what was asked for there, and what becomes of it. */
  readonly text: string;
}

export type ImportedPassword =
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "command"; readonly command: readonly string[] };

/** A local name of a box for several people: mail for `from` goes to `to`. */
interface ImportedMapping {
  readonly line: number;
  readonly from: string;
  readonly to: string;
}

export interface ImportedAccount {
  readonly kind: "collector" | "mailbox";
  /** Where the account begins in the file that was read. */
  readonly line: number;
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number | undefined;
  readonly tls: "implicit" | "starttls" | "off";
  readonly minTls: "1.3" | undefined;
  readonly user: string | undefined;
  readonly password: ImportedPassword | undefined;
  /** Where the password is kept, or why there is none: for the person who has to set it. */
  readonly passwordHint: string;
  readonly auth: "apop" | "cram-md5" | "login" | "plain" | undefined;
  readonly fingerprints: readonly string[];
  readonly ca: string | undefined;
  readonly servername: string | undefined;
  readonly everySeconds: number | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly keep: "until-delivered" | "forever" | { readonly days: number };
  readonly maxOctets: number | undefined;
  readonly sessionMessages: number | undefined;
  /** Of a collector: `undefined` has the profile learnt. */
  readonly envelope: string | undefined;
  readonly stripPrefix: string | undefined;
  /** Of a collector: the domains that it is for; empty: not said. */
  readonly domains: readonly string[];
  /** Of a mailbox: who gets the mail, as addresses or as bare local names. */
  readonly deliverTo: readonly string[];
  readonly mappings: readonly ImportedMapping[];
}

/** Where mail was handed over by SMTP. */
export interface ImportedTarget {
  readonly host: string;
  readonly port: number | undefined;
}

export interface Imported {
  readonly accounts: readonly ImportedAccount[];
  readonly target: ImportedTarget | undefined;
  readonly postmaster: string | undefined;
  readonly remarks: readonly Remark[];
}
