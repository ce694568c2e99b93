/** What becomes of errors that are not the server's: each by what the collector must do about it. */
import { describe, expect, it } from "vitest";
import { DialError } from "../../src/net/dial.ts";
import { OAuthError, type OAuthErrorKind } from "../../src/oauth/oauth-error.ts";
import { refusal, toPop3Error } from "../../src/pop3/failure.ts";
import { Pop3Error } from "../../src/pop3/port.ts";
import { parseReply } from "../../src/pop3/reply.ts";
import { SaslError } from "../../src/sasl/choose.ts";
import { never } from "./stand-in-client.ts";

describe("an error on the way to a session", () => {
  it.each<[OAuthErrorKind, string]>([
    ["revoked", "auth"],
    ["configuration", "permanent"],
    ["temporary", "temporary"],
  ])("a token that is %s", (kind, expected) => {
    const cause = new OAuthError(kind, "no token", { retryAfterMs: 5000 });
    const error = toPop3Error(cause, never);
    expect(error).toBeInstanceOf(Pop3Error);
    expect(error).toMatchObject({ kind: expected, message: "no token", cause, retryAfterMs: 5000 });
  });

  it("a mechanism that cannot go on, a connection that was not made, and our own words as they are", () => {
    expect(toPop3Error(new SaslError("odd"), never)).toMatchObject({ kind: "protocol", message: "odd" });
    const dialled = new DialError("tls", "EPROTO", "no certificate");
    expect(toPop3Error(dialled, never)).toMatchObject({ kind: "tls", message: "no certificate", cause: dialled });
    const own = new Pop3Error("in-use", "busy");
    expect(toPop3Error(own, never)).toBe(own);
  });

  it("a bug passes through, unless it is we who ended it", () => {
    const bug = new TypeError("a bug");
    expect(toPop3Error(bug, never)).toBe(bug);
    expect(toPop3Error(bug, AbortSignal.abort("stop"))).toMatchObject({ kind: "aborted", cause: "stop" });
  });
});

describe("a refusal", () => {
  const refused = (line: string, during: "login" | "other"): Pop3Error => {
    const reply = parseReply(Buffer.from(line));
    if (reply === undefined) throw new TypeError(line);
    return refusal(reply, during, "LIST");
  };

  it("without words says so", () => {
    expect(refused("-ERR", "other").message).toBe("the server refused LIST: no reason given");
  });

  it("of credentials is not tried again by a time that it names", () => {
    expect(refused("-ERR [AUTH] wrong, wait 5 minutes", "login").retryAfterMs).toBeUndefined();
    expect(refused("-ERR [LOGIN-DELAY] wait 5 minutes", "login").retryAfterMs).toBe(300_000);
  });
});
