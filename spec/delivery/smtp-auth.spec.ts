/** Logging in to a relay: every mechanism, which one is taken, and what a refusal looks like to the administrator. */
import { describe, expect, test } from "vitest";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import type { SmtpTransportOptions } from "../../src/delivery/smtp-transport.ts";
import { OAuthError } from "../../src/oauth/token-source.ts";
import { certificates } from "../fakes/certificates.ts";
import { startRawServer } from "./raw-server.ts";
import { asks, bearer, impostor, saslServer, scram, type Exchange } from "./sasl-server.ts";
import { kinds, never, openTransport, plain, transaction } from "./smtp-fixtures.ts";

const refusal = "535 5.7.8 Error: authentication failed: (reason unavailable)";
const inTheClear = { tls: plain };

function password(secret: string): SmtpTransportOptions["credentials"] {
  return { user: "chef@firma.example", secret: { kind: "password", read: async () => secret } };
}

/** Tokens one after the other; each refusal leads to the next. */
function tokens(...list: readonly string[]) {
  let index = 0;
  const secret = {
    kind: "oauth" as const,
    token: async () => list[Math.min(index, list.length - 1)] ?? "",
    invalidate: () => void index++,
  };
  return { credentials: { user: "chef@firma.example", secret }, refusals: () => index };
}

async function deliverTo(
  exchanges: Readonly<Record<string, Exchange>>,
  options: Partial<SmtpTransportOptions>,
): Promise<{ outcome: Outcome | undefined; lines: readonly string[] }> {
  await using server = await startRawServer(saslServer(exchanges));
  await using way = openTransport(server.port, { ...inTheClear, ...options });
  const { outcomes } = await way.deliver(transaction({ body: "Subject: x\r\n" }), never);
  return { outcome: outcomes[0]?.outcome, lines: server.lines.filter((line) => line.startsWith("AUTH")) };
}

describe("SCRAM", () => {
  const names = { sha1: "SCRAM-SHA-1", sha256: "SCRAM-SHA-256" };
  test.each(["sha1", "sha256"] as const)(
    "%s: in with the right password, without it ever being shown",
    async (hash) => {
      const server = { [names[hash]]: scram(hash, "geheim", refusal) };
      const { outcome, lines } = await deliverTo(server, { credentials: password("geheim"), auth: "auto" });
      expect(outcome?.kind).toBe("delivered");
      expect(lines[0]).toMatch(new RegExp(`^AUTH ${names[hash]} `, "u"));
    },
  );

  test("a wrong password: deferred, in the server's words, phase auth", async () => {
    const server = { "SCRAM-SHA-256": scram("sha256", "geheim", refusal) };
    const { outcome } = await deliverTo(server, { credentials: password("falsch"), auth: "auto" });
    expect(outcome).toEqual({
      kind: "deferred",
      cause: {
        kind: "reply",
        phase: "auth",
        reply: { code: 535, enhanced: "5.7.8", text: "Error: authentication failed: (reason unavailable)" },
      },
    });
  });

  test("a server that lets us in without knowing the password gets no mail, and its 235 is not the cause", async () => {
    const { outcome } = await deliverTo({ "SCRAM-SHA-256": impostor }, { credentials: password("geheim") });
    expect(outcome).toMatchObject({ kind: "deferred", cause: { kind: "connection", phase: "auth" } });
    expect(JSON.stringify(outcome)).toContain(
      "AUTH SCRAM-SHA-256: the server says the login is good but has not proved",
    );
  });
});

describe("OAUTHBEARER and XOAUTH2", () => {
  test.each(["OAUTHBEARER", "XOAUTH2"])(
    "%s: a token that was refused is replaced by a fresh one, once",
    async (name) => {
      const { credentials, refusals } = tokens("old", "new");
      const server = { [name]: bearer(() => "new", refusal) };
      const { outcome, lines } = await deliverTo(server, { credentials, auth: name.toLowerCase() });
      expect(outcome?.kind).toBe("delivered");
      expect(lines).toHaveLength(2);
      expect(refusals()).toBe(1);
    },
  );

  test("two refused tokens: deferred, in the server's words", async () => {
    const { credentials } = tokens("old", "older", "new");
    const server = { OAUTHBEARER: bearer(() => "new", "535 5.7.3 Authentication unsuccessful") };
    const { outcome, lines } = await deliverTo(server, { credentials, auth: "oauthbearer" });
    expect(outcome).toMatchObject({
      kind: "deferred",
      cause: { phase: "auth", reply: { code: 535, text: "Authentication unsuccessful" } },
    });
    expect(lines).toHaveLength(2);
  });

  test("a server in trouble says nothing of the token: it is kept, and not tried again at once", async () => {
    const { credentials, refusals } = tokens("good");
    const busy: Exchange = function* () {
      yield* [];
      return "454 4.7.0 Temporary authentication failure";
    };
    const { outcome, lines } = await deliverTo({ XOAUTH2: busy }, { credentials, auth: "xoauth2" });
    expect(outcome).toMatchObject({ kind: "deferred", cause: { phase: "auth", reply: { code: 454 } } });
    expect(lines).toHaveLength(1);
    expect(refusals()).toBe(0);
  });

  test.each([
    ["temporary", "OAUTH_TEMPORARY"],
    ["revoked", "EAUTH"],
  ] as const)(
    "no token, %s: told apart, since a token endpoint that is down is no trouble of the account",
    async (kind, code) => {
      const error = new OAuthError(kind, "https://login.example/token: HTTP 503");
      for (const thrown of [error, new Error(error.message, { cause: error })]) {
        const token = async (): Promise<string> => {
          throw thrown;
        };
        const credentials = { user: "chef@firma.example", secret: { kind: "oauth", token, invalidate() {} } } as const;
        const { outcome, lines } = await deliverTo(
          { XOAUTH2: bearer(() => "", refusal) },
          { credentials, auth: "xoauth2" },
        );
        expect(outcome).toMatchObject({ kind: "deferred", cause: { kind: "connection", phase: "auth", code } });
        expect(lines).toEqual([]);
      }
    },
  );

  test("a token longer than a command line goes with AUTH all the same", async () => {
    const long = "t".repeat(3000);
    const { credentials } = tokens(long);
    const { outcome, lines } = await deliverTo(
      { XOAUTH2: bearer(() => long, refusal) },
      { credentials, auth: "xoauth2" },
    );
    expect(outcome?.kind).toBe("delivered");
    expect(lines[0]?.length).toBeGreaterThan(4000);
  });
});

describe("PLAIN and LOGIN", () => {
  const user = "chef@firma.example";

  test("a password too long for a command line is sent when it is asked for", async () => {
    const long = "p".repeat(600);
    const server = { PLAIN: asks([""], [`\0${user}\0${long}`], refusal) };
    const { outcome, lines } = await deliverTo(server, { credentials: password(long), auth: "plain" });
    expect(outcome?.kind).toBe("delivered");
    expect(lines).toEqual(["AUTH PLAIN"]);
  });

  test.each([
    ["Exchange's prompts", ["Username:", "Password:"]],
    ["other prompts", ["User Name\0", "your secret, please"]],
    ["none", ["", ""]],
  ])("LOGIN with %s", async (_, prompts) => {
    const server = { LOGIN: asks(prompts, [user, "geheim"], refusal) };
    const { outcome } = await deliverTo(server, { credentials: password("geheim"), auth: "login" });
    expect(outcome?.kind).toBe("delivered");
  });

  test("a server that asks without end is left", async () => {
    const endless: Exchange = function* () {
      for (;;) yield "and?";
    };
    const { outcome } = await deliverTo({ LOGIN: endless }, { credentials: password("geheim"), auth: "login" });
    expect(outcome).toMatchObject({ kind: "deferred", cause: { phase: "auth" } });
  });

  test("a password that cannot be read is no refusal by the server", async () => {
    const read = async (): Promise<string> => {
      throw new Error("the file /etc/popgate/secret does not exist");
    };
    const { outcome } = await deliverTo(
      { LOGIN: asks(["", ""], [], refusal) },
      { credentials: { user, secret: { kind: "password", read } }, auth: "login" },
    );
    expect(outcome).toMatchObject({ kind: "deferred", cause: { kind: "connection", phase: "auth" } });
    expect(JSON.stringify(outcome)).toContain("AUTH LOGIN: the file /etc/popgate/secret does not exist");
  });
});

describe("which mechanism", () => {
  const { server: good, ca } = certificates();
  const users = new Map([["popgate", "geheim"]]);
  const credentials = { user: "popgate", secret: { kind: "password" as const, read: async () => "geheim" } };

  test.each([
    ["starttls", "auto", ["CRAM-MD5", "LOGIN", "PLAIN"], "PLAIN"],
    ["starttls", "auto", ["CRAM-MD5", "LOGIN"], "LOGIN"],
    ["starttls", "auto", ["CRAM-MD5"], "CRAM-MD5"],
    ["starttls", "cram-md5", ["PLAIN", "CRAM-MD5"], "CRAM-MD5"],
    ["off", "auto", ["PLAIN", "LOGIN", "CRAM-MD5"], "CRAM-MD5"],
    ["off", "plain", ["PLAIN", "CRAM-MD5"], "PLAIN"],
    ["off", undefined, ["PLAIN", "CRAM-MD5"], "CRAM-MD5"],
    ["off", undefined, ["LOGIN"], "LOGIN"],
  ] as const)("tls %s, auth %s, offered %j: %s", async (mode, auth, offered, expected) => {
    await using server = await startSmtpStandIn({
      tls: { key: good.key, cert: good.cert },
      knobs: { auth: offered, users, authRequired: true },
    });
    await using way = openTransport(server.port, { tls: { ...plain, mode, ca: [ca.cert] }, credentials, auth });
    expect(kinds(await way.deliver(transaction(), never))).toEqual(["delivered"]);
    const lines = server.transcript.filter((line) => line.includes("C: AUTH"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`C: AUTH ${expected}`);
  });

  test.each([
    ["off", "auto", ["PLAIN", "LOGIN"], "show the secret"],
    ["starttls", "auto", ["GSSAPI"], "no SASL mechanism"],
    ["starttls", "xoauth2", ["PLAIN"], "does not go with a password"],
  ] as const)("tls %s, auth %s, offered %j: nothing is sent, because %s", async (mode, auth, offered, why) => {
    await using server = await startSmtpStandIn({
      tls: { key: good.key, cert: good.cert },
      knobs: { auth: offered.filter((name) => name !== "GSSAPI"), moreKeywords: ["AUTH GSSAPI"], users },
    });
    await using way = openTransport(server.port, { tls: { ...plain, mode, ca: [ca.cert] }, credentials, auth });
    const { destination } = await way.deliver(transaction(), never);
    expect(destination).toMatchObject({ kind: "unavailable", cause: { kind: "connection", phase: "auth" } });
    expect(JSON.stringify(destination)).toContain(why);
    expect(server.transcript.some((line) => /C: (?:AUTH|MAIL)/u.test(line))).toBe(false);
  });
});

test("a connection lost in the midst of AUTH is lost in the phase auth", async () => {
  await using server = await startSmtpStandIn({
    knobs: { auth: ["PLAIN"], users: new Map(), at: { auth: { do: "drop" } } },
  });
  await using way = openTransport(server.port, { credentials: password("x") });
  const { destination } = await way.deliver(transaction(), never);
  expect(destination).toMatchObject({ kind: "unavailable", cause: { kind: "connection", phase: "auth" } });
});
