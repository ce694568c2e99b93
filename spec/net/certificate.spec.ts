import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "vitest";
import { explainTlsError, looksLikeTls, plaintextPortHint } from "../../src/net/certificate.ts";
import { explainConnectionError } from "../../src/net/connection-trouble.ts";
import { certificates, makeCertificate } from "../fakes/certificates.ts";

const host = "mail.test.example:995";
const failed = (code: string, message = "it failed") => Object.assign(new Error(message), { code });

describe("TLS trouble in words", () => {
  it.each([
    ["ERR_SSL_WRONG_VERSION_NUMBER", /plain text where TLS was expected.*tls = "starttls"/u],
    ["ERR_SSL_PACKET_LENGTH_TOO_LONG", /plain text where TLS was expected/u],
    ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", /TLS version.*min_tls/u],
    ["ERR_SSL_UNSUPPORTED_PROTOCOL", /TLS version.*min_tls/u],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", /in common/u],
    ["ERR_SSL_DH_KEY_TOO_SMALL", /too weak.*min_tls/u],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", /does not know the name/u],
    ["NO_CERTIFICATE", /sent no certificate/u],
    ["ECONNRESET", /closed the connection/u],
    ["TIMEOUT", /did not end in time/u],
    ["ERR_SOMETHING_NEW", /TLS failed: it failed \(ERR_SOMETHING_NEW\)/u],
  ])("%s", (code, words) => {
    const text = explainTlsError(failed(code), undefined, host);
    expect(text).toMatch(words);
    expect(text.startsWith(`${host}: `)).toBe(true);
    // Where the handshake failed for another reason, a certificate that was seen is not blamed.
    if (code.startsWith("ERR_SSL"))
      expect(explainTlsError(failed(code), new X509Certificate(certificates().server.cert), host)).toBe(text);
  });

  it.each([
    ["CERT_HAS_EXPIRED", /expired on/u],
    ["CERT_NOT_YET_VALID", /not valid before/u],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /it is for localhost, mail\.test\.example, 127\.0\.0\.1/u],
    ["CERT_REVOKED", /revoked/u],
    ["PATH_LENGTH_EXCEEDED", /may not sign/u],
    ["CERT_SIGNATURE_FAILURE", /signature on the certificate is wrong/u],
    ["EE_KEY_TOO_SMALL", /too weak.*min_tls/u],
    ["SOME_NEW_FAULT", /not accepted: SOME_NEW_FAULT/u],
  ])("%s, with the certificate at hand", (code, words) => {
    const text = explainTlsError(failed(code), new X509Certificate(certificates().server.cert), host);
    expect(text).toMatch(words);
    expect(text).toMatch(/certificate of CN=mail\.test\.example, issued by CN=Test CA, valid from \d{4}-\d\d-\d\d to/u);
  });

  it("never offers to pin a certificate that was revoked or forged", () => {
    const certificate = new X509Certificate(certificates().server.cert);
    for (const code of ["CERT_REVOKED", "CERT_SIGNATURE_FAILURE"])
      expect(explainTlsError(failed(code), certificate, host)).not.toContain("fingerprint =");
  });

  it("takes no control characters and no flood from a certificate", () => {
    const evil = makeCertificate({
      name: "a\r\n2026-01-01 delivered \u001b[2J\u202e",
      hosts: Array.from({ length: 200 }, (_, at) => `host${at}.test.example`),
    });
    const text = explainTlsError(failed("ERR_TLS_CERT_ALTNAME_INVALID"), new X509Certificate(evil.cert), host);
    expect(text).not.toMatch(/[\p{Cc}\u202e]/u);
    expect(text).toContain("and 190 more");
    expect(text.length).toBeLessThan(1500);
  });

  it("does not choke on what is no error", () => {
    expect(explainTlsError("odd", undefined, host)).toBe(`${host}: TLS failed: odd.`);
    expect(explainTlsError(undefined, undefined, host)).toContain("TLS failed");
  });
});

describe("a port that speaks TLS where plain text was expected", () => {
  it("is recognised by its first octets", () => {
    // An alert, as OpenSSL sends it to who speaks plain text.
    expect(looksLikeTls(Buffer.from("15030100020246", "hex"))).toBe(true);
    expect(looksLikeTls(Buffer.from("+OK ready\r\n"))).toBe(false);
    expect(looksLikeTls(Buffer.from("220 mx\r\n"))).toBe(false);
    expect(looksLikeTls(Buffer.alloc(0))).toBe(false);
    expect(plaintextPortHint(host)).toContain('tls = "implicit"');
  });
});

describe("connection trouble in words", () => {
  it.each([
    ["EAI_AGAIN", /DNS does not answer/u],
    ["ETIMEDOUT", /192\.0\.2\.7\): no answer/u],
    ["EHOSTUNREACH", /no route/u],
    ["EMFILE", /no more files/u],
    ["EODD", /it failed/u],
  ])("%s", (code, words) => {
    expect(explainConnectionError(failed(code), "mail.example", 110, ["192.0.2.7"])).toMatch(words);
  });

  it("says of several addresses what the one that answered said", () => {
    const error = new AggregateError([failed("ENETUNREACH"), failed("ECONNREFUSED"), failed("ETIMEDOUT")]);
    expect(explainConnectionError(error, "2001:db8::1", 110, [])).toBe(
      "[2001:db8::1]:110: connection refused. Nothing listens on this port, or a firewall refuses it.",
    );
  });
});
