import { createHash, createSign, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { dkimVerify } from "mailauth";
import DKIM from "nodemailer/lib/dkim";
import { describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { render } from "../../src/message/render.ts";
import { readSubmission, type SubmissionEdits, type SubmissionReading } from "../../src/message/submission.ts";
import { ownSubmission, receivedField, smtpProtocol, type ReceivedOptions } from "../../src/message/trace.ts";

const hostname = "mail.firma.example";
const id = "0123456789BCDF";
const at = Date.UTC(2026, 10, 24, 8, 30, 5);
const options: ReceivedOptions = { hostname, from: "ex1", address: "192.0.2.7", protocol: "ESMTPS", id, at };
const facts = { hostname, id, at, received: receivedField(options) };
const dated = "Date: Tue, 24 Nov 2026 09:00:00 +0100\r\nMessage-ID: <1@firma.example>\r\n";

function reading(message: string): SubmissionReading {
  return readSubmission(parseHeaderBlock(Buffer.from(message, "latin1")), facts);
}

function taken(message: string): SubmissionEdits {
  const result = reading(message);
  if (result.kind !== "take") throw new Error(result.detail);
  return result;
}

async function relayed(message: string | Buffer): Promise<Buffer> {
  const stored = Buffer.isBuffer(message) ? message : Buffer.from(message, "latin1");
  const { edits } = taken(stored.toString("latin1"));
  async function* body(): AsyncGenerator<Buffer> {
    for (let start = 0; start < stored.length; start += 97) yield stored.subarray(start, start + 97);
  }
  const out: Buffer[] = [];
  for await (const piece of render(body(), edits)) out.push(Buffer.from(piece));
  return Buffer.concat(out);
}

const text = async (message: string): Promise<string> => (await relayed(message)).toString("latin1");

describe("a submitted message", () => {
  it("gets our Received field on top, and is otherwise the same octet for octet", async () => {
    const message = `From: a@firma.example\r\nSUBJECT:\tx\r\n  y  \r\nX-Odd : 1\r\n${dated}\r\nBcc: not a header\r\n.\r\n\xff`;
    expect(await text(message)).toBe(`${facts.received}${message}\r\n`);
    expect(taken(message)).toMatchObject({ removed: [], notes: [], author: "a@firma.example" });
  });

  it.each([
    ["Bcc: x@a.example\r\n"],
    ["bCC: x@a.example,\r\n\ty@a.example\r\n"],
    ["BCC : x@a.example\r\n"],
    ["Bcc:\r\n"],
    ["Resent-Bcc: x@a.example\r\n"],
    ["Return-Path: <x@a.example>\r\n"],
    ["Content-Length: 17\r\n"],
    ["From x@a.example Tue Nov 24 08:00:00 2026\r\n"],
    ["  a continuation of nothing\r\n"],
  ])("loses %j", async (field) => {
    const rest = `From: a@firma.example\r\n${dated}`;
    expect(await text(`${field}${rest}\r\nx\r\n`)).toBe(`${facts.received}${rest}\r\nx\r\n`);
    if (field.startsWith("From ") || field.startsWith(" ")) return;
    expect(await text(`${rest}${field}${field}\r\nx\r\n`)).toBe(`${facts.received}${rest}\r\nx\r\n`);
  });

  it("keeps what only looks like one of these", async () => {
    const rest = `From: a@firma.example\r\nX-Bcc: 1\r\nBccc: 2\r\nSubject: a\r\n Bcc: b\r\n${dated}\r\nBcc: c\r\n`;
    expect(await text(rest)).toBe(facts.received + rest);
  });

  it("gets the Date and the Message-ID that it lacks, and no author", async () => {
    const { added, notes, author } = taken("Subject: x\r\n\r\nx\r\n");
    expect(added).toEqual({ date: "Tue, 24 Nov 2026 08:30:05 +0000", messageId: `<${id}@${hostname}>` });
    expect(author).toBeUndefined();
    expect(notes).toEqual([{ what: "From", why: "missing, and not made up" }]);
    expect(await text("Subject: x\r\n\r\nx\r\n")).toBe(
      `${facts.received}Date: ${added.date}\r\nMessage-ID: ${added.messageId}\r\nSubject: x\r\n\r\nx\r\n`,
    );
    expect(taken("date: x\r\nMESSAGE-ID: y\r\n\r\n").added).toEqual({ date: undefined, messageId: undefined });
  });

  it.each([
    ["Hello\r\nworld\r\n", "Hello\r\nworld\r\n"],
    ["", ""],
    ["\r\nHello\r\n", "Hello\r\n"],
    ["From x Tue\r\nHello\r\n", "Hello\r\n"],
    [" Hello\r\nworld: x y\r\n \r\n", undefined],
  ])("without a header becomes the body of one: %j", async (message, body) => {
    const out = await text(message);
    const blank = out.indexOf("\r\n\r\n");
    const head = parseHeaderBlock(Buffer.from(out));
    expect(head.fields.slice(0, 3).map(({ name }) => name)).toEqual(["Received", "Date", "Message-ID"]);
    expect(head.fields[0]?.value).toBe(parseHeaderBlock(Buffer.from(facts.received)).fields[0]?.value);
    if (body !== undefined) expect(out.slice(blank + 4)).toBe(body);
  });

  it("never shows a blind recipient, and never anything of a neighbour's in our fields", () => {
    const line = fc.constantFrom("Bcc: blind\r\n", "bcc:blind\n", "Subject: x\r\n", " folded\r\n", "junk\r\n", "\tx\r");
    return fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 8 }), async (lines) => {
        const out = await relayed(`${lines.join("")}To: x@y.example\r\n\r\nbody\r\n`);
        const { fields } = parseHeaderBlock(out);
        expect(fields.filter(({ lower }) => lower === "bcc")).toEqual([]);
        expect(`Received:${fields[0]?.valueBytes.toString() ?? ""}`).toBe(facts.received);
        expect(fields.find(({ lower }) => lower === "message-id")?.value).toBe(`<${id}@${hostname}>`);
      }),
    );
  });
});

describe("a circle", () => {
  const own = (protocol: ReceivedOptions["protocol"], number = "0000000000000B"): string =>
    receivedField({ ...options, protocol, id: number });
  const other = "Received: from a by b.example with ESMTP id 1; now\r\n";

  it.each<[string, string, string | undefined]>([
    ["nothing of ours", other.repeat(50), undefined],
    ["too many hops", other.repeat(51), "too-many-hops"],
    ["fetched once, redirected by a rule", own("POP3S"), undefined],
    ["a copy of what we sent", own("ESMTPSA"), undefined],
    ["sent, fetched, redirected", own("POP3") + other + own("ESMTP"), undefined],
    ["sent twice", own("ESMTP") + other + own("SMTP"), "loop"],
    ["sent by another popgate", own("ESMTP").repeat(3).replaceAll(hostname, "mail.other.example"), undefined],
    ["fetched three times", own("POP3S").repeat(3), "loop"],
  ])("%s", (_, trace, reason) => {
    const result = reading(`${trace}From: a@firma.example\r\n\r\n`);
    expect(result.kind === "refuse" ? result.reason : undefined).toBe(reason);
  });

  it("is named", () => {
    const result = reading(`${own("ESMTP", "0000000000000C")}${own("UTF8SMTPSA")}\r\n`);
    expect(result).toMatchObject({
      detail: `it has been sent by ${hostname} 2 times before, as 0000000000000C, 0000000000000B`,
    });
  });
});

describe("our Received field", () => {
  it.each([
    [{ esmtp: false, secure: false, authenticated: false, smtpUtf8: false }, "SMTP"],
    [{ esmtp: true, secure: false, authenticated: false, smtpUtf8: false }, "ESMTP"],
    [{ esmtp: true, secure: true, authenticated: false, smtpUtf8: false }, "ESMTPS"],
    [{ esmtp: true, secure: false, authenticated: true, smtpUtf8: false }, "ESMTPA"],
    [{ esmtp: true, secure: true, authenticated: true, smtpUtf8: true }, "UTF8SMTPSA"],
  ] as const)("names the protocol %j as %s, and is known again by it", (session, name) => {
    const protocol = smtpProtocol(session);
    expect(protocol).toBe(name);
    const tls = session.secure ? { protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" } : undefined;
    const field = receivedField({ ...options, protocol, tls });
    expect(ownSubmission(field.slice("Received:".length), hostname)).toBe(id);
    expect(field.includes("TLSv1.3 TLS_AES_256_GCM_SHA384")).toBe(session.secure);
  });

  it("is none of a submission when it was written by the collector or by somebody else", () => {
    expect(ownSubmission(receivedField({ ...options, protocol: "POP3S" }).slice(9), hostname)).toBeUndefined();
    expect(ownSubmission(receivedField(options).slice(9), "other.example")).toBeUndefined();
  });

  it("writes an IPv6 address as a literal", () => {
    expect(receivedField({ ...options, address: "2001:db8::1" })).toContain("([IPv6:2001:db8::1])");
  });
});

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 1024,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

async function verdict(message: Buffer): Promise<readonly (string | undefined)[]> {
  const resolver = async (): Promise<string[][]> => [[`v=DKIM1; k=rsa; p=${publicKey.toString("base64")}`]];
  const { results } = await dkimVerify(message, { resolver, minBitLength: 1024 });
  return results.map(({ status }) => status.result);
}

async function signed(message: string): Promise<Buffer> {
  const signer = new DKIM({ domainName: "firma.example", keySelector: "s", privateKey });
  const chunks: Buffer[] = [];
  for await (const chunk of signer.sign(Buffer.from(message, "latin1"))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A signature (simple/relaxed) over the header fields named in `h`, also over those that are missing. */
function signedOver(h: readonly string[], fields: readonly string[], body: string): Buffer {
  const hash = createHash("sha256").update(body, "latin1").digest("base64");
  const tags = `v=1; a=rsa-sha256; c=simple/simple; d=firma.example; s=s; h=${h.join(":")}; bh=${hash}; b=`;
  const left = [...fields];
  const covered = h.flatMap((name) => {
    const index = left.findLastIndex((field) => field.toLowerCase().startsWith(`${name}:`));
    return index < 0 ? [] : left.splice(index, 1);
  });
  const input = `${covered.map((field) => `${field}\r\n`).join("")}DKIM-Signature: ${tags}`;
  const signature = createSign("sha256").update(input, "latin1").sign(privateKey, "base64");
  const header = [`DKIM-Signature: ${tags}${signature}`, ...fields].map((field) => `${field}\r\n`).join("");
  return Buffer.from(`${header}\r\n${body}`, "latin1");
}

const winmail = Buffer.from([0x78, 0x9f, 0x3e, 0x22, ...Array.from({ length: 500 }, (_, n) => n % 256)])
  .toString("base64")
  .replace(/.{76}/gu, "$&\r\n");

describe("a DKIM signature of the sender's side", () => {
  const header =
    "From: =?utf-8?q?J=C3=BCrgen?= <a@firma.example>\r\nTo: x@kunde.example,\r\n  y@kunde.example,\r\n\t z@kunde.example\r\n" +
    `Subject: odd \r\n\t folding  \r\n${dated}MIME-Version: 1.0\r\n`;

  it.each([
    ["plain", `${header}\r\nHello\r\n`],
    ["8-bit", `${header}Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe\r\n`],
    ["8-bit header", `${header}X-Note: Gr\xc3\xbc\xc3\x9fe\r\n\r\nx\r\n`],
    ["long lines", `${header}\r\n${"x".repeat(5000)}\r\n.\r\n`],
    ["empty", `${header}\r\n`],
    [
      "winmail.dat",
      `${header}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: application/ms-tnef; name="winmail.dat"\r\n` +
        `Content-Transfer-Encoding: base64\r\n\r\n${winmail}\r\n--b--\r\n`,
    ],
  ])("stays valid: %s", async (_, message) => {
    const whole = await signed(message);
    const withDevice = Buffer.concat([Buffer.from("Return-Path: <a@firma.example>\r\nBcc: b@x.example\r\n"), whole]);
    expect(await verdict(await relayed(withDevice))).toEqual(["pass"]);
  });

  it("is seen to break when a letter changes (the check can fail)", async () => {
    const whole = await signed(`${header}\r\nHello\r\n`);
    const changed = Buffer.from(whole.toString("latin1").replace("Hello", "hello"), "latin1");
    expect(await verdict(await relayed(changed))).not.toEqual(["pass"]);
  });

  it("stays valid where it says that there is no Date and no Message-ID: none is added", async () => {
    const message = signedOver(["from", "date", "message-id"], ["From: a@firma.example"], "x\r\n");
    const { added, notes } = taken(message.toString("latin1"));
    expect(added).toEqual({ date: undefined, messageId: undefined });
    expect(notes.map(({ what }) => what)).toEqual(["Date", "Message-ID"]);
    expect(await verdict(await relayed(message))).toEqual(["pass"]);
    const withDate = Buffer.concat([Buffer.from("Date: now\r\n"), message]);
    expect(await verdict(withDate)).not.toEqual(["pass"]);
  });

  it("keeps a signed Return-Path and Content-Length in, and is no reason to show a blind recipient", async () => {
    const fields = ["Return-Path: <a@firma.example>", "Content-Length: 3", "From: a@firma.example"];
    const message = signedOver(["from", "return-path", "content-length"], fields, "x\r\n");
    expect(taken(message.toString("latin1"))).toMatchObject({ removed: [] });
    expect(await verdict(await relayed(message))).toEqual(["pass"]);
    const blind = signedOver(["from", "bcc"], ["From: a@firma.example", "Bcc: b@x.example"], "x\r\n");
    const { removed, notes } = taken(blind.toString("latin1"));
    expect(removed.map(({ name }) => name)).toEqual(["Bcc"]);
    expect(notes.map(({ why }) => why)).toEqual(["removed although the DKIM signature of firma.example covers it"]);
  });
});
