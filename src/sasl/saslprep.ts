/**
 * SASLprep (RFC 4013), the form in which SCRAM compares user names and passwords: `é` typed as one or as two code
 * points is the same password.
 *
 * Follows the mapping, normalisation and prohibition steps. Left out: the check of bidirectional text and of code points
 * that Unicode 3.2 had not assigned; both only refuse, and what a server has accepted as a password must be usable.
 */

/** RFC 3454 C.1.2: spaces that become U+0020. */
const otherSpaces = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** RFC 3454 B.1: vanishes. (U+200B stands in both tables; RFC 4013 §2.1 maps spaces first.) */
// oxlint-disable-next-line no-misleading-character-class -- single code points on purpose, joiners among them
const nothing = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;
/** RFC 3454 C.2.1, C.2.2, C.3 to C.9: control, private use, non-characters, surrogates, tagging. */
const prohibited =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u06dd\u070f\u180e\u2028\u2029\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u200e\u200f\u202a-\u202e\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** The prepared text, or `undefined` when it holds what cannot be in a user name or password. */
export function saslPrep(text: string): string | undefined {
  const prepared = text.replace(otherSpaces, " ").replace(nothing, "").normalize("NFKC");
  return prohibited.test(prepared) ? undefined : prepared;
}
