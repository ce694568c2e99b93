/** How a session's trouble becomes a `Pop3Error`: one place for the words. Pure. */
import { DialError } from "../net/dial.ts";
import { OAuthError } from "../oauth/oauth-error.ts";
import { Pop3Error } from "./port.ts";
import { type Pop3Reply, refusalKind, replyWords, retryAfter } from "./reply.ts";
import { SaslError } from "../sasl/choose.ts";

/** The server said -ERR to something that the session cannot do without. */
export function refusal(reply: Pop3Reply, during: "login" | "other", what: string): Pop3Error {
  const words = replyWords(reply);
  const kind = refusalKind(reply, during);
  return new Pop3Error(kind, `the server refused ${what}: ${words === "" ? "no reason given" : words}`, {
    reply: words,
    retryAfterMs: kind === "auth" || kind === "permanent" ? undefined : retryAfter(reply),
  });
}

/** What dialling, a token source or a mechanism rejects with. Bugs pass through unchanged. */
export function toPop3Error(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof Pop3Error) return error;
  if (signal.aborted) return aborted(signal);
  if (error instanceof DialError) return new Pop3Error(error.kind, error.message, { cause: error });
  if (error instanceof SaslError) return new Pop3Error("protocol", error.message, { cause: error });
  if (error instanceof OAuthError) {
    const kind = error.kind === "revoked" ? "auth" : error.kind === "configuration" ? "permanent" : "temporary";
    return new Pop3Error(kind, error.message, { cause: error, retryAfterMs: error.retryAfterMs });
  }
  return error;
}

export function aborted(signal: AbortSignal): Pop3Error {
  return new Pop3Error("aborted", "the session was ended by popgate itself", { cause: signal.reason });
}
