/**
 * Access tokens from a refresh token (RFC 6749 §6), for mail servers that no longer take passwords.
 *
 * A token is kept until shortly before it ends. Callers that come while one is being fetched share that one request, and
 * an aborted caller does not end it for the others, or for the refresh token that may be replaced by it: a new refresh
 * token is handed to its store, and durable, before the access token that came with it is used. When that fails the
 * new one is kept in memory and stored at the next call, so that no rotation is lost while the process lives.
 *
 * Fails with `OAuthError`. No token or secret appears in an error.
 */
import type { EpochMs } from "../core/ports.ts";
import { postForm, type RequestPorts } from "./form-request.ts";
import { OAuthError } from "./oauth-error.ts";
import { readTokenReply, type TokenReply } from "./token-reply.ts";

// All that a caller needs comes from here.
export { OAuthError };

export interface TokenSourceConfig {
  /** An https URL; plain http only on the loopback (a local token helper). */
  readonly tokenEndpoint: string;
  readonly clientId: string;
  /** For confidential clients; sent in the body (RFC 6749 §2.3.1), which Microsoft and Google take. */
  readonly clientSecret?: (() => Promise<string>) | undefined;
  readonly refreshToken: RefreshTokenStore;
  readonly scope: string | undefined;
}

/** Where the refresh token is kept. */
interface RefreshTokenStore {
  read(): Promise<string>;
  /** Keeps a token that the endpoint has put in place of the old one; resolves when it is durable. */
  write?(token: string): Promise<void>;
}

/** Disposing ends a refresh under way; tokens are not to be asked for any more. */
export interface TokenSource extends AsyncDisposable {
  /** A token that is good for a while yet. Rejects with `OAuthError`, or with the signal's reason. */
  token(signal: AbortSignal): Promise<string>;
  /** The server refused the last token: the next call gets a new one. */
  invalidate(): void;
}

/** Renew this long before the end: longer than a login takes, and than clocks differ. */
const renewBeforeMs = 5 * 60_000;
/** When the endpoint does not say how long a token is good (RFC 6749 §5.1 only recommends it). */
const assumedLifetimeSeconds = 10 * 60;

interface HeldToken {
  readonly token: string;
  /** When it was asked for: a clock that shows less has been set back, and says nothing of the token's age. */
  readonly since: EpochMs;
  readonly renewAt: EpochMs;
}

/** A source of tokens for one account. */
export function createTokenSource(config: TokenSourceConfig, ports: RequestPorts): TokenSource {
  return new RefreshingTokenSource(config, ports);
}

class RefreshingTokenSource implements TokenSource {
  readonly #config: TokenSourceConfig;
  readonly #ports: RequestPorts;
  readonly #disposed = new AbortController();
  #held: HeldToken | undefined;
  #underWay: Promise<string> | undefined;
  /**
   * A refresh token newer than what the store gives, which has no `write` or could not. It counts only as long as the
   * store still gives the old one: an administrator may have put in another after a new consent.
   */
  #newer: { readonly token: string; readonly insteadOf: string } | undefined;

  constructor(config: TokenSourceConfig, ports: RequestPorts) {
    this.#config = config;
    this.#ports = ports;
  }

  async token(signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    this.#disposed.signal.throwIfAborted();
    const now = this.#ports.clock.now();
    if (this.#held !== undefined && this.#held.since <= now && now < this.#held.renewAt) return this.#held.token;
    this.#underWay ??= this.#refresh().finally(() => (this.#underWay = undefined));
    return unlessAborted(this.#underWay, signal);
  }

  invalidate(): void {
    this.#held = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed.abort(new OAuthError("temporary", "popgate is stopping"));
    await this.#underWay?.catch(() => undefined);
  }

  async #refresh(): Promise<string> {
    const { clientId, clientSecret, scope } = this.#config;
    const stored = (await this.#config.refreshToken.read()).trim();
    if (this.#newer?.insteadOf !== stored) this.#newer = undefined;
    const refreshToken = this.#newer?.token ?? stored;
    if (this.#newer !== undefined) await this.#store(refreshToken, stored);
    const secret = await clientSecret?.();
    const form = new URLSearchParams({ grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken });
    if (secret !== undefined) form.set("client_secret", secret);
    if (scope !== undefined) form.set("scope", scope);
    const sentAt = this.#ports.clock.now();
    const reply = await this.#request(form, [refreshToken, secret ?? ""]);
    if (reply.refreshToken !== undefined && reply.refreshToken !== refreshToken)
      await this.#store(reply.refreshToken, stored);
    const lifetimeMs = (reply.expiresIn ?? assumedLifetimeSeconds) * 1000;
    // A token that lives shorter than the margin would otherwise be fetched anew at every call.
    const renewAt = sentAt + Math.max(lifetimeMs - renewBeforeMs, lifetimeMs / 2);
    this.#held = { token: reply.accessToken, since: sentAt, renewAt };
    return reply.accessToken;
  }

  /** Durable before the access token that came with it is used: an endpoint may take the old one back at once. */
  async #store(token: string, insteadOf: string): Promise<void> {
    const store = this.#config.refreshToken;
    this.#newer = { token, insteadOf };
    if (store.write === undefined) return;
    try {
      await store.write(token);
    } catch (cause) {
      throw new OAuthError("temporary", "the new refresh token could not be stored", { cause });
    }
    this.#newer = undefined;
  }

  async #request(form: URLSearchParams, secrets: readonly string[]): Promise<TokenReply> {
    const endpoint = this.#config.tokenEndpoint;
    const reply = await postForm(endpoint, form, this.#ports, this.#disposed.signal);
    return readTokenReply(reply, endpoint, secrets);
  }
}

/** Waits for work that goes on without us. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<"aborted">();
  const onAbort = () => aborted.resolve("aborted");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), aborted.promise]);
    if (first !== "aborted") return first.value;
    signal.throwIfAborted();
    throw new TypeError("an abort without a reason");
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
