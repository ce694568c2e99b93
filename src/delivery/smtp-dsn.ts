/**
 * Passes on what the sender wishes to be told (RFC 3461): RET and ENVID with MAIL, NOTIFY and ORCPT with each RCPT.
 *
 * nodemailer knows one NOTIFY and one ORCPT for all recipients of a transaction. It asks a method of its own for them,
 * right after it has put the recipient at the end of its queue; that method is replaced here, by one that answers for this
 * recipient. Whether it has been asked for every recipient is counted: if a later version should do without it, `passedOn`
 * is false, and popgate makes the reports itself.
 *
 * Mail with the null reverse path is never reported about, and says so (§6.1: NOTIFY=NEVER). What cannot be said in a
 * parameter (too long, not ASCII) is left out.
 */
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { Address } from "../core/address.ts";
import type { DsnWishes } from "../spool/record.ts";
import type { Failure } from "./classify.ts";
import type { Transaction } from "./transport.ts";

type Envelope = Pick<Transaction, "reversePath" | "dsn">;

/** RFC 3461 §4.4 and §4.2. */
const longestEnvid = 100;
const longestOrcpt = 500;

/** The parameters that each recipient of one connection gets. */
export class RecipientParameters {
  #envelope: Envelope | undefined;
  #wishes: ReadonlyMap<string, DsnWishes> = new Map();
  readonly #asked = new Set<string>();

  constructor(connection: SMTPConnection) {
    Reflect.set(connection, "_getDsnRcptToArgs", (): string => {
      const queue: unknown = Reflect.get(connection, "_recipientQueue");
      const recipient: unknown = Array.isArray(queue) ? queue.at(-1) : undefined;
      if (this.#envelope === undefined || typeof recipient !== "string") return "";
      this.#asked.add(recipient);
      return recipientParameters(this.#envelope, this.#wishes.get(recipient));
    });
  }

  /** For the transaction that follows; `undefined` when the server does not offer DSN. */
  begin(envelope: Envelope | undefined): void {
    this.#envelope = envelope;
    this.#wishes = new Map(envelope?.dsn?.wishes);
    this.#asked.clear();
  }

  /** The wishes for these recipients have gone to the server. */
  passedOn(recipients: readonly Address[]): boolean {
    return this.#envelope?.dsn !== undefined && recipients.every((recipient) => this.#asked.has(recipient));
  }
}

/** RET and ENVID, as nodemailer takes them; it makes xtext of them. */
export function mailParameters({ reversePath, dsn }: Envelope): { ret?: "FULL" | "HDRS"; envid?: string } {
  if (reversePath.kind === "null" || dsn === undefined) return {};
  const { ret, envid } = dsn;
  const fits = envid !== undefined && isPrintable(envid) && xtext(envid).length <= longestEnvid;
  return { ...(ret === undefined ? {} : { ret }), ...(fits ? { envid } : {}) };
}

/** ` NOTIFY=… ORCPT=…`, or nothing. */
function recipientParameters({ reversePath }: Envelope, wishes: DsnWishes | undefined): string {
  const notify = reversePath.kind === "null" ? ["NEVER"] : (wishes?.notify ?? []);
  const orcpt = wishes?.orcpt;
  // The address type is an atom, and stands as it is.
  const fits = orcpt !== undefined && /^[\w-]+;./u.test(orcpt) && isPrintable(orcpt);
  const encoded = fits ? xtext(orcpt) : "";
  return [
    notify.length > 0 ? ` NOTIFY=${notify.join(",")}` : "",
    encoded !== "" && encoded.length <= longestOrcpt ? ` ORCPT=${encoded}` : "",
  ].join("");
}

function isPrintable(text: string): boolean {
  return /^[\x20-\x7e]+$/u.test(text);
}

/** RFC 3461 §4: everything but the printable ASCII characters other than `+` and `=` as `+` and two digits. */
function xtext(text: string): string {
  return text.replace(
    /[^!-*,-<>-~]/gu,
    (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** The server offers DSN and refuses what it brings (RFC 5321 §4.2.2: 555, or 501 and 504 that speak of parameters). */
export function refusesParameters({ phase, reply }: Failure): boolean {
  if (reply === undefined || (phase !== "mail" && phase !== "rcpt")) return false;
  if (reply.code === 555) return true;
  return (reply.code === 501 || reply.code === 504) && /parameter|option|notify|orcpt|envid/iu.test(reply.text);
}
