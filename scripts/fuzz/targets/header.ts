/**
 * The header block, and what is made of a message that streams by: raw fields, examination, what is added and removed
 * when it is submitted, what is put on the wire.
 *
 * Holds: the fields stand one behind another and cover the block; a value has no line end; the same block is read out of
 * the message and out of itself; nothing depends on how the octets were cut into chunks; what is handed over has CRLF
 * and nothing else for line ends, the same fields, and of a submission no blind copy and our own field on top.
 */
import { examine } from "../../../src/message/examine.ts";
import { parseHeaderBlock, type HeaderBlock } from "../../../src/message/header.ts";
import { render } from "../../../src/message/render.ts";
import { readSubmission } from "../../../src/message/submission.ts";
import { receivedField } from "../../../src/message/trace.ts";
import type { Edits } from "../../../src/message/edits.ts";
import { corpusFolder, hold, packets, type Target } from "../target.ts";

const hostname = "mail.firma.example";
const at = 1_700_000_000_000;
const received = receivedField({
  hostname,
  from: "exchange.firma.local",
  address: "192.0.2.1",
  protocol: "ESMTP",
  id: "000000000BCDFG",
  at,
});

function checkBlock(header: HeaderBlock, message: Buffer): void {
  let end = header.mboxFrom?.end ?? 0;
  for (const field of header.fields) {
    hold(field.start === end && field.end > field.start, "a gap between fields", [field.name, field.start, end]);
    hold(!/[\r\n]/u.test(field.value), "a line end in a value", field.value);
    hold(field.junk ? field.name === "" : /^[!-9;-~]+$/u.test(field.name), "a name that cannot be", field.name);
    end = field.end;
  }
  hold(header.bodyStart >= end && header.bodyStart <= message.length, "a body that begins in the header");
  hold(/^[\r\n]*$/u.test(message.toString("latin1", end, header.bodyStart)), "more than a blank line before the body");
  const again = parseHeaderBlock(message.subarray(0, header.bodyStart));
  hold(names(again) === names(header), "a block that is another one by itself", [names(again), names(header)]);
}

function names({ fields }: HeaderBlock): string {
  return fields.map(({ name, value }) => `${name}:${value}`).join("\n");
}

function checkExamination(message: Buffer, seed: number, maxHeader: number): void {
  const results = [[Buffer.from(message)], packets(message, seed)].map((chunks) => {
    const examination = examine({ maxHeader });
    for (const chunk of chunks) examination.push(chunk);
    const { header, headerTooLarge, summary, traits, contentDigest } = examination.finish();
    for (const text of [summary.messageId, summary.from, summary.subject, summary.date]) {
      hold(text.length <= 300 && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text), "a summary that is no line", text);
    }
    return JSON.stringify([names(header), headerTooLarge, summary, traits, contentDigest]);
  });
  hold(results[0] === results[1], "what was examined depends on the chunks", results);
}

async function rendered(chunks: readonly Buffer[], edits: Edits): Promise<Buffer> {
  const out: Buffer[] = [];
  // A copy: rendering may pass a chunk on as it is.
  for await (const piece of render(stream(chunks), edits)) out.push(Buffer.from(piece));
  return Buffer.concat(out);
}

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function checkRendering(message: Buffer, header: HeaderBlock, seed: number): Promise<void> {
  const plain = await rendered([message], { prepend: "", cuts: [] });
  const text = plain.toString("latin1");
  hold(!/\r(?!\n)|(?<!\r)\n/u.test(text), "a stray line end is handed over");
  hold(text === "" || text.endsWith("\r\n"), "the last line is not ended");
  hold(names(parseHeaderBlock(plain)) === names(header), "a field comes into being on the way out");
  const taken = readSubmission(header, { hostname, id: "000000000BCDFG", at, received });
  if (taken.kind === "refuse") return;
  let end = 0;
  for (const { start, end: next } of taken.edits.cuts) {
    hold(start >= end && next > start && next <= header.bodyStart, "cuts out of order");
    end = next;
  }
  const whole = await rendered([message], taken.edits);
  const cut = await rendered(packets(message, seed), taken.edits);
  hold(whole.equals(cut), "what is handed over depends on the chunks");
  const { fields } = parseHeaderBlock(whole);
  hold(fields[0]?.lower === "received" && fields[0].value.includes(hostname), "our own field is not on top");
  const expected = received.slice("Received:".length).replace(/\r\n/gu, "").trim();
  hold(fields[0].value === expected, "something of the message became part of our own field", fields[0].value);
  const blind = fields.filter(({ lower }) => lower === "bcc" || lower === "resent-bcc");
  hold(blind.length === 0, "a blind copy is handed over");
}

async function run(input: Buffer): Promise<void> {
  const seed = input[0] ?? 0;
  const message = input.subarray(1);
  const header = parseHeaderBlock(message);
  checkBlock(header, message);
  checkExamination(message, seed, seed < 128 ? 65_536 : 16 + seed);
  await checkRendering(message, header, seed);
}

export const target: Target = {
  name: "header",
  maxOctets: 1200,
  dictionary: [
    "Bcc: a@b\r\n",
    "\r\n\r\n",
    "\r\r\n",
    "\n\n",
    "From a@b now\n",
    "\r\n ",
    "DKIM-Signature: d=x; h=date:bcc\r\n",
  ],
  seeds: [
    Buffer.from("\0From: a@b.example\r\nTo: c@d.example\r\nBcc: e@f.example\r\nSubject: x\r\n y\r\n\r\nbody\r\n"),
    Buffer.from("\xc8From a@b now\nReturn-Path: <>\nReceived: from x by y;\n now\n\nbody\n.\n", "latin1"),
    Buffer.from("\x01Subject: =?utf-8?B?w6Q=?=\rMessage-ID: <1@x>\r\r\n\ttext\r\n", "latin1"),
    Buffer.from("\x02just a text\r\nand: more\r\n"),
    Buffer.from(
      "\x03Resent-Bcc: a\r\nDKIM-Signature: v=1; d=b.example; h=From:Bcc:Date:Message-ID\r\nContent-Length: 5\r\n\r\nx",
    ),
  ],
  examples: { folders: [corpusFolder("envelope"), corpusFolder("fuzz/mail")], front: Buffer.of(0) },
  work: { perOctet: 300, fixed: 20_000 },
  run,
};
