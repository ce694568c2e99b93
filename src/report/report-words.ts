/** What a report's human part needs in each language. The languages' words are in `german-report.ts` and `english-report.ts`. */
import type { Reason } from "./reason.ts";
import type { ReportKind } from "./report-facts.ts";

interface ReasonWords {
  /** What has happened, one sentence. */
  readonly meaning: string;
  /** What the writer of the message can do, one or two sentences. */
  readonly remedy: string;
}

export interface ReportWords {
  /** A BCP 47 tag for times; the tag of the text is its first part. */
  readonly locale: string;
  /** Display name of the report's sender. ASCII. */
  readonly name: string;
  /** Before the original's subject. */
  readonly subject: Readonly<Record<ReportKind, string>>;
  readonly noSubject: string;
  /** The first sentences, by the number of recipients. */
  readonly opening: Readonly<Record<ReportKind, (recipients: number) => string>>;
  /** What becomes of it now; `until` is empty except for delays. */
  readonly outlook: Readonly<Record<ReportKind, (until: string) => string>>;
  readonly subjectField: string;
  readonly sent: string;
  readonly meaning: string;
  readonly remedy: string;
  /** Before the server's own words. */
  readonly said: (server: string | undefined) => string;
  readonly detail: string;
  readonly expired: (meaning: string) => string;
  readonly notTriedYet: string;
  readonly relayedTo: (server: string | undefined) => string;
  readonly sizes: (size: number, limit: number) => string;
  readonly others: (others: number) => string;
  readonly more: (count: number) => string;
  readonly returned: Readonly<Record<"headers" | "message" | "none", string>>;
  readonly help: (postmaster: string) => string;
  readonly id: (id: string, hostname: string) => string;
  readonly reasons: Readonly<Record<Reason, ReasonWords>>;
}
