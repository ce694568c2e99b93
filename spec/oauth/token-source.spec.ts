import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../src/core/ports.ts";
import { OAuthError } from "../../src/oauth/oauth-error.ts";
import { createTokenSource, type TokenSource, type TokenSourceConfig } from "../../src/oauth/token-source.ts";

/** A clock that stands still until it is told to go on. */
class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #sleepers = new Set<{ readonly until: number; wake(): void }>();

  now(): number {
    return this.#now;
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { until: this.#now + ms, wake: resolve };
      this.#sleepers.add(sleeper);
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- the port promises the signal's own reason
        reject(signal.reason);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of this.#sleepers) {
      if (sleeper.until > this.#now) continue;
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const signal = new AbortController().signal;
const minute = 60_000;

describe("a token source against a token endpoint", () => {
  const clock = new ManualClock();
  let requests: URLSearchParams[] = [];
  let answer: (form: URLSearchParams, response: ServerResponse) => Answer | Promise<Answer> | undefined;
  let endpoint = "";
  let stored = "first-refresh";
  let writes: string[] = [];
  let sources: TokenSource[] = [];

  const server = createServer((request, response) => {
    void respond(request, response);
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const form = new URLSearchParams(body);
    requests.push(form);
    const reply = await answer(form, response);
    if (reply === undefined) return;
    response.writeHead(reply.status ?? 200, { "content-type": "application/json", ...reply.headers });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body));
  }

  beforeEach(async () => {
    requests = [];
    writes = [];
    stored = "first-refresh";
    let issued = 0;
    answer = () => ({ body: { access_token: `access-${++issued}`, token_type: "Bearer", expires_in: 3600 } });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });

  afterEach(async () => {
    for (const source of sources) await source[Symbol.asyncDispose]();
    sources = [];
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(clock.sleeping).toBe(0);
  });

  function source(changes: Partial<TokenSourceConfig> = {}): TokenSource {
    const made = createTokenSource(
      {
        tokenEndpoint: endpoint,
        clientId: "client",
        clientSecret: () => Promise.resolve("client-secret"),
        refreshToken: {
          read: () => Promise.resolve(stored),
          write: (token) => {
            writes.push(token);
            stored = token;
            return Promise.resolve();
          },
        },
        scope: "https://mail.example/POP offline_access",
        ...changes,
      },
      { clock },
    );
    sources.push(made);
    return made;
  }

  async function failure(promise: Promise<unknown>): Promise<OAuthError> {
    const error: unknown = await promise.then(
      () => new Error("it did not fail"),
      (reason: unknown) => reason,
    );
    if (!(error instanceof OAuthError)) throw error;
    return error;
  }

  it("asks by RFC 6749 §6 and keeps the token until five minutes before its end", async () => {
    const tokens = source();
    expect(await tokens.token(signal)).toBe("access-1");
    expect(Object.fromEntries(requests[0] ?? [])).toEqual({
      grant_type: "refresh_token",
      client_id: "client",
      client_secret: "client-secret",
      refresh_token: "first-refresh",
      scope: "https://mail.example/POP offline_access",
    });
    clock.advance(55 * minute - 1);
    expect(await tokens.token(signal)).toBe("access-1");
    clock.advance(1);
    expect(await tokens.token(signal)).toBe("access-2");
    expect(requests).toHaveLength(2);
  });

  it("gets another when the clock has been set back since, and keeps that one by the right time", async () => {
    const tokens = source();
    await tokens.token(signal);
    clock.advance(-60 * minute);
    expect(await tokens.token(signal)).toBe("access-2");
    clock.advance(55 * minute - 1);
    expect(await tokens.token(signal)).toBe("access-2");
    clock.advance(1);
    expect(await tokens.token(signal)).toBe("access-3");
  });

  it("gets another after invalidate", async () => {
    const tokens = source();
    await tokens.token(signal);
    tokens.invalidate();
    expect(await tokens.token(signal)).toBe("access-2");
  });

  it("does not fetch a short-lived token anew at every call", async () => {
    answer = () => ({ body: { access_token: "short", token_type: "bearer", expires_in: "60" } });
    const tokens = source();
    await tokens.token(signal);
    clock.advance(29_000);
    await tokens.token(signal);
    expect(requests).toHaveLength(1);
    clock.advance(1000);
    await tokens.token(signal);
    expect(requests).toHaveLength(2);
  });

  it("sends one request for callers that come together, and one that gives up spoils nothing", async () => {
    const gate = Promise.withResolvers<void>();
    answer = async () => {
      await gate.promise;
      return { body: { access_token: "shared", token_type: "Bearer" } };
    };
    const tokens = source();
    const impatient = new AbortController();
    const given = tokens.token(impatient.signal);
    const others = [tokens.token(signal), tokens.token(signal)];
    impatient.abort(new Error("no more time"));
    await expect(given).rejects.toThrow("no more time");
    gate.resolve();
    expect(await Promise.all(others)).toEqual(["shared", "shared"]);
    expect(requests).toHaveLength(1);
  });

  it("stores a rotated refresh token before it hands out the access token", async () => {
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<string>();
    answer = () => ({ body: { access_token: "a", token_type: "Bearer", refresh_token: "second-refresh" } });
    const tokens = source({
      refreshToken: {
        read: () => Promise.resolve(stored),
        write: async (token) => {
          asked.resolve(token);
          await gate.promise;
          stored = token;
        },
      },
    });
    let handedOut = false;
    const token = tokens.token(signal).then((value) => {
      handedOut = true;
      return value;
    });
    expect(await asked.promise).toBe("second-refresh");
    expect(handedOut).toBe(false);
    gate.resolve();
    expect(await token).toBe("a");
    tokens.invalidate();
    await tokens.token(signal);
    expect(requests[1]?.get("refresh_token")).toBe("second-refresh");
  });

  it("does not lose a rotated token that could not be stored", async () => {
    let full = true;
    answer = () => ({ body: { access_token: "a", token_type: "Bearer", refresh_token: "second-refresh" } });
    const tokens = source({
      refreshToken: {
        read: () => Promise.resolve(stored),
        write: (token) => {
          if (full) return Promise.reject(new Error("ENOSPC"));
          stored = token;
          return Promise.resolve();
        },
      },
    });
    expect(await failure(tokens.token(signal))).toMatchObject({ kind: "temporary" });
    // Nothing is asked of the endpoint as long as what it last gave is not safe.
    expect(await failure(tokens.token(signal))).toMatchObject({ kind: "temporary" });
    expect(requests).toHaveLength(1);
    full = false;
    expect(await tokens.token(signal)).toBe("a");
    expect(requests[1]?.get("refresh_token")).toBe("second-refresh");
  });

  it("goes on with a rotated token in memory where nothing can be written, until another is put in", async () => {
    answer = () => ({ body: { access_token: "a", token_type: "Bearer", refresh_token: "second-refresh" } });
    const tokens = source({ refreshToken: { read: () => Promise.resolve(stored) } });
    for (let i = 0; i < 2; i++) {
      await tokens.token(signal);
      tokens.invalidate();
    }
    stored = "by-hand";
    await tokens.token(signal);
    expect(requests.map((form) => form.get("refresh_token"))).toEqual(["first-refresh", "second-refresh", "by-hand"]);
  });

  it.each([
    [400, { error: "invalid_grant", error_description: "AADSTS70008: expired" }, "revoked"],
    [400, { error: "interaction_required" }, "revoked"],
    [401, { error: "invalid_client" }, "configuration"],
    [400, { error: "invalid_scope" }, "configuration"],
    [404, "<html>not here</html>", "configuration"],
    [302, "", "configuration"],
    [400, { error: "temporarily_unavailable" }, "temporary"],
    [429, { error: "invalid_grant" }, "temporary"],
    [503, "down", "temporary"],
    [200, "<html>a captive portal</html>", "configuration"],
    [200, { access_token: "a\nb", token_type: "Bearer" }, "configuration"],
    [200, { access_token: "a", token_type: "mac" }, "configuration"],
    [200, { access_token: 7 }, "configuration"],
  ])("takes HTTP %i %j as %s", async (status, body, kind) => {
    answer = () => ({ status, body, headers: { "retry-after": "120", location: "http://127.0.0.1:9/" } });
    const error = await failure(source().token(signal));
    expect(error.kind).toBe(kind);
    expect(error.retryAfterMs).toBe(status === 200 ? undefined : 120_000);
    expect(error.message).toContain(endpoint);
    if (typeof body === "object" && "error_description" in body)
      expect(error.message).toContain("AADSTS70008: expired");
  });

  it("names no secret, not even when the endpoint does, and keeps to one line", async () => {
    const error_description = "bad first-refresh\r\nfor client-secret";
    answer = () => ({ status: 400, body: { error: "invalid_grant", error_description } });
    const { message } = await failure(source().token(signal));
    expect(message).toBe(`${endpoint}: HTTP 400: invalid_grant: bad [secret] for [secret]`);
  });

  it("gives up on an endpoint that does not answer, and on one that stops in mid-answer", async () => {
    const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    answer = (_form, response) => {
      if (requests.length === 2) response.write('{"access_token":');
      asked[requests.length - 1]?.resolve();
      return undefined;
    };
    const tokens = source();
    for (const { promise } of asked) {
      const token = failure(tokens.token(signal));
      await promise;
      clock.advance(30_000);
      expect(await token).toMatchObject({ kind: "temporary", message: expect.stringContaining("no answer") as string });
    }
  });

  it("gives up on an answer without end", async () => {
    answer = () => ({ body: " ".repeat(300_000) });
    expect(await failure(source().token(signal))).toMatchObject({ kind: "temporary" });
  });

  it("calls an endpoint that cannot be reached temporary, and says why", async () => {
    const error = await failure(source({ tokenEndpoint: "http://127.0.0.1:1/token" }).token(signal));
    expect(error.kind).toBe("temporary");
    expect(error.message).toMatch(/ECONNREFUSED|bad port/u);
  });

  it("sends secrets to https only, but for the loopback", async () => {
    for (const tokenEndpoint of ["http://login.example/token", "nonsense", "ftp://127.0.0.1/"])
      expect((await failure(source({ tokenEndpoint }).token(signal))).kind).toBe("configuration");
    expect(requests).toHaveLength(0);
  });

  it("ends a request under way when it is disposed", async () => {
    const asked = Promise.withResolvers<void>();
    answer = () => {
      asked.resolve();
      return undefined;
    };
    const tokens = source();
    const token = failure(tokens.token(signal));
    await asked.promise;
    await tokens[Symbol.asyncDispose]();
    expect(await token).toMatchObject({ kind: "temporary" });
    await expect(tokens.token(signal)).rejects.toThrow(OAuthError);
  });
});
