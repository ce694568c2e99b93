/**
 * What every answer of the web page's server says to the browser, errors and what is no HTTP included: run nothing that
 * is not ours, tell others nothing, let nobody put the page into theirs.
 *
 * CSP Level 3, Fetch's Cross-Origin-Resource-Policy, RFC 6797 (HSTS), RFC 9111 (`no-store`).
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "manifest-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "require-trusted-types-for 'script'",
].join("; ");

/** An answer that is no page has no use for anything. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** A year; browsers heed it only when the certificate is one they trust (RFC 6797 §8.1). */
const hstsSeconds = 365 * 24 * 3600;

const always = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "origin-agent-cluster": "?1",
  "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
  "x-robots-tag": "noindex, nofollow",
};

/** Of everything but the page's own files. */
export function dataHeaders(overTls: boolean): Readonly<Record<string, string>> {
  return { ...headers(overTls), "content-security-policy": dataPolicy, "cache-control": "no-store" };
}

/** Of the page's own files; how long they are kept is for the file to say. */
export function pageHeaders(overTls: boolean): Readonly<Record<string, string>> {
  return { ...headers(overTls), "content-security-policy": pagePolicy };
}

function headers(overTls: boolean): Readonly<Record<string, string>> {
  return { ...always, ...(overTls ? { "strict-transport-security": `max-age=${hstsSeconds}` } : {}) };
}
