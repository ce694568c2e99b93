/** The server's side of AUTH in the stand-in (RFC 4954): PLAIN, LOGIN, CRAM-MD5 and XOAUTH2. */
import { createHmac } from "node:crypto";
import type { StandInSasl } from "./smtp-stand-in-knobs.ts";

export type AuthStep =
  | { readonly kind: "challenge"; readonly text: string }
  | { readonly kind: "good" }
  | { readonly kind: "bad" };

const challenge = (text: string): AuthStep => ({ kind: "challenge", text: Buffer.from(text).toString("base64") });

export class SmtpStandInAuth {
  readonly #mechanism: StandInSasl;
  readonly #users: ReadonlyMap<string, string>;
  readonly #stamp: string;
  readonly #answers: string[] = [];
  #refused = false;

  constructor(mechanism: StandInSasl, users: ReadonlyMap<string, string>, stamp: string) {
    this.#mechanism = mechanism;
    this.#users = users;
    this.#stamp = stamp;
  }

  /** The first step; `initial` is what came with the command. */
  begin(initial: string | undefined): AuthStep {
    if (initial !== undefined) return this.next(initial === "=" ? "" : initial);
    return this.#ask();
  }

  /** A line of the client. */
  next(line: string): AuthStep {
    // XOAUTH2: the client acknowledges the explanation of a refusal with an empty line.
    if (this.#refused || line === "*") return { kind: "bad" };
    this.#answers.push(Buffer.from(line, "base64").toString("utf8"));
    return this.#ask();
  }

  #ask(): AuthStep {
    const [first, second] = this.#answers;
    switch (this.#mechanism) {
      case "PLAIN": {
        if (first === undefined) return { kind: "challenge", text: "" };
        const [, user = "", password] = first.split("\0");
        return this.#judge(this.#users.get(user) === password && password !== undefined);
      }
      case "LOGIN":
        if (first === undefined) return challenge("Username:");
        if (second === undefined) return challenge("Password:");
        return this.#judge(this.#users.get(first) === second);
      case "CRAM-MD5": {
        if (first === undefined) return challenge(this.#stamp);
        const [user = "", proof] = first.split(" ");
        const password = this.#users.get(user) ?? "";
        return this.#judge(proof === createHmac("md5", password).update(this.#stamp).digest("hex"));
      }
      case "XOAUTH2": {
        if (first === undefined) return { kind: "challenge", text: "" };
        const [, user = "", token] = /^user=([^\u0001]*)\u0001auth=Bearer ([^\u0001]*)\u0001\u0001$/u.exec(first) ?? [];
        if (token !== undefined && this.#users.get(user) === token) return { kind: "good" };
        this.#refused = true;
        return challenge('{"status":"401"}');
      }
    }
  }

  #judge(good: boolean): AuthStep {
    return { kind: good ? "good" : "bad" };
  }
}
