/**
 * The sender of the envelope: what the provider's server wrote into Return-Path at final delivery (RFC 5321 §4.4).
 *
 * Without one the address of Sender or From has to do (RFC 5322 §3.6.2), but reports and automatic mail then get the
 * null reverse path: an error message about them must not travel (RFC 5321 §4.5.5, RFC 3834 §4).
 */
import { nullReversePath, type ReversePath } from "../core/address.ts";
import { parseAddressList } from "./address-list.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import type { Zone } from "./zone.ts";

/** The reverse path; a Return-Path in the provider's zone goes before one elsewhere, and the topmost before the rest. */
export function reversePathOf(header: HeaderBlock, zone: Zone | undefined): ReversePath {
  const isReturnPath = (field: HeaderField): boolean => field.lower === "return-path";
  const inZone = zone?.fields.filter(isReturnPath) ?? [];
  for (const field of [...inZone, ...header.fields.filter(isReturnPath)]) {
    const path = parseReturnPath(field.value);
    if (path !== undefined) return path;
  }
  if (isAutomatic(header)) return nullReversePath;
  for (const name of ["sender", "from"]) {
    for (const field of header.fields) {
      if (field.lower !== name) continue;
      const address = parseAddressList(field.value).addresses[0];
      if (address !== undefined) return { kind: "address", address };
    }
  }
  return nullReversePath;
}

function parseReturnPath(value: string): ReversePath | undefined {
  // Sendmail and qmail have written the local mailer's bare name where others write <>.
  if (value === "" || /^<\s*>/u.test(value) || /^<?(?:MAILER-DAEMON)?>?$/iu.test(value)) return nullReversePath;
  const address = parseAddressList(value).addresses[0];
  return address === undefined ? undefined : { kind: "address", address };
}

/** A report (RFC 6522) or mail that no person sent (RFC 3834 §5). */
function isAutomatic(header: HeaderBlock): boolean {
  return header.fields.some(
    (field) =>
      (field.lower === "content-type" && /^multipart\/report\b/iu.test(field.value)) ||
      (field.lower === "auto-submitted" && !/^no\b/iu.test(field.value)),
  );
}
