/**
 * Throw-away certificates with every fault a server can show, for specs that speak TLS on loopback.
 *
 * Made in memory on first use (some milliseconds each, ECDSA P-256) and kept for the process: `certificates().server`
 * is good for `localhost`, `mail.test.example` and the loopback addresses, and is signed by `certificates().ca`.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import {
  bitString,
  bool,
  element,
  explicit,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";

/** PEM texts, as node:tls takes them. `cert` is followed by the intermediates a server should send, if there are any. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A certificate that can sign others. */
export interface Authority extends KeyAndCertificate {
  readonly name: string;
}

export interface CertificateRequest {
  /** Common name of the subject. */
  readonly name: string;
  /** DNS names and IP addresses of the subjectAltName; none leaves the extension out. */
  readonly hosts?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  /** May sign others. */
  readonly isAuthority?: boolean;
  /** Who signs; the certificate's own key without it. */
  readonly issuer?: Authority;
  /** `rsa1024` is too weak for today's rules. */
  readonly key?: "p256" | "rsa1024" | "rsa2048";
  /** Goes on with the key of another certificate: a renewal. */
  readonly keyOf?: KeyAndCertificate;
}

const daysMs = 24 * 60 * 60 * 1000;
/** Names all the usual certificates here are for. */
const goodHosts = ["localhost", "mail.test.example", "127.0.0.1", "::1"] as const;

/** Makes one certificate to order. */
export function makeCertificate(request: CertificateRequest): Authority {
  const key = request.keyOf === undefined ? newKey(request.key ?? "p256") : createPrivateKey(request.keyOf.key);
  const signer = request.issuer === undefined ? key : createPrivateKey(request.issuer.key);
  const tbs = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    signatureAlgorithm(signer),
    distinguishedName(request.issuer?.name ?? request.name),
    sequence(
      time(request.from ?? new Date(Date.now() - daysMs)),
      time(request.to ?? new Date(Date.now() + 90 * daysMs)),
    ),
    distinguishedName(request.name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions(request))),
  );
  const der = sequence(tbs, signatureAlgorithm(signer), bitString(sign("sha256", tbs, signer)));
  return {
    name: request.name,
    key: key.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: new X509Certificate(der).toString(),
  };
}

/** The usual ones, made once for the process. */
export function certificates(): Certificates {
  known ??= makeAll();
  return known;
}

export type Certificates = ReturnType<typeof makeAll>;
let known: Certificates | undefined;

function makeAll() {
  const ca = makeCertificate({ name: "Test CA", isAuthority: true });
  const otherCa = makeCertificate({ name: "Other CA", isAuthority: true });
  const oldCa = makeCertificate({
    name: "Old CA",
    isAuthority: true,
    from: new Date("2020-01-01T00:00:00Z"),
    to: new Date("2021-01-01T00:00:00Z"),
  });
  const between = makeCertificate({ name: "Intermediate CA", isAuthority: true, issuer: ca });
  const hosts = goodHosts;
  const server = makeCertificate({ name: "mail.test.example", hosts, issuer: ca });
  const chained = makeCertificate({ name: "mail.test.example", hosts, issuer: between });
  return {
    ca,
    otherCa,
    oldCa,
    server,
    /** The key of `server` in a new certificate: its certificate pin changes, its key pin does not. */
    renewed: makeCertificate({ name: "mail.test.example", hosts, issuer: ca, keyOf: server }),
    wrongName: makeCertificate({ name: "other.test.example", hosts: ["other.test.example", "192.0.2.1"], issuer: ca }),
    noName: makeCertificate({ name: "localhost", issuer: ca }),
    expired: makeCertificate({
      name: "mail.test.example",
      hosts,
      issuer: ca,
      from: new Date("2023-01-01T00:00:00Z"),
      to: new Date("2024-02-03T00:00:00Z"),
    }),
    notYet: makeCertificate({
      name: "mail.test.example",
      hosts,
      issuer: ca,
      from: new Date("2093-04-05T00:00:00Z"),
      to: new Date("2094-01-01T00:00:00Z"),
    }),
    selfSigned: makeCertificate({ name: "mail.test.example", hosts }),
    underOldCa: makeCertificate({ name: "mail.test.example", hosts, issuer: oldCa }),
    /** Sends its intermediate, as it should. */
    chained: { ...chained, cert: chained.cert + between.cert },
    /** Leaves its intermediate out. */
    incomplete: chained,
  };
}

function newKey(kind: NonNullable<CertificateRequest["key"]>): KeyObject {
  switch (kind) {
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "rsa1024":
      return generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
    case "rsa2048":
      return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  }
}

function signatureAlgorithm(key: KeyObject): Buffer {
  return key.asymmetricKeyType === "rsa"
    ? sequence(oid("1.2.840.113549.1.1.11"), element(0x05))
    : sequence(oid("1.2.840.10045.4.3.2"));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
}

function extensions(request: CertificateRequest): Buffer[] {
  const extension = (id: string, critical: boolean, value: Buffer) =>
    sequence(oid(id), ...(critical ? [bool(true)] : []), octetString(value));
  const isAuthority = request.isAuthority === true;
  return [
    extension("2.5.29.19", true, isAuthority ? sequence(bool(true)) : sequence()),
    // keyCertSign and cRLSign, or digitalSignature.
    extension("2.5.29.15", true, isAuthority ? bitString(Buffer.from([0x06]), 1) : bitString(Buffer.from([0x80]), 7)),
    ...(isAuthority ? [] : [extension("2.5.29.37", false, sequence(oid("1.3.6.1.5.5.7.3.1")))]),
    ...(request.hosts === undefined ? [] : [extension("2.5.29.17", false, sequence(...request.hosts.map(hostName)))]),
  ];
}

function hostName(host: string): Buffer {
  if (isIP(host) === 4) return element(0x87, Buffer.from(host.split(".").map(Number)));
  if (host === "::1") return element(0x87, Buffer.from(`${"00".repeat(15)}01`, "hex"));
  return element(0x82, Buffer.from(host));
}
