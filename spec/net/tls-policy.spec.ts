import { createHash, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatPin, parsePin, pinsOf } from "../../src/net/tls-policy.ts";
import { certificates } from "../fakes/certificates.ts";

const digest = createHash("sha256").update("x").digest();
const hex = digest.toString("hex");
const colons = (hex.match(/../gu) ?? []).join(":");

describe("a fingerprint", () => {
  it.each([
    [`sha256:${hex}`, "certificate"],
    [`SHA256:${colons.toUpperCase()}`, "certificate"],
    [`sha-256:${hex}`, "certificate"],
    [` ${colons.toUpperCase()} `, "certificate"],
    [`sha256 Fingerprint=${colons.toUpperCase()}`, "certificate"],
    [`SHA256 Fingerprint=${colons.toUpperCase()}`, "certificate"],
    [`spki-sha256:${hex}`, "key"],
    [`spki-sha256:${digest.toString("base64")}`, "key"],
    [`sha256//${digest.toString("base64")}`, "key"],
    [`spki:${colons}`, "key"],
  ])("may be written %s", (text, of) => {
    expect(parsePin(text)).toEqual({ kind: "ok", pin: { of, sha256: hex } });
  });

  it.each([
    ["", /64/u],
    ["sha256:abc", /64/u],
    [hex.slice(0, 40), /SHA-1/u],
    [`md5:${hex.slice(0, 32)}`, /64/u],
    [`${hex}00`, /64/u],
    [`spki-sha256:${hex.slice(0, 40)}`, /44/u],
    [`sha256:${digest.toString("base64")}`, /64/u],
  ])("is refused as %j, with the reason", (text, why) => {
    expect(parsePin(text)).toMatchObject({ kind: "bad", why: expect.stringMatching(why) as string });
  });

  it("is written so that it reads back the same", () => {
    const pin = fc.record({
      of: fc.constantFrom("certificate" as const, "key" as const),
      sha256: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((octets) => Buffer.from(octets).toString("hex")),
    });
    fc.assert(
      fc.property(pin, (pin) => {
        expect(parsePin(formatPin(pin))).toEqual({ kind: "ok", pin });
      }),
    );
  });

  it("of the key stays the same when a certificate is renewed", () => {
    const [before, after] = [certificates().server, certificates().renewed].map(({ cert }) =>
      pinsOf(new X509Certificate(cert)),
    );
    expect(after?.key).toEqual(before?.key);
    expect(after?.certificate).not.toEqual(before?.certificate);
    expect(before?.certificate.sha256).toBe(
      new X509Certificate(certificates().server.cert).fingerprint256.replaceAll(":", "").toLowerCase(),
    );
  });
});
