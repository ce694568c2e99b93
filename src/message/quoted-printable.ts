/**
 * Quoted-printable (RFC 2045 §6.7), for text of our own and for header lines that may not travel as they are. Pure.
 * What comes out is ASCII in lines of at most 76 characters, and decodes to exactly the octets that went in.
 */

const lf = 10;
const cr = 13;
const longestLine = 76;

/** `octets` hold lines ended by CRLF; a CR or LF that stands alone is encoded, not taken for a line end. */
export function quotedPrintable(octets: Buffer): string {
  const out: string[] = [];
  let line = "";
  for (let i = 0; i < octets.length; i++) {
    if (octets[i] === cr && octets[i + 1] === lf) {
      out.push(line);
      line = "";
      i++;
      continue;
    }
    const piece = encoded(octets, i);
    // Room for the "=" of a soft line break.
    if (line.length + piece.length > longestLine - 1) {
      out.push(`${line}=`);
      line = "";
    }
    line += piece;
  }
  out.push(line);
  return out.join("\r\n");
}

function encoded(octets: Buffer, at: number): string {
  const octet = octets[at] ?? 0;
  const isSpace = octet === 0x20 || octet === 0x09;
  // White space at the end of a line is lost in transport.
  const atEnd = at + 1 === octets.length || (octets[at + 1] === cr && octets[at + 2] === lf);
  if (isSpace ? !atEnd : octet > 0x20 && octet < 0x7f && octet !== 0x3d) return String.fromCharCode(octet);
  return `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
}
