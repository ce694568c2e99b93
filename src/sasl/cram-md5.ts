/**
 * CRAM-MD5 (RFC 2195): proves knowledge of the password by a keyed digest of the server's challenge.
 *
 * The password does not cross the wire, but whoever listens can try passwords against the digest, and the server proves
 * nothing. Better than PLAIN in the clear; SCRAM is better than both.
 */
import { createHmac } from "node:crypto";
import { SaslError, type SaslMechanism } from "./mechanism.ts";

/** The answer is `user digest`, the digest in lower-case hexadecimal. */
export function cramMd5(user: string, password: () => Promise<string>): SaslMechanism {
  let answered = false;
  return {
    name: "CRAM-MD5",
    complaint: undefined,
    initial: () => Promise.resolve(undefined),
    async respond(challenge) {
      if (answered) throw new SaslError("the server challenges a second time in CRAM-MD5");
      if (challenge.length === 0) throw new SaslError("the server's CRAM-MD5 challenge is empty");
      answered = true;
      const digest = createHmac("md5", await password())
        .update(challenge)
        .digest("hex");
      return Buffer.from(`${user} ${digest}`);
    },
    finish() {},
  };
}
