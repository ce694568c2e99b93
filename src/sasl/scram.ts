/**
 * SCRAM-SHA-256 (RFC 7677) and SCRAM-SHA-1 (RFC 5802), without channel binding: both sides prove that they know the
 * password, and neither shows it.
 *
 * States: new → initial sent → proof sent → server proved. `respond` leads from one to the next; `finish` refuses every
 * state but the last, so that a server that lets us in without its signature is not believed. A server that offers too
 * few rounds (to guess the password from the proof) or too many (to keep us busy) is refused before the password is read.
 */
import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { oneLine, SaslError, type SaslMechanism } from "./mechanism.ts";
import { saslPrep } from "./saslprep.ts";

type ScramHash = "sha1" | "sha256";

/** RFC 5802 §5.1, RFC 7677 §4: at least 4096. */
const minIterations = 4096;
/** About half a second of one core. */
const maxIterations = 2_000_000;
/** RFC 5802 asks for enough chance; 18 octets are 24 characters of base64 without padding. */
const nonceOctets = 18;
/** Longest server message looked at. */
const maxChallengeOctets = 4096;

/** GS2 header: no channel binding, no authorization identity (RFC 5802 §7), and its base64 for `c=`. */
const gs2Header = "n,,";
const channelBinding = Buffer.from(gs2Header).toString("base64");

const derive = promisify(pbkdf2);

interface ServerFirst {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

/** One SCRAM exchange. `randomBytes` makes the client's nonce. */
export function scram(
  hash: ScramHash,
  user: string,
  password: () => Promise<string>,
  randomBytes: (octets: number) => Buffer,
): SaslMechanism {
  return new Scram(hash, user, password, randomBytes(nonceOctets).toString("base64"));
}

class Scram implements SaslMechanism {
  readonly name: string;
  complaint: string | undefined;
  readonly #hash: ScramHash;
  readonly #user: string;
  readonly #password: () => Promise<string>;
  readonly #nonce: string;
  #state: "new" | "initial-sent" | "proof-sent" | "server-proved" = "new";
  #serverSignature = Buffer.alloc(0);

  constructor(hash: ScramHash, user: string, password: () => Promise<string>, nonce: string) {
    this.name = hash === "sha256" ? "SCRAM-SHA-256" : "SCRAM-SHA-1";
    this.#hash = hash;
    this.#user = user;
    this.#password = password;
    this.#nonce = nonce;
  }

  // Async although it awaits nothing: a user name that SASLprep forbids must reject, not throw.
  async initial(): Promise<Buffer> {
    this.#state = "initial-sent";
    return Buffer.from(gs2Header + this.#clientFirstBare());
  }

  async respond(challenge: Buffer): Promise<Buffer> {
    if (challenge.length > maxChallengeOctets) throw new SaslError("the server's SCRAM message is too long");
    const text = challenge.toString("utf8");
    switch (this.#state) {
      case "initial-sent":
        return this.#prove(text);
      case "proof-sent":
        this.#checkServer(text);
        return Buffer.alloc(0);
      case "new":
      case "server-proved":
        throw new SaslError("the server speaks out of turn in SCRAM");
    }
  }

  finish(): void {
    if (this.#state !== "server-proved")
      throw new SaslError("the server says the login is good but has not proved that it knows the password");
  }

  #clientFirstBare(): string {
    const name = prepared(this.#user, "the user name").replaceAll("=", "=3D").replaceAll(",", "=2C");
    return `n=${name},r=${this.#nonce}`;
  }

  async #prove(serverFirst: string): Promise<Buffer> {
    const { nonce, salt, iterations } = parseServerFirst(serverFirst, this.#nonce);
    const secret = prepared(await this.#password(), "the password");
    const salted = await derive(secret, salt, iterations, createHash(this.#hash).digest().length, this.#hash);
    const withoutProof = `c=${channelBinding},r=${nonce}`;
    const authMessage = `${this.#clientFirstBare()},${serverFirst},${withoutProof}`;
    const clientKey = this.#hmac(salted, "Client Key");
    const signature = this.#hmac(createHash(this.#hash).update(clientKey).digest(), authMessage);
    const proof = Buffer.from(clientKey.map((octet, at) => octet ^ (signature[at] ?? 0)));
    this.#serverSignature = this.#hmac(this.#hmac(salted, "Server Key"), authMessage);
    this.#state = "proof-sent";
    return Buffer.from(`${withoutProof},p=${proof.toString("base64")}`);
  }

  #checkServer(serverFinal: string): void {
    if (serverFinal.startsWith("e=")) {
      this.complaint = oneLine(serverFinal.slice(2).split(",")[0] ?? "");
      throw new SaslError(`the server refuses: ${this.complaint}`);
    }
    const verifier = /^v=([A-Za-z0-9+/]+={0,2})(?:,|$)/u.exec(serverFinal)?.[1];
    const signature = Buffer.from(verifier ?? "", "base64");
    if (signature.length !== this.#serverSignature.length || !timingSafeEqual(signature, this.#serverSignature))
      throw new SaslError("the server cannot prove that it knows the password: it is not who it says it is");
    this.#state = "server-proved";
  }

  #hmac(key: Buffer, text: string): Buffer<ArrayBuffer> {
    return createHmac(this.#hash, key).update(text).digest();
  }
}

/** `r=<our nonce and theirs>,s=<salt>,i=<rounds>` and extensions that need not be understood (RFC 5802 §7). */
function parseServerFirst(text: string, ours: string): ServerFirst {
  if (text.startsWith("m=")) throw new SaslError("the server demands a SCRAM extension that is not known here");
  const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,|$)/u.exec(text);
  if (match === null) throw new SaslError("the server's first SCRAM message cannot be read");
  const [, nonce = "", salt = "", rounds = ""] = match;
  if (!nonce.startsWith(ours) || nonce.length === ours.length)
    throw new SaslError("the server does not use our nonce: this is the replay of another exchange");
  const iterations = Number(rounds);
  if (iterations < minIterations) throw new SaslError(`the server asks for only ${rounds} rounds, too few to be safe`);
  if (iterations > maxIterations) throw new SaslError(`the server asks for ${rounds} rounds, too many`);
  return { nonce, salt: Buffer.from(salt, "base64"), iterations };
}

function prepared(text: string, what: string): string {
  const result = saslPrep(text);
  if (result === undefined || result === "") throw new SaslError(`${what} is empty or holds what SASLprep forbids`);
  return result;
}
