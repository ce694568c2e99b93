/**
 * The company's own mail server, in Exchange's place: it relays what it is given to popgate, and takes popgate's mail for
 * `firma.example` into a maildir for each person. Postfix and Exim are whole servers with queues of their own; swaks is a
 * bare client, with a Postfix beside it that takes the mail.
 */
import type { TestMail } from "./mail.ts";
import type { Owner } from "./maildir.ts";

export interface CompanyOptions {
  readonly dir: string;
  readonly owner: Owner;
  /** People with a maildir each. */
  readonly names: readonly string[];
  /** Where those maildirs are. */
  readonly maildirs: string;
  /** Where popgate listens. */
  readonly smarthost: number;
  /** How it logs in there, over STARTTLS, trusting this CA; without it, by its address alone and in the clear. */
  readonly login?: { readonly user: string; readonly password: string; readonly caFile: string };
}

export interface Company extends AsyncDisposable {
  /** Where popgate hands over mail for `firma.example`. */
  readonly port: number;
  /** What it has logged. */
  readonly log: string;
  /** Resolves when this server has it (or, with swaks, popgate itself). */
  submit(mails: readonly TestMail[], connections?: number): Promise<void>;
}

export type StartCompany = (options: CompanyOptions) => Promise<Company>;
