/**
 * XOAUTH2 (Google's and Microsoft's own) and OAUTHBEARER (RFC 7628): an access token instead of a password.
 *
 * Both fail in two steps: the server sends a JSON complaint as one more challenge, which must be answered before it says
 * no. The token is then marked as no good, so that the next attempt gets another. Tokens that hold what cannot stand
 * in the message are refused.
 */
import { oneLine, SaslError, type SaslMechanism } from "./mechanism.ts";

/** A source of access tokens (RFC 6749). */
export interface OAuthSecret {
  readonly kind: "oauth";
  token(signal: AbortSignal): Promise<string>;
  /** The server refused the token although it should still be good: get another next time. */
  invalidate(): void;
}

/** `user=…^Aauth=Bearer …^A^A`; a complaint is answered by an empty line. */
export function xoauth2(user: string, secret: OAuthSecret, signal: AbortSignal): SaslMechanism {
  return new Bearer("XOAUTH2", secret, signal, Buffer.alloc(0), (token) => {
    refuseControls(user);
    return `user=${user}\x01auth=Bearer ${token}\x01\x01`;
  });
}

/** RFC 7628 §3.1, with host and port; a complaint is answered by a single ^A (§3.2.3). */
export function oauthBearer(
  user: string,
  secret: OAuthSecret,
  peer: { readonly host: string; readonly port: number; readonly signal: AbortSignal },
): SaslMechanism {
  return new Bearer("OAUTHBEARER", secret, peer.signal, Buffer.from("\x01"), (token) => {
    refuseControls(user);
    const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
    return `n,a=${name},\x01host=${peer.host}\x01port=${peer.port}\x01auth=Bearer ${token}\x01\x01`;
  });
}

class Bearer implements SaslMechanism {
  readonly name: string;
  complaint: string | undefined;
  readonly #secret: OAuthSecret;
  readonly #signal: AbortSignal;
  readonly #acknowledgement: Buffer;
  readonly #compose: (token: string) => string;

  constructor(
    name: string,
    secret: OAuthSecret,
    signal: AbortSignal,
    acknowledgement: Buffer,
    compose: (token: string) => string,
  ) {
    this.name = name;
    this.#secret = secret;
    this.#signal = signal;
    this.#acknowledgement = acknowledgement;
    this.#compose = compose;
  }

  async initial(): Promise<Buffer> {
    const token = await this.#secret.token(this.#signal);
    // RFC 6750 §2.1: b64token; wider here, as far as it cannot break the message apart.
    if (!/^[\x21-\x7e]+$/u.test(token)) throw new SaslError("the access token holds characters that no token has");
    return Buffer.from(this.#compose(token));
  }

  respond(challenge: Buffer): Promise<Buffer> {
    if (this.complaint !== undefined)
      return Promise.reject(new SaslError(`the server asks on after refusing the token: ${this.complaint}`));
    this.complaint = complaintOf(challenge.toString("utf8"));
    this.#secret.invalidate();
    return Promise.resolve(this.#acknowledgement);
  }

  finish(): void {
    if (this.complaint !== undefined)
      throw new SaslError(`the server refused the token and yet says it is good: ${this.complaint}`);
  }
}

function refuseControls(user: string): void {
  if (/[\x00-\x1f\x7f]/u.test(user)) throw new SaslError("the user name holds control characters");
}

/** `status` and, where given, `error_description` or `scope` of the JSON (RFC 7628 §3.2.2), or the text as it is. */
function complaintOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) {
      const known = new Map<string, unknown>(Object.entries(parsed));
      const said = ["status", "error", "error_description", "scope"]
        .map((key) => known.get(key))
        .filter((value) => typeof value === "string" || typeof value === "number")
        .join(", ");
      if (said !== "") return oneLine(said);
    }
  } catch {
    // Not JSON: the text itself is what there is.
  }
  return oneLine(text) || "no reason given";
}
