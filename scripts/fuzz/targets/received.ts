/**
 * Received fields, foreign ones and our own.
 *
 * Holds: clauses are pieces of the text; the `for` clause is a range of it that begins with white space or the word; its
 * addresses are addresses; a field that we write is read as what was written, whatever a client said of itself, and names
 * nobody.
 */
import { parseAddress } from "../../../src/core/address.ts";
import { parseReceived } from "../../../src/message/received.ts";
import { isOwnReceived, ownSubmission, receivedField } from "../../../src/message/trace.ts";
import { hold, type Target } from "../target.ts";

const hostname = "Mail.firma.example";
const id = "000000000BCDFG";

function checkForeign(text: string): void {
  const clauses = parseReceived(text);
  for (const address of clauses.for) {
    const again = parseAddress(address);
    hold(again.kind === "ok" && again.address === address, "a recipient that is no address", address);
  }
  const { forSpan } = clauses;
  hold((forSpan === undefined) === (clauses.for.length === 0), "a span without addresses, or addresses without one");
  if (forSpan !== undefined) {
    hold(forSpan.start >= 0 && forSpan.end <= text.length && forSpan.start < forSpan.end, "a span outside the text");
    hold(/^[\0- ]*for/iu.test(text.slice(forSpan.start, forSpan.end)), "a span that is no clause");
    const cut = text.slice(0, forSpan.start) + text.slice(forSpan.end);
    hold(cut.length < text.length, "nothing would be cut");
  }
  hold(clauses.by === undefined || clauses.by === clauses.by.toLowerCase(), "a name in capitals");
}

function checkOwn(said: string, address: string | undefined): void {
  const field = receivedField({
    hostname,
    from: said,
    address,
    protocol: "ESMTPSA",
    tls: { protocol: said, cipher: said },
    id,
    at: 1_700_000_000_000,
  });
  hold(/^Received: (?:[!-~ ]+\r\n\t)+[!-~ ]+\r\n$/u.test(field), "our own field has a stray octet or line", field);
  for (const value of [field.slice(9), field.slice(9).replace(/\r\n/gu, "").trim()]) {
    hold(isOwnReceived(value, hostname), "our own field is not known again", value);
    hold(ownSubmission(value, hostname) === id, "our own id is not read again", value);
    hold(parseReceived(value).for.length === 0, "our own field names somebody", value);
  }
}

function run(input: Buffer): void {
  const text = input.toString("latin1");
  checkForeign(text);
  checkForeign(input.toString("utf8"));
  checkOwn(text, text.length % 2 === 0 ? undefined : text);
}

export const target: Target = {
  name: "received",
  maxOctets: 1500,
  dictionary: [
    " for ",
    " by ",
    " with ",
    " id ",
    "from ",
    " via ",
    "(popgate)",
    "<a@b.example>",
    ";",
    "\r\n\t",
    '"',
    "(",
    ")",
    "\\",
  ],
  seeds: [
    "from mail.kunde.example ([192.0.2.1]) by mx.provider.example with ESMTPS id 1aBc for <a@firma.example>; Mon, 1 Jan 2024",
    "(qmail 123 invoked by uid 1); 1 Jan 2024\r\n\t-0000",
    "from x (helo=for a@b.example) by Mail.firma.example (popgate) with ESMTP id 000000000BCDFG; now",
    "from a by b with Microsoft SMTP Server (version=TLS1_2) id 15.2 for a@b.example c@d.example; now",
  ].map((text) => Buffer.from(text)),
  work: { perOctet: 1000, fixed: 20_000 },
  run,
};
