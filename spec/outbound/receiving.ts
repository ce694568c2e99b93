/** What the specs of taking a message in share: a client, a request, recipients, bodies in pieces. */
import { mustAddress, nullReversePath, type ReversePath } from "../../src/core/address.ts";
import type { EnvelopeRecipient, MailRequest, SmtpClient } from "../../src/outbound/port.ts";
import type { DsnWishes } from "../../src/spool/record.ts";

export const hostname = "mail.firma.example";

export const exchange: SmtpClient = {
  address: "192.0.2.7",
  listener: "192.0.2.1:25",
  helo: "ex1.firma.example",
  esmtp: true,
  tls: { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
  user: undefined,
};

export function from(address: string): ReversePath {
  return address === "" ? nullReversePath : { kind: "address", address: mustAddress(address) };
}

export const request: MailRequest = {
  reversePath: from("a@firma.example"),
  size: undefined,
  body: "8BITMIME",
  smtpUtf8: false,
  requireTls: false,
  ret: undefined,
  envid: undefined,
};

export function to(address: string, dsn?: DsnWishes): EnvelopeRecipient {
  return { address: mustAddress(address), dsn };
}

export const recipient: readonly [EnvelopeRecipient] = [to("x@kunde.example")];

/** A message in pieces of `size` octets; `then` happens before its end. */
export async function* pieces(
  message: string | Buffer,
  size = 100,
  then?: () => Promise<void>,
): AsyncGenerator<Buffer> {
  const octets = Buffer.isBuffer(message) ? message : Buffer.from(message, "latin1");
  for (let at = 0; at < octets.length; at += size) yield Buffer.from(octets.subarray(at, at + size));
  await then?.();
}

export const mail =
  "From: A <a@firma.example>\r\nTo: x@kunde.example\r\nSubject: Gr\xfc\xdfe\r\nDate: Tue, 24 Nov 2026 09:00:00 +0100\r\n" +
  "Message-ID: <1@firma.example>\r\n\r\nHello\r\n";
