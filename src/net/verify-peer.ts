/**
 * Puts a `TlsPolicy` to work on a connection: the options for node:tls, and the check of the server that answered.
 *
 * `tlsConnectOptions` alone never accepts a server that the policy refuses. It does refuse some that a pin would accept:
 * node:tls looks at the chain before it lets anyone look at the certificate. So `dial` and `upgrade` finish the
 * handshake first, whatever the chain, and ask `verifyPeer` before the first octet is written. Whoever connects in
 * another way and wants pins must do the same.
 *
 * RFC 9525 (names), RFC 8446. Throws only when a `ca` text or a pin cannot be read, which the configuration has checked.
 */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import tls, {
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from "node:tls";
import { needsProof, type Pin, parsePin, pinsOf, type TlsPolicy } from "./tls-policy.ts";

/** A server that did not prove itself. `explainTlsError` puts it in words. */
export class PeerDistrusted extends Error {
  override readonly name = "PeerDistrusted";
  /** OpenSSL's or Node's code for the fault, or `PIN_MISMATCH` or `NO_CERTIFICATE`. */
  readonly code: string;
  /** The server's certificate and, as far as known, its issuers. */
  readonly chain: readonly X509Certificate[];
  /** The pins that were configured. */
  readonly expected: readonly Pin[];
  constructor(code: string, chain: readonly X509Certificate[], expected: readonly Pin[] = []) {
    super(code);
    this.code = code;
    this.chain = chain;
    this.expected = expected;
  }
}

/** SSL_OP_LEGACY_SERVER_CONNECT is 4 in every OpenSSL; node:crypto's constants have no type for it in all versions. */
const legacyServerConnect = 4;

/**
 * A context holds its parsed roots: with the usual ones, some hundred, that is about 17 ms and 1.4 MB. So those who trust
 * the usual roots share one for each minimum version, and each policy with a `ca` of its own keeps its own.
 */
const usualContexts = new Map<TlsPolicy["minVersion"], SecureContext>();
const ownContexts = new WeakMap<TlsPolicy, SecureContext>();

let usualRoots: string[] | undefined;

/** The options for `tls.connect` to this host under this policy; `socket` or `port` are for the caller to add. */
export function tlsConnectOptions(policy: TlsPolicy, host: string): ConnectionOptions {
  const name = peerName(policy, host);
  return {
    host: name,
    // RFC 6066 §3: literal addresses are not permitted in SNI.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    secureContext: contextOf(policy),
    rejectUnauthorized: needsProof(policy),
    checkServerIdentity: (_name, certificate) => identityFault(policy, name, certificate),
  };
}

/**
 * Whether the server behind a finished handshake proved itself: `undefined` when it did. Only for sockets made with
 * `tlsConnectOptions` of the same policy and host. A resumed handshake shows no certificate and is refused here: whoever
 * resumes must know that the server proved itself before (`tls-sessions.ts`).
 */
export function verifyPeer(socket: TLSSocket, policy: TlsPolicy, host: string): PeerDistrusted | undefined {
  const peer = socket.getPeerCertificate(true);
  const chain = peerChain(peer);
  const [certificate] = chain;
  if (certificate === undefined) return new PeerDistrusted("NO_CERTIFICATE", []);
  if (policy.fingerprints.length > 0) {
    const expected = pins(policy);
    return matches(certificate, expected) ? undefined : new PeerDistrusted("PIN_MISMATCH", chain, expected);
  }
  if (!needsProof(policy)) return undefined;
  if (!socket.authorized) return new PeerDistrusted(codeOf(socket.authorizationError), chain);
  const nameFault = tls.checkServerIdentity(peerName(policy, host), peer);
  return nameFault === undefined ? undefined : new PeerDistrusted("ERR_TLS_CERT_ALTNAME_INVALID", chain);
}

/** When the server's certificate ends, in milliseconds since 1970; 0 when there is none. */
export function peerCertificateEnds(socket: TLSSocket): number {
  return peerChain(socket.getPeerCertificate())[0]?.validToDate.getTime() ?? 0;
}

/**
 * The server's certificate and its issuers as far as they were sent or are known, without the loop at the end.
 * (Not by `getPeerX509Certificate`: in Node 24.21 a second call of it, and every later `getPeerCertificate`, finds nothing.)
 */
function peerChain(peer: DetailedPeerCertificate | PeerCertificate): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  // Without a certificate node:tls gives an empty object, which its type does not say.
  for (let next: DetailedPeerCertificate | PeerCertificate | undefined = peer; next?.raw !== undefined;) {
    const certificate = new X509Certificate(next.raw);
    if (chain.length >= longestChain || chain.some((link) => link.raw.equals(certificate.raw))) break;
    chain.push(certificate);
    next = "issuerCertificate" in next ? next.issuerCertificate : undefined;
  }
  return chain;
}

/** More certificates than any server needs to show. */
const longestChain = 10;

/** The name that the certificate must carry: a host name as A-labels without trailing dot, or an IP address. */
function peerName(policy: TlsPolicy, host: string): string {
  const wanted = (policy.servername ?? host).replace(/^\[(.*)\]$/u, "$1").replace(/\.$/u, "");
  if (isIP(wanted) !== 0) return wanted;
  return domainToASCII(wanted) || wanted.toLowerCase();
}

function identityFault(policy: TlsPolicy, name: string, peer: PeerCertificate): Error | undefined {
  if (policy.fingerprints.length === 0) return tls.checkServerIdentity(name, peer);
  const certificate = new X509Certificate(peer.raw);
  const expected = pins(policy);
  return matches(certificate, expected) ? undefined : new PeerDistrusted("PIN_MISMATCH", [certificate], expected);
}

function pins(policy: TlsPolicy): readonly Pin[] {
  return policy.fingerprints.map((text) => {
    const result = parsePin(text);
    if (result.kind === "bad") throw new TypeError(`not a fingerprint: ${JSON.stringify(text)}: ${result.why}`);
    return result.pin;
  });
}

function matches(certificate: X509Certificate, expected: readonly Pin[]): boolean {
  const actual = pinsOf(certificate);
  return expected.some((pin) => pin.sha256 === actual[pin.of].sha256);
}

function contextOf(policy: TlsPolicy): SecureContext {
  const isUsual = policy.ca.length === 0;
  const known = isUsual ? usualContexts.get(policy.minVersion) : ownContexts.get(policy);
  if (known !== undefined) return known;
  const context = makeContext(policy);
  if (isUsual) usualContexts.set(policy.minVersion, context);
  else ownContexts.set(policy, context);
  return context;
}

function makeContext(policy: TlsPolicy): SecureContext {
  return tls.createSecureContext({
    // One of the administrator's own certificates may be an intermediate or the server's own.
    ...(policy.ca.length > 0 ? { ca: [...policy.ca], allowPartialTrustChain: true } : { ca: roots() }),
    minVersion: policy.minVersion,
    // OpenSSL 3 allows TLS 1.0 and 1.1, and the keys and digests of their time, only at security level 0.
    ...(policy.minVersion === "TLSv1" ? { ciphers: "DEFAULT@SECLEVEL=0", secureOptions: legacyServerConnect } : {}),
  });
}

/** What Node trusts and what this system trusts: a company's own root is usually installed in the latter. */
function roots(): string[] {
  usualRoots ??= [...new Set([...tls.getCACertificates("default"), ...tls.getCACertificates("system")])];
  return usualRoots;
}

/** node:tls gives a code as text where its type says Error. */
function codeOf(error: unknown): string {
  if (typeof error === "string" && error !== "") return error;
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return "UNTRUSTED";
}
