/**
 * What a server has offered in its reply to the last EHLO (RFC 5321 §4.1.1.1), read from the fields in which nodemailer
 * keeps it and which its types keep private; the traps' spec shows that they are there.
 *
 * Keywords are compared whole: nodemailer itself takes `X-DSN`, or a greeting that ends with "DSN", for DSN. After a
 * STARTTLS that failed, and after HELO, AUTH is not offered.
 */
import type SMTPConnection from "nodemailer/lib/smtp-connection";

type Extension = "8BITMIME" | "SMTPUTF8" | "DSN" | "REQUIRETLS";

export class ServerOffers {
  readonly #connection: SMTPConnection;

  constructor(connection: SMTPConnection) {
    this.#connection = connection;
  }

  has(extension: Extension): boolean {
    return this.#lines().some((line) => line.split(/\s/u)[0]?.toUpperCase() === extension);
  }

  /** Octets by SIZE (RFC 1870); `undefined` when the server names no limit. */
  get maxOctets(): number | undefined {
    const size: unknown = Reflect.get(this.#connection, "_maxAllowedSize");
    return typeof size === "number" && size > 0 ? size : undefined;
  }

  /** SASL mechanisms, upper case. `AUTH=` is how servers older than RFC 2554 write it. */
  get mechanisms(): readonly string[] {
    if (!this.#connection.allowsAuth) return [];
    const lists = this.#lines().map((line) => /^AUTH[\s=](.*)$/iu.exec(line)?.[1] ?? "");
    return [...new Set(lists.flatMap((list) => list.toUpperCase().split(/[\s=]+/u)))].filter((name) => name !== "");
  }

  #lines(): readonly string[] {
    const lines: unknown = Reflect.get(this.#connection, "_ehloLines");
    return Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : [];
  }
}
