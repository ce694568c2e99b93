/**
 * One request to an OAuth endpoint: a form sent by POST, and what was answered (RFC 6749 §3.2, appendix B).
 *
 * Secrets go to https only, but for the loopback (a local token helper), and no redirect is followed: it would carry
 * them to an address that nobody configured. The answer is bounded in time and size. Fails with `OAuthError`, or with
 * the signal's reason.
 */
import type { Clock } from "../core/ports.ts";
import { OAuthError } from "./oauth-error.ts";
import type { RawReply } from "./reply-fields.ts";

export interface RequestPorts {
  readonly clock: Clock;
  readonly fetch?: typeof globalThis.fetch;
}

/** From the request to the last octet of the answer. */
const requestTimeoutMs = 30_000;
/** Endpoints answer some kilobytes (Microsoft's tokens are long). */
const maxReplyOctets = 256 * 1024;

/** Sends the form. Every answer is a reply, whatever its HTTP status; no answer in time is a temporary failure. */
export async function postForm(
  endpoint: string,
  form: URLSearchParams,
  ports: RequestPorts,
  signal: AbortSignal,
): Promise<RawReply> {
  checkEndpoint(endpoint);
  const timer = new AbortController();
  const ended = AbortSignal.any([timer.signal, signal]);
  const late = new OAuthError("temporary", `${endpoint}: no answer within ${requestTimeoutMs / 1000} s`);
  const work = new AbortController();
  const watch = ports.clock.sleep(requestTimeoutMs, ended).then(
    () => work.abort(late),
    () => work.abort(signal.reason),
  );
  try {
    const response = await (ports.fetch ?? globalThis.fetch)(endpoint, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
      body: form.toString(),
      redirect: "manual",
      signal: work.signal,
    });
    const body = await readLimited(response, endpoint);
    return { status: response.status, body, retryAfter: response.headers.get("retry-after") };
  } catch (error) {
    if (error instanceof OAuthError) throw error;
    signal.throwIfAborted();
    throw new OAuthError("temporary", `${endpoint}: ${reasonOf(error)}`, { cause: error });
  } finally {
    timer.abort();
    await watch;
  }
}

async function readLimited(response: Response, endpoint: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let octets = 0;
  // Leaving the loop early cancels the body and closes the connection.
  for await (const chunk of response.body ?? []) {
    // Typed as any; fetch gives nothing else.
    if (!(chunk instanceof Uint8Array)) continue;
    octets += chunk.length;
    if (octets > maxReplyOctets) throw new OAuthError("temporary", `${endpoint}: the answer is too long`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function checkEndpoint(endpoint: string): void {
  const url = URL.parse(endpoint);
  const isLocal = url !== null && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url === null || !(url.protocol === "https:" || (url.protocol === "http:" && isLocal)))
    throw new OAuthError("configuration", `${endpoint}: a token endpoint is an https URL`);
}

/** fetch says only "fetch failed" and keeps the reason in `cause`. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const code = "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return `${cause.message || cause.name}${code}`;
}
