/** What the doctor says of a server's certificate: who it is for, who signed it, until when, and how it would be pinned. */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { certificateNames, describeCertificate } from "../net/certificate.ts";
import type { DialError } from "../net/dial.ts";
import { formatPin, needsProof, pinsOf } from "../net/tls-policy.ts";
import { PeerDistrusted } from "../net/verify-peer.ts";
import type { Notes } from "./finding.ts";
import type { ServerTarget } from "./port.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** Certificates of public CAs are renewed a month before their end; two weeks before it nobody has. */
const fewDays = 14;

/** After a handshake that the policy let pass. */
export function tellCertificate(socket: Socket, { tls }: ServerTarget, notes: Notes, now: number): void {
  if (!(socket instanceof TLSSocket)) return;
  const { raw } = socket.getPeerCertificate();
  // Node's type says that there is always one.
  const certificate = Buffer.isBuffer(raw) ? new X509Certificate(raw) : undefined;
  const how = `${socket.getProtocol() ?? "TLS"}, ${socket.getCipher().name}`;
  if (certificate === undefined) {
    notes.warn("no-certificate-shown", `${how}; the server showed no certificate`);
    return;
  }
  const words = describeCertificate(certificate);
  const days = Math.floor((certificate.validToDate.getTime() - now) / dayMs);
  const isPinned = tls.fingerprints.length > 0;
  if (!needsProof(tls))
    notes.info(
      "certificate-unchecked",
      `${how}; ${words}, which is not checked: tls = "opportunistic" takes any`,
      "Pinned, it could not be replaced by somebody on the way.",
      [`fingerprint = "${formatPin(pinsOf(certificate).certificate)}"`],
    );
  else if (isPinned)
    notes.ok("certificate-pinned", `${how}; ${words}, which is pinned${days < 0 ? " (and has expired)" : ""}`);
  else if (days < fewDays)
    notes.warn("certificate-ends-soon", `${how}; ${words}: it ends in ${days} day(s)`, "Its owner has to renew it.");
  else notes.ok("certificate-good", `${how}; ${words}`);
}

/** Tells of a certificate that the policy refuses, with the lines that would take it. False if it is not about one. */
export function tellDistrust(error: DialError, { host }: ServerTarget, notes: Notes): boolean {
  const { cause } = error;
  if (!(cause instanceof PeerDistrusted)) return false;
  const [certificate] = cause.chain;
  if (certificate === undefined) {
    notes.error("certificate-distrusted", error.message);
    return true;
  }
  const isName = cause.code === "ERR_TLS_CERT_ALTNAME_INVALID";
  const name = isName ? certificateNames(certificate).find((one) => !one.includes("*") && one !== host) : undefined;
  const pin = `fingerprint = "${formatPin(pinsOf(certificate).certificate)}"`;
  notes.error(
    "certificate-distrusted",
    error.message,
    name === undefined
      ? "If its owner confirms this fingerprint on another way, the certificate can be pinned:"
      : "If one of the names leads to the same server, use it; or pin the certificate, once its owner has confirmed it:",
    cause.code === "CERT_REVOKED" ? undefined : [...(name === undefined ? [] : [`host = "${name}"`]), pin],
  );
  return true;
}
