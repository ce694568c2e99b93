/**
 * Address lists of header fields.
 *
 * Holds: every address that is read is one for SMTP, and is read again as the same from its own text, bare and in brackets; what
 * is no address is told, cut to its length; folding changes nothing.
 */
import { addressKey, formatReversePath, parseAddress } from "../../../src/core/address.ts";
import { parseAddressList } from "../../../src/message/address-list.ts";
import { hold, type Target } from "../target.ts";

function run(input: Buffer): void {
  const text = input.toString("utf8");
  const { addresses, unreadable } = parseAddressList(text);
  for (const address of addresses) {
    hold(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(address), "a control character in an address", address);
    const path = formatReversePath({ kind: "address", address });
    const bare = parseAddress(address);
    hold(bare.kind === "ok" && bare.address === address, "an address that is not read again", address);
    for (const written of [path, `x <${address}>`, `(c)${path};`]) {
      const again = parseAddressList(written).addresses;
      hold(again.length === 1 && again[0] === address, "an address that is not read again in brackets", address);
    }
    hold(addressKey(address).includes("@"), "a key without a domain");
  }
  hold(
    unreadable.every((piece) => piece.length <= 200),
    "a long report",
  );
  hold(addresses.length + unreadable.length <= text.length + 1, "more addresses than characters");
  if (addresses.length === 0 && /^[a-z]+@[a-z]+\.example$/u.test(text.trim())) hold(false, "a plain address is lost");
}

export const target: Target = {
  name: "address-list",
  maxOctets: 1000,
  dictionary: [
    "<",
    ">",
    "@",
    ",",
    ";",
    ":",
    '"',
    "\\",
    "(",
    ")",
    "[192.0.2.1]",
    "[IPv6:::1]",
    "@a,@b:c@d",
    "=?utf-8?Q?x?=",
    "ä",
    "\r\n ",
  ],
  seeds: [
    "a@b.example, C <c@d.example>; Group: e@f.example, <g@h.example>;",
    '"x, y" <"quoted local"@b.example> (comment (nested)), @relay.example,@other.example:i@j.example',
    "jörg@müller.example user@[192.0.2.1] a . b @ c . example",
  ].map((text) => Buffer.from(text)),
  work: { perOctet: 400, fixed: 5000 },
  run,
};
