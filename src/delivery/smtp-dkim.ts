/**
 * Signs outbound mail (DKIM, RFC 6376, with RFC 8301 and RFC 8463) for the domain of its author (From), when that has a key.
 *
 * The message is read twice: once to hash it, once to send it, each time in bounded memory. What is signed is what is
 * sent, so this runs on the rendered octets. The canonical forms (`relaxed/relaxed`) are nodemailer's; the field is made
 * here, because nodemailer signs by RSA only and cannot cover a field that is not there: From, and whatever else a reader
 * sees, is named once more than it stands in the message, so that nobody can add another (RFC 6376 §8.15).
 *
 * Of a domain's keys the one with the latest `activeFrom` that has come signs; those of the same time sign together (an RSA
 * and an Ed25519 key, RFC 8463 §3). Keys are read when they are used. One that cannot be is told, and the one before it
 * signs: its name is still in DNS when keys are rotated as they should be. With none left the message is not sent, because
 * receivers may reject for good what is not signed: `failed`, to be tried again.
 *
 * Not signed: mail without exactly one From field, with a header of more than a megabyte, or of other domains. Signatures
 * that a message already has are left alone.
 */
import { createHash, createPrivateKey, sign, type KeyObject } from "node:crypto";
import { pipeline } from "node:stream/promises";
import MessageParser, { type MessageParserHeaderLine } from "nodemailer/lib/dkim/message-parser";
import RelaxedBody from "nodemailer/lib/dkim/relaxed-body";
import canonical from "nodemailer/lib/dkim/sign";
import { domainOf } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { messageOf } from "../core/thrown.ts";
import { parseAddressList } from "../message/address-list.ts";

export interface SigningKey {
  /** Lower case, A-labels. */
  readonly domain: string;
  readonly selector: string;
  /** PEM, or the base64 of PKCS#8 on one line. */
  readonly key: { read(): Promise<string> };
  readonly activeFrom: EpochMs;
}

type SignResult =
  /** One DKIM-Signature field or several, with their line ends, to go before the message. */
  | { readonly kind: "signed"; readonly field: string }
  | { readonly kind: "unsigned" }
  /** There are keys, and none can be used. */
  | { readonly kind: "failed"; readonly message: string };

export interface Signer {
  /** Rejects with what `body` throws, or with the signal's reason. `body` gives the octets as they will be sent. */
  sign(body: () => AsyncIterable<Buffer>, signal: AbortSignal): Promise<SignResult>;
}

interface SignerPorts {
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Far above what mail servers take (Exchange: 256 kB). */
const maxHeaderOctets = 1024 * 1024;

/** What a reader is shown, or what decides how the body is shown: once more than it stands there. */
const sealed = ["From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID"].concat([
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
]);
/** RFC 6376 §5.4.1, and List-Unsubscribe-Post, which RFC 8058 §4 wants covered. */
const covered = ["Content-ID", "Content-Description", "In-Reply-To", "References"].concat(
  ["Resent-Date", "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Message-ID"],
  ["List-Id", "List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Subscribe", "List-Post", "List-Owner"],
  ["List-Archive", "Auto-Submitted"],
);
/** Of one name, from the bottom. */
const mostOfOneName = 5;

/** RFC 8301 §3.2: verifiers ignore shorter ones. */
const leastRsaBits = 1024;

/** A signer with these keys; without keys it signs nothing. */
export function createSigner(keys: readonly SigningKey[], ports: SignerPorts): Signer {
  return new DkimSigner(keys, ports);
}

interface UsableKey extends SigningKey {
  readonly object: KeyObject;
  readonly algorithm: "rsa-sha256" | "ed25519-sha256";
}

interface Digest {
  readonly fields: readonly MessageParserHeaderLine[];
  /** Base64 of the SHA-256 of the relaxed body. */
  readonly bodyHash: string;
}

class DkimSigner implements Signer {
  readonly #keys: readonly SigningKey[];
  readonly #clock: Clock;
  readonly #events: EventSink;
  /** Keys whose trouble has been told. */
  readonly #told = new Set<SigningKey>();

  constructor(keys: readonly SigningKey[], { clock, events }: SignerPorts) {
    this.#keys = keys;
    this.#clock = clock;
    this.#events = events;
  }

  async sign(body: () => AsyncIterable<Buffer>, signal: AbortSignal): Promise<SignResult> {
    signal.throwIfAborted();
    const now = this.#clock.now();
    if (this.#keys.every(({ activeFrom }) => activeFrom > now)) return { kind: "unsigned" };
    const digest = await digestOf(body, (fields) => this.#keysFor(fields, now).length > 0, signal);
    if (digest === undefined) return { kind: "unsigned" };
    const troubles: string[] = [];
    for (const generation of this.#keysFor(digest.fields, now)) {
      const usable: UsableKey[] = [];
      for (const key of generation) {
        const result = await this.#read(key);
        if (typeof result === "string") troubles.push(result);
        else usable.push(result);
      }
      const seconds = Math.floor(now / 1000);
      if (usable.length > 0)
        return { kind: "signed", field: usable.map((key) => fieldOf(digest, key, seconds)).join("") };
    }
    return { kind: "failed", message: `the message cannot be signed: ${troubles.join("; ")}` };
  }

  /** The keys of the first author whose domain has any, the latest first, those of one time together. */
  #keysFor(fields: readonly MessageParserHeaderLine[], now: EpochMs): SigningKey[][] {
    for (const domain of authorDomains(fields)) {
      const active = this.#keys.filter((key) => key.domain === domain && key.activeFrom <= now);
      if (active.length === 0) continue;
      const byTime = Map.groupBy(active, ({ activeFrom }) => activeFrom);
      return [...byTime].toSorted(([a], [b]) => b - a).map(([, keys]) => keys);
    }
    return [];
  }

  /** The key, or why it cannot be used; a person is told of that once for as long as it lasts. */
  async #read(key: SigningKey): Promise<UsableKey | string> {
    const { domain, selector } = key;
    try {
      const usable = usableKey(key, await key.key.read());
      this.#told.delete(key);
      return usable;
    } catch (error) {
      const detail = messageOf(error);
      if (!this.#told.has(key)) this.#events.emit({ kind: "dkim-failed", domain, selector, detail });
      this.#told.add(key);
      return `key ${selector} of ${domain}: ${detail}`;
    }
  }
}

/** Reads the message as far as need be. `undefined`: not to be signed. */
async function digestOf(
  body: () => AsyncIterable<Buffer>,
  isWanted: (fields: readonly MessageParserHeaderLine[]) => boolean,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const parser = new MessageParser();
  const relaxed = new RelaxedBody();
  let fields: readonly MessageParserHeaderLine[] | undefined;
  let bodyHash = "";
  let wanted = false;
  parser.once("headers", (found: readonly MessageParserHeaderLine[]) => {
    fields = found;
    wanted = isWanted(found);
  });
  relaxed.once("hash", (hash: string) => (bodyHash = hash));
  // Read for the hash alone.
  relaxed.resume();
  await pipeline(
    async function* () {
      for await (const chunk of body()) {
        signal.throwIfAborted();
        yield chunk;
        if (fields === undefined ? parser.headerBytes > maxHeaderOctets : !wanted) return;
      }
    },
    parser,
    relaxed,
  );
  const tooLong = parser.headerBytes > maxHeaderOctets;
  return fields === undefined || !wanted || tooLong ? undefined : { fields, bodyHash };
}

function authorDomains(fields: readonly MessageParserHeaderLine[]): readonly string[] {
  const [from, ...others] = fields.filter(({ key }) => key === "from");
  if (from === undefined || others.length > 0) return [];
  // nodemailer gives one character for each octet.
  const value = Buffer.from(from.line.slice(from.line.indexOf(":") + 1), "latin1").toString("utf8");
  return parseAddressList(value).addresses.map((address) => domainOf(address));
}

/** Throws when it is no key that can sign. */
function usableKey(key: SigningKey, text: string): UsableKey {
  const object = text.includes("-----BEGIN")
    ? createPrivateKey(text)
    : createPrivateKey({ key: Buffer.from(text, "base64"), format: "der", type: "pkcs8" });
  const { asymmetricKeyType, asymmetricKeyDetails } = object;
  if (asymmetricKeyType === "ed25519") return { ...key, object, algorithm: "ed25519-sha256" };
  if (asymmetricKeyType !== "rsa") throw new Error(`a key of type ${asymmetricKeyType ?? "unknown"} cannot sign mail`);
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < leastRsaBits) throw new Error(`an RSA key of ${bits} bits is too short`);
  return { ...key, object, algorithm: "rsa-sha256" };
}

/** The whole field. */
function fieldOf({ fields, bodyHash }: Digest, key: UsableKey, seconds: number): string {
  const names: string[] = [];
  let signed = "";
  for (const name of [...sealed, ...covered]) {
    const lower = name.toLowerCase();
    // RFC 6376 §5.4.2: of fields with one name the lowest goes first.
    const found = fields.filter((field) => field.key === lower).toReversed();
    const lines = found.slice(0, mostOfOneName);
    for (const line of lines) signed += canonical.relaxedHeaders([line], lower).headers;
    const more = found.length > 0 && found.length === lines.length && sealed.includes(name) ? 1 : 0;
    names.push(...Array.from({ length: lines.length + more }, () => name));
  }
  const line = [
    `DKIM-Signature: v=1; a=${key.algorithm}; c=relaxed/relaxed; d=${key.domain};`,
    ` s=${key.selector}; t=${seconds}; bh=${bodyHash};`,
    ` h=${folded(names)};`,
    " b=",
  ].join("\r\n");
  const own = canonical.relaxedHeaders([{ key: "dkim-signature", line }], "dkim-signature").headers;
  // Its own line end is not part of what is signed (§3.7).
  const octets = Buffer.from(signed + own.slice(0, -2), "latin1");
  const signature =
    key.algorithm === "rsa-sha256"
      ? sign("sha256", octets, key.object)
      : sign(null, createHash("sha256").update(octets).digest(), key.object);
  return `${line}${signature.toString("base64").replace(/.{72}(?=.)/gu, "$&\r\n  ")}\r\n`;
}

/** `a:b:c` on lines of at most some 70 characters (§3.5: white space may stand at the colons). */
function folded(names: readonly string[]): string {
  let text = "";
  let length = 0;
  for (const name of names) {
    const isLong = length + name.length > 68;
    text += `${text === "" ? "" : ":"}${isLong ? "\r\n  " : ""}${name}`;
    length = isLong ? name.length : length + name.length + 1;
  }
  return text;
}
