/** The server behind a destination's name (`relay ionos smtp.ionos.de:587`, `exchange [2001:db8::5]:25`). Pure. */
import { isIP } from "node:net";

/** The host name or IP address at the end of the name; `undefined` if it ends otherwise. */
export function hostOf(destination: string): string | undefined {
  const last = destination.split(" ").at(-1) ?? "";
  const host = /^(.*):\d{1,5}$/u.exec(last)?.[1]?.replace(/^\[(.*)\]$/u, "$1") ?? "";
  return isIP(host) !== 0 || /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?$/u.test(host) ? host : undefined;
}

/** As `Remote-MTA` of type `dns` has it (RFC 3464 §2.3.5): addresses in brackets, as in SMTP. */
export function mtaName(host: string): string {
  const version = isIP(host);
  if (version === 0) return host;
  return version === 6 ? `[IPv6:${host}]` : `[${host}]`;
}
