import { generateKeyPairSync } from "node:crypto";
import { dkimVerify } from "mailauth";
import DKIM from "nodemailer/lib/dkim";
import { describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { decide } from "../../src/message/recipients.ts";
import { render } from "../../src/message/render.ts";
import { receivedField } from "../../src/message/trace.ts";
import { outcome, policy } from "./support.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 1024,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
const record = `v=DKIM1; k=rsa; p=${publicKey.toString("base64")}`;

const header =
  "From: Sender <s@kunde.example>\r\nTo: list@kunde.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n from\tVienna  \r\n" +
  "Date: Tue, 24 Nov 2026 08:00:00 +0100\r\nMessage-ID: <1@kunde.example>\r\nMIME-Version: 1.0\r\n" +
  "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n";

const bodies: Readonly<Record<string, string>> = {
  plain: "Hello\r\n",
  "8-bit": "Gr\xfc\xdfe\r\n\xe4\r\n",
  "white space and empty lines at its end": "a \t b\r\n\r\n  \r\n\r\n",
  "dots and a line of 998 octets": `.\r\n..\r\n${"x".repeat(998)}\r\n`,
  empty: "",
};

async function signed(message: string): Promise<Buffer> {
  const signer = new DKIM({ domainName: "kunde.example", keySelector: "s", privateKey });
  const chunks: Buffer[] = [];
  for await (const chunk of signer.sign(Buffer.from(message, "latin1"))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function delivered(stored: Buffer, profile: string): Promise<Buffer> {
  const decision = decide(parseHeaderBlock(stored), policy(profile));
  expect(outcome(decision)).toEqual(["blind@firma.example"]);
  const prepend = receivedField({
    hostname: "mail.firma.example",
    from: "pop.provider.example",
    address: undefined,
    protocol: "POP3S",
    id: "1",
    at: 0,
  });
  async function* body(): AsyncGenerator<Buffer> {
    for (let at = 0; at < stored.length; at += 100) yield stored.subarray(at, at + 100);
  }
  const out: Buffer[] = [];
  for await (const piece of render(body(), { prepend, cuts: decision.removed })) out.push(Buffer.from(piece));
  const whole = Buffer.concat(out);
  expect(whole.toString("latin1")).not.toContain("blind@firma.example");
  return whole;
}

async function verdict(message: Buffer): Promise<readonly (string | undefined)[]> {
  const resolver = async (name: string, type: string): Promise<string[][]> => {
    expect([name, type]).toEqual(["s._domainkey.kunde.example", "TXT"]);
    return [[record]];
  };
  const { results } = await dkimVerify(message, { resolver, minBitLength: 1024 });
  return results.map(({ status }) => status.result);
}

const exim = "Return-Path: <s@kunde.example>\r\nEnvelope-to: blind@firma.example\r\nDelivery-date: now\r\n";
const mx = "Received: from x by mx.kundenserver.de (Nemesis)\r\n\twith ESMTPS id 1 for <blind@firma.example>; now\r\n";

describe("a DKIM signature", () => {
  it.each(Object.keys(bodies))("stays valid after decision and rendering: body %s", async (name) => {
    const message = await signed(`${header}\r\n${bodies[name] ?? ""}`);
    const top = Buffer.concat([Buffer.from(exim + mx), message]);
    await expect(verdict(await delivered(top, "exim"))).resolves.toEqual(["pass"]);
    const blank = message.indexOf("\r\n\r\n") + 2;
    const bottom = Buffer.concat([
      Buffer.from(mx),
      message.subarray(0, blank),
      Buffer.from("Envelope-To: <blind@firma.example>\r\nUI-InboundReport: x\r\n\ty\r\n"),
      message.subarray(blank),
    ]);
    await expect(verdict(await delivered(bottom, "ionos"))).resolves.toEqual(["pass"]);
  });

  it("stays valid when the message was signed with Bcc and Envelope-To in it", async () => {
    const message = await signed(
      `Bcc: blind@firma.example,\r\n\tother@firma.example\r\n${header}Envelope-To: blind@firma.example\r\n\r\nHello\r\n`,
    );
    const stored = Buffer.concat([Buffer.from(exim + mx), message]);
    await expect(verdict(await delivered(stored, "exim"))).resolves.toEqual(["pass"]);
  });

  it("stays valid when a POP3 server hands out bare LF", async () => {
    const message = await signed(`${header}\r\nHello\r\nworld\r\n`);
    const stored = Buffer.from((exim + mx + message.toString("latin1")).replaceAll("\r\n", "\n"), "latin1");
    await expect(verdict(await delivered(stored, "exim"))).resolves.toEqual(["pass"]);
  });

  it("is seen to break when a letter changes (the check can fail)", async () => {
    const message = await signed(`${header}\r\nHello\r\n`);
    const changed = Buffer.from(message.toString("latin1").replace("Hello", "hello"), "latin1");
    await expect(verdict(changed)).resolves.not.toEqual(["pass"]);
  });
});
