/**
 * Where a message ends between 354 and the final dot.
 *
 * Holds, for any packets: the end is the first line that is a dot alone between CRLF and CRLF, as a model finds it that
 * has the whole at once; the octets before it come out with leading dots of lines gone and nothing else changed.
 */
import { DataScanner } from "../../../src/outbound/smtp-data-scanner.ts";
import { hold, packets, type Target } from "../target.ts";

interface Scanned {
  readonly text: string;
  /** What stands behind the end; `undefined`: there is none. */
  readonly rest: string | undefined;
}

function scan(pieces: readonly Buffer[]): Scanned {
  const scanner = new DataScanner();
  let text = "";
  for (const [index, piece] of pieces.entries()) {
    const { octets, end } = scanner.push(piece);
    text += octets.toString("latin1");
    if (end !== undefined)
      return { text, rest: Buffer.concat([piece.subarray(end), ...pieces.slice(index + 1)]).toString("latin1") };
  }
  return { text, rest: undefined };
}

/** RFC 5321 §4.5.2 on the whole, by regular expressions. */
function model(whole: string): Scanned {
  const end = /(?:^|\r\n)\.\r\n/u.exec(whole);
  const content = end === null ? whole : whole.slice(0, end.index + end[0].length - 3);
  const rest = end === null ? undefined : whole.slice(end.index + end[0].length);
  // What may still become the end is not passed on.
  const held = end === null ? content.replace(/(^|\r\n)\.\r?$/u, "$1") : content;
  return { text: held.replace(/(^|\r\n)\./gu, "$1"), rest };
}

function run(input: Buffer): void {
  const wire = input.subarray(1);
  const expected = model(wire.toString("latin1"));
  const octets = Array.from(wire, (octet) => Buffer.of(octet));
  for (const pieces of [[wire], packets(wire, input[0] ?? 0), octets]) {
    const { text, rest } = scan(pieces);
    hold(text === expected.text, "the text is another one", [text, expected.text]);
    hold(rest === expected.rest, "the end is another one", [rest, expected.rest]);
  }
}

export const target: Target = {
  name: "smtp-data",
  maxOctets: 400,
  dictionary: ["\r\n.\r\n", "\n.\n", "\r.\r", "\r\n..", "\r\n.\n", "\n.\r\n", "\r\n.\r", "\0", "MAIL FROM:<a@b>\r\n"],
  seeds: [
    "\0Subject: x\r\n\r\n..dots\r\n.\r\nQUIT\r\n",
    "\x01a\n.\nb\r.\rc\r\n.\nMAIL FROM:<a@b>\r\n.\r\n",
    "\x02.\r\n",
    "\x03a long line of text that is skipped at once\r\n.x\r\n.\r\r\n.\r\n",
  ].map((text) => Buffer.from(text, "latin1")),
  work: { perOctet: 60, fixed: 500 },
  run,
};
