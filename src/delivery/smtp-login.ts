/**
 * AUTH (RFC 4954) on nodemailer's connection, by the mechanisms of `sasl/`: nodemailer only carries the lines.
 *
 * `auto` sends the password itself over TLS, since every server can check that, and else the strongest proof that does
 * not show it. Nothing secret is sent before the connection is encrypted to a server that has proved itself, unless TLS
 * is `off` by explicit choice: opportunistic TLS without a CA or a pin keeps out who listens, not who stands in the middle.
 * An access token that is refused is replaced by a fresh one once.
 *
 * What goes wrong stands in `failure`, in the server's own words where it had any: nodemailer would add the last reply to
 * the error, which is one of success when it is the server that could not prove itself.
 */
import { randomBytes } from "node:crypto";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import type { SmtpReply } from "../core/outcome.ts";
import { messageOf } from "../core/thrown.ts";
import { needsProof, type TlsPolicy } from "../net/tls-policy.ts";
import { OAuthError } from "../oauth/token-source.ts";
import { chooseMechanism, type SaslCredentials, type SaslMechanism } from "../sasl/choose.ts";
import { SmtpFailure } from "./smtp-failure.ts";
import type { ServerOffers } from "./smtp-offers.ts";
import { parseSmtpReply } from "./smtp-reply.ts";

interface LoginOptions {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly credentials: SaslCredentials;
  /** The name of a mechanism, or `auto`. Without it, `auto`, and the password itself also where TLS is `off`. */
  readonly auth?: string | undefined;
}

/** The name under which nodemailer knows all of it. */
const method = "SASL";
/** Octets of a command line, CRLF included (RFC 5321 §4.5.3.1.4). */
const longestCommand = 512;
/** More challenges than any mechanism has. */
const maxSteps = 8;

/** Sends a line; gives the reply. */
type Send = (line: string) => Promise<string>;

/** The login of one connection. */
export class SmtpLogin {
  /** Why it failed. */
  failure: SmtpFailure | undefined;
  /** The connection's options for it. */
  readonly customAuth: NonNullable<SMTPConnection.Options["customAuth"]>;
  readonly #options: LoginOptions;
  readonly #signal: AbortSignal;
  #mechanisms: readonly string[] = [];
  #secured = false;
  /** `AUTH PLAIN: `, once there has been a choice. */
  #attempted = "";

  /** The signal ends the wait for a token. */
  constructor(options: LoginOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.customAuth = {
      [method]: async (context) => {
        try {
          await this.#logIn(async (line) => (await context.sendCommand(line)).response);
        } catch (error) {
          this.failure = error instanceof SmtpFailure ? error : ourFailure(error, this.#attempted);
          throw new Error("the login failed", { cause: error });
        }
      },
    };
  }

  /** What nodemailer's `login` is to be called with. Throws `SmtpFailure` when nothing secret may be shown here. */
  prepare(connection: SMTPConnection, offers: ServerOffers): Parameters<SMTPConnection["login"]>[0] {
    const { tls, credentials } = this.#options;
    this.#secured = connection.secure;
    this.#mechanisms = offers.mechanisms;
    if (tls.mode !== "off" && !this.#secured)
      throw ourFailure(new Error("the connection is not encrypted, and no password is sent in the clear"));
    if (this.#secured && !needsProof(tls))
      throw ourFailure(
        new Error("the server has not proved itself, and no password is sent to just anyone: set ca or fingerprint"),
      );
    if (!connection.allowsAuth) throw ourFailure(new Error("the server does not offer AUTH on this connection"));
    return { user: credentials.user, method };
  }

  async #logIn(send: Send): Promise<void> {
    const { secret } = this.#options.credentials;
    for (let round = 0; ; round++) {
      const mechanism = this.#choose();
      this.#attempted = `AUTH ${mechanism.name}: `;
      const reply = await converse(mechanism, send);
      if (reply.code < 300) {
        mechanism.finish();
        return;
      }
      const isFinal = secret.kind !== "oauth" || reply.code < 500 || round > 0;
      if (isFinal) throw refusal(mechanism, reply);
      // It may just have run out. A complaint inside the exchange has marked it already.
      if (mechanism.complaint === undefined) secret.invalidate();
    }
  }

  #choose(): SaslMechanism {
    const { tls, host, port, credentials, auth } = this.#options;
    const choice = {
      secured: this.#secured,
      mode: tls.mode,
      configured: auth ?? "auto",
      overTls: "password" as const,
      randomBytes,
      host,
      port,
      signal: this.#signal,
    };
    let chosen = chooseMechanism(this.#mechanisms, credentials, choice);
    if (chosen.kind === "none" && auth === undefined && tls.mode === "off")
      chosen = chooseMechanism(this.#mechanisms, credentials, { ...choice, secured: true });
    if (chosen.kind === "none") throw new Error(chosen.why);
    const { mechanism } = chosen;
    if (choice.configured === "auto" && !this.#mechanisms.includes(mechanism.name))
      throw new Error(`the server does not offer AUTH ${mechanism.name} (it has: ${this.#mechanisms.join(", ")})`);
    return mechanism;
  }
}

/** One exchange; the reply is the server's last word on it. */
async function converse(mechanism: SaslMechanism, send: Send): Promise<SmtpReply> {
  let waiting = await mechanism.initial();
  let line = `AUTH ${mechanism.name}`;
  if (waiting !== undefined) {
    // RFC 4954 §4: "=" is an empty one.
    const direct = `${line} ${waiting.length === 0 ? "=" : waiting.toString("base64")}`;
    // Tokens are longer than a command may be. Microsoft and Google document one line for them all the same.
    if (direct.length + 2 <= longestCommand || isToken(mechanism)) {
      line = direct;
      waiting = undefined;
    }
  }
  let reply = await ask(send, line);
  for (let step = 0; reply.code === 334; step++) {
    if (step === maxSteps) throw new Error(`the server does not come to an end of AUTH ${mechanism.name}`);
    const answer = waiting ?? (await mechanism.respond(Buffer.from(reply.text, "base64")));
    waiting = undefined;
    reply = await ask(send, answer.toString("base64"));
  }
  return reply;
}

function isToken({ name }: SaslMechanism): boolean {
  return name === "XOAUTH2" || name === "OAUTHBEARER";
}

async function ask(send: Send, line: string): Promise<SmtpReply> {
  const response = await send(line);
  const reply = parseSmtpReply(response);
  if (reply === undefined) throw new Error(`the server answers AUTH by what is no reply: ${response.slice(0, 200)}`);
  return reply;
}

function refusal({ name, complaint }: SaslMechanism, reply: SmtpReply): SmtpFailure {
  const message = `AUTH ${name}${complaint === undefined ? "" : ` (${complaint})`}`;
  return new SmtpFailure({ phase: "auth", reply, tls: false, code: "EAUTH", message });
}

/**
 * The login did not come to a refusal: our side could not or would not go on. That is the account's trouble (`EAUTH`),
 * unless it is a token endpoint that is down.
 */
function ourFailure(error: unknown, where = ""): SmtpFailure {
  const message = where + messageOf(error);
  const code = isPassing(error) ? "OAUTH_TEMPORARY" : "EAUTH";
  return new SmtpFailure({ phase: "auth", reply: undefined, tls: false, code, message });
}

function isPassing(error: unknown): boolean {
  if (error instanceof OAuthError) return error.kind === "temporary";
  return error instanceof Error && error.cause instanceof OAuthError && error.cause.kind === "temporary";
}
