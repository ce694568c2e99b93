/**
 * Whether a request was made by our own page. A browser sends other sites' requests here as well, and a site whose name
 * was made to resolve to our address (DNS rebinding) would even count as the same origin: so the name that was asked for
 * must be one of ours, and a write must say that it comes from there.
 *
 * Pure. RFC 9110 §7.2 (Host), RFC 6454 §7 (Origin), W3C Fetch Metadata (Sec-Fetch-Site).
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { plainAddress } from "../net/networks.ts";

const hostPattern = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\s:/?#@[\]\\]{1,255}))(?::\d{1,5})?$/u;

/** The name or address of a Host field, without port, in one spelling; `undefined` when it is neither. */
export function hostOf(field: string | undefined): string | undefined {
  const [, address, name] = hostPattern.exec(field ?? "") ?? [];
  if (address !== undefined) return isIP(address) === 6 ? plainAddress(address) : undefined;
  return name === undefined ? undefined : plainName(name);
}

/** The names the page is asked for by: those given, in one spelling, and `localhost`. */
export function namesOf(given: readonly string[]): ReadonlySet<string> {
  return new Set(["localhost", ...given.map((name) => (isIP(name) === 0 ? plainName(name) : plainAddress(name)))]);
}

/** `local`: the address that the connection came in on. */
export function isOurs(field: string | undefined, names: ReadonlySet<string>, local: string | undefined): boolean {
  const host = hostOf(field);
  if (host === undefined) return false;
  return names.has(host) || (local !== undefined && host === plainAddress(local));
}

/** No other site's page has sent it. What says nothing of where it comes from is no browser's. */
export function mayRead(headers: IncomingHttpHeaders, overTls: boolean): boolean {
  const site = headers["sec-fetch-site"];
  // `none`: typed into the address bar, or a bookmark.
  if (site !== undefined && site !== "same-origin" && site !== "none") return false;
  return headers.origin === undefined || isOwnOrigin(headers, overTls);
}

/** Our own page has sent it, and says so. */
export function mayWrite(headers: IncomingHttpHeaders, overTls: boolean): boolean {
  const site = headers["sec-fetch-site"];
  if (site === undefined && headers.origin === undefined) return false;
  if (site !== undefined && site !== "same-origin") return false;
  return headers.origin === undefined || isOwnOrigin(headers, overTls);
}

/** With TLS the page is `https:`; without, a proxy before us may have made it so. */
function isOwnOrigin({ origin, host }: IncomingHttpHeaders, overTls: boolean): boolean {
  const url = URL.parse(origin ?? "");
  if (url === null || host === undefined || url.origin !== origin) return false;
  if (url.protocol !== "https:" && (overTls || url.protocol !== "http:")) return false;
  // The default port may be left out, or not.
  return URL.parse(`${url.protocol}//${host}`)?.host === url.host;
}

/** A name may end in the dot of the root. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/u, "");
}
