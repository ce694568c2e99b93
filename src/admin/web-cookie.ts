/**
 * The session's cookie: not for scripts, not for other sites' requests, over TLS only where there is TLS. It ends with the
 * browser; when the session ends is the server's to say.
 *
 * RFC 6265bis. The prefix `__Host-` (§4.1.3.2) has the browser take it only from this very host and over TLS, so that no
 * neighbour can plant one.
 */

function cookieName(overTls: boolean): string {
  return overTls ? "__Host-popgate" : "popgate";
}

/** The value of Set-Cookie. */
export function cookieOf(token: string, overTls: boolean): string {
  return `${cookieName(overTls)}=${token}; Path=/; HttpOnly; SameSite=Strict${overTls ? "; Secure" : ""}`;
}

/** Removes it. */
export function noCookie(overTls: boolean): string {
  return `${cookieOf("", overTls)}; Max-Age=0`;
}

/** The token that a request shows; none when it shows several: one of them is not ours. */
export function tokenOf(field: string | undefined, overTls: boolean): string | undefined {
  const prefix = `${cookieName(overTls)}=`;
  const found = (field ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix));
  return found.length === 1 ? found[0]?.slice(prefix.length) : undefined;
}
