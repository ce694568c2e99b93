/** Whether certificate and key of a server of ours can be used together. What has expired is doubtful, not bad: mail goes on. */
import { X509Certificate } from "node:crypto";
import { textOf } from "./failure.ts";
import { readKey, type Judgement } from "./secret-contents.ts";

type Finding = Exclude<Judgement, { readonly kind: "good" }> & {
  /** Which of the two files it is about. */
  readonly about: "cert" | "key";
};

/** `now`: epoch milliseconds. */
export function judgeServerCertificate(cert: string, key: string, now: number): readonly Finding[] {
  const certificate = readCertificate(cert);
  const privateKey = readKey(key);
  const findings: Finding[] = [];
  if (!("type" in privateKey)) findings.push({ ...privateKey, about: "key" });
  if (!(certificate instanceof X509Certificate)) return [...findings, certificate];
  if ("type" in privateKey && !certificate.checkPrivateKey(privateKey))
    findings.push({
      kind: "bad",
      about: "key",
      why: "it is not the key of this certificate",
      hint: "Name the key that the certificate was made for",
    });
  const renew = "Renew it; popgate takes the new one without a restart";
  if (now > certificate.validToDate.getTime())
    findings.push({ kind: "doubtful", about: "cert", why: `it has expired on ${certificate.validTo}`, hint: renew });
  if (now < certificate.validFromDate.getTime())
    findings.push({
      kind: "doubtful",
      about: "cert",
      why: `it is not valid before ${certificate.validFrom}`,
      hint: "",
    });
  return findings;
}

/** The first one of the file is the server's own. */
function readCertificate(pem: string): X509Certificate | Finding {
  const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/u.exec(pem)?.[0];
  if (block === undefined)
    return {
      kind: "bad",
      about: "cert",
      why: "it holds no certificate in PEM form",
      hint: "It must hold -----BEGIN CERTIFICATE-----",
    };
  try {
    return new X509Certificate(block);
  } catch (error) {
    return {
      kind: "bad",
      about: "cert",
      why: `it holds a certificate that cannot be read: ${textOf(error)}`,
      hint: "",
    };
  }
}
