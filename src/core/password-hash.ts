/**
 * Hashes of passwords for logins at the listener and the web page: scrypt (RFC 7914) in PHC string format,
 * `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`, salt and hash in base64 without padding. passlib and others write the same.
 *
 * Guarantees: the comparison takes the same time wherever two hashes differ; a hash from a file cannot ask for more than
 * `mostMemory` octets or for more than about two seconds of work, whatever parameters it names.
 *
 * A password is hashed as the UTF-8 of its NFC form, so that `é` typed as one or as two code points is the same
 * password. Full SASLprep (RFC 4013) is left out: it also folds look-alikes (NFKC), which only loses strength here, since
 * both ends of the comparison are ours. Does not limit how many run at once: that is for who calls.
 */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

export interface HashOptions {
  /** Base-two logarithm of the cost; each step doubles time and memory. */
  readonly ln?: number;
  /** Random octets, if not fresh ones: for specs. */
  readonly salt?: Uint8Array;
}

/** Where the hash of a user's password is kept. Read at each login, so that a changed one needs no restart. */
export interface PasswordSource {
  /** Rejects when it cannot be read, with words that hold no secret. */
  read(signal?: AbortSignal): Promise<string>;
}

/** The users that may log in, by name. */
export type PasswordUsers = ReadonlyMap<string, PasswordSource>;

interface ParsedHash {
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** 32 MiB and some 70 ms: slow for who guesses, bearable for Exchange, which logs in once for each connection. */
const usualCost = { ln: 15, r: 8, p: 1 };
const saltOctets = 16;
const hashOctets = 32;

const mostMemory = 128 * 1024 * 1024;
/** In units of `N * r`; the usual cost is 2^18. */
const mostWork = 2 ** 22;
/** Anything less is no password hash but a checksum. */
const leastLn = 10;

const pattern = /^\$scrypt\$ln=([1-9]\d?),r=([1-9]\d?),p=([1-9]\d?)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/u;

/** Makes the hash of a password. */
export async function hashPassword(password: string, options: HashOptions = {}): Promise<string> {
  const { r, p } = usualCost;
  const ln = options.ln ?? usualCost.ln;
  const salt = Buffer.from(options.salt ?? randomBytes(saltOctets));
  const written = (hash: Buffer): string => `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(hash)}`;
  if (!isPasswordHash(written(Buffer.alloc(hashOctets))))
    throw new TypeError("the cost or the salt of a password hash is out of bounds");
  return written(await derive(password, { ln, r, p, salt }, hashOctets));
}

/** Whether this is the password of that hash. False for a text that is not a hash: see `isPasswordHash`. */
export async function verifyPassword(password: string, hash: string): Promise<boolean> {
  const parsed = parse(hash);
  if (parsed === undefined) return false;
  return timingSafeEqual(await derive(password, parsed, parsed.hash.length), parsed.hash);
}

/** Whether the text is a hash that `verifyPassword` can use: well formed, and within the bounds of memory and work. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== undefined;
}

function parse(text: string): ParsedHash | undefined {
  const [, ln, r, p, salt, hash] = pattern.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const parsed = { ln: Number(ln), r: Number(r), p: Number(p), salt: octets(salt), hash: octets(hash) };
  const inBounds =
    parsed.ln >= leastLn &&
    memoryOf(parsed) <= mostMemory &&
    2 ** parsed.ln * parsed.r * parsed.p <= mostWork &&
    // Base64 whose last digit has bits left over stands for no octets of its own: two texts would be one hash.
    unpadded(parsed.salt) === salt &&
    unpadded(parsed.hash) === hash;
  return inBounds ? parsed : undefined;
}

/** RFC 7914 §2: `N * r` blocks of 128 octets, and as many for each of `p` at the seams. */
function memoryOf({ ln, r, p }: Pick<ParsedHash, "ln" | "r" | "p">): number {
  return 128 * r * (2 ** ln + p + 2);
}

function derive(password: string, how: Omit<ParsedHash, "hash">, length: number): Promise<Buffer> {
  const { ln, r, p, salt } = how;
  const options = { N: 2 ** ln, r, p, maxmem: memoryOf(how) + 1024 };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFC"), salt, length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function octets(base64: string): Buffer {
  return Buffer.from(base64, "base64");
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/u, "");
}
