import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { authorizeDevice, type DeviceFlowConfig, type DevicePrompt } from "../../src/oauth/device-flow.ts";
import { authorizationServerOf, deviceEndpointOf, loginScope } from "../../src/oauth/device-endpoint.ts";
import { loginAdvice } from "../../src/oauth/login-advice.ts";
import { AuthorizationServer, drop, granted, pending, PollingClock, refusal } from "./authorization-server.ts";

let server: AuthorizationServer;
let clock: PollingClock;
let prompts: DevicePrompt[];
const forever = new AbortController().signal;

beforeEach(async () => {
  server = await AuthorizationServer.start();
  clock = new PollingClock();
  prompts = [];
});
afterEach(async () => server[Symbol.asyncDispose]());

async function authorize(changes: Partial<DeviceFlowConfig> = {}, signal: AbortSignal = forever) {
  const config: DeviceFlowConfig = {
    deviceEndpoint: server.deviceEndpoint,
    tokenEndpoint: server.tokenEndpoint,
    clientId: "client-1",
    clientSecret: undefined,
    scope: "mail offline_access",
    ...changes,
  };
  return authorizeDevice(config, { clock, show: (prompt) => prompts.push(prompt) }, signal);
}

describe("the device authorization grant", () => {
  test("a code is shown, polled for, and ends in a refresh token", async () => {
    server.answers = [pending, pending, granted];
    const startedAt = clock.now();
    expect(await authorize()).toEqual({ kind: "granted", refreshToken: "the-refresh-token" });
    expect(prompts).toEqual([
      {
        uri: "https://login.example/device",
        code: "WDJB-MJHT",
        completeUri: undefined,
        expiresAt: startedAt + 900_000,
      },
    ]);
    expect(Object.fromEntries(server.deviceRequests[0] ?? [])).toEqual({
      client_id: "client-1",
      scope: "mail offline_access",
    });
    expect(Object.fromEntries(server.polls[0] ?? [])).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      device_code: "device-code-1",
      client_id: "client-1",
    });
    expect(clock.pauses).toEqual([5000, 5000, 5000]);
  });

  test("as Google says it: verification_url, its own interval, a secret, 428 while it is pending", async () => {
    server.device = {
      body: {
        device_code: "d",
        user_code: "GQVQ-JKEC",
        verification_url: "https://www.google.com/device",
        expires_in: 1800,
        interval: 7,
      },
    };
    server.answers = [refusal("authorization_pending", undefined, 428), granted];
    expect((await authorize({ clientSecret: () => Promise.resolve("s3cret") })).kind).toBe("granted");
    expect(prompts[0]?.uri).toBe("https://www.google.com/device");
    expect(server.deviceRequests[0]?.get("client_secret")).toBeNull();
    expect(server.polls[0]?.get("client_secret")).toBe("s3cret");
    expect(clock.pauses).toEqual([7000, 7000]);
  });

  test("slow_down makes every later pause five seconds longer", async () => {
    server.answers = [refusal("slow_down"), pending, refusal("slow_down"), granted];
    expect((await authorize()).kind).toBe("granted");
    expect(clock.pauses).toEqual([5000, 10_000, 10_000, 15_000]);
  });

  test("trouble at the token endpoint is waited out, ever longer", async () => {
    server.answers = [{ body: drop }, { status: 503, body: "down" }, refusal("temporarily_unavailable"), granted];
    expect((await authorize()).kind).toBe("granted");
    expect(clock.pauses).toEqual([5000, 10_000, 20_000, 40_000]);
  });

  test("a code that nobody types ends when it expires, and no poll comes later", async () => {
    server.device = { body: { ...(server.device.body as object), expires_in: 12 } };
    server.answers = [pending];
    expect(await authorize()).toEqual({ kind: "expired" });
    expect(clock.pauses).toEqual([5000, 5000, 2000]);
    expect(server.polls).toHaveLength(3);
  });

  test.each([
    ["expired_token", "expired"],
    ["access_denied", "denied"],
    ["authorization_declined", "denied"],
    ["invalid_client", "refused"],
    ["invalid_grant", "refused"],
    ["something_new", "refused"],
  ])("%s ends it as %s", async (error, kind) => {
    server.answers = [pending, refusal(error, "AADSTS1: words\r\nfor device-code-1")];
    const result = await authorize();
    expect(result.kind).toBe(kind);
    // One line, and the device code is as good as a password.
    if ("message" in result) expect(result.message).toMatch(/: AADSTS1: words for \[secret\]$/u);
  });

  test("an access token without a refresh token is of no use", async () => {
    server.answers = [{ body: { access_token: "a", token_type: "Bearer" } }];
    expect(await authorize()).toEqual({ kind: "no-refresh-token" });
  });

  test("a refresh token of two lines could not be kept in its file", async () => {
    server.answers = [{ body: { access_token: "a", refresh_token: "one\ntwo" } }];
    expect((await authorize()).kind).toBe("no-refresh-token");
  });

  test.each([
    ["a page of a captive portal", { body: "<html>" }, "refused"],
    ["nothing to open", { body: { device_code: "d", user_code: "u" } }, "refused"],
    ["a script to open", { body: { device_code: "d", user_code: "u", verification_uri: "javascript:1" } }, "refused"],
    ["a scope it does not know", refusal("invalid_scope"), "refused"],
    ["a redirect", { status: 302, body: "" }, "refused"],
    ["trouble of its own", { status: 500, body: "" }, "unreachable"],
    ["no answer", { body: drop }, "unreachable"],
  ])("when the code is asked for: %s", async (_, device, kind) => {
    server.device = device;
    expect((await authorize()).kind).toBe(kind);
    expect(prompts).toEqual([]);
    expect(server.polls).toEqual([]);
  });

  test("a code is not asked for in the clear", async () => {
    expect(await authorize({ deviceEndpoint: "http://login.example/device" })).toMatchObject({ kind: "refused" });
  });

  test("giving up while it is polled rejects with the reason", async () => {
    const given = new AbortController();
    clock = new PollingClock((pauses) => {
      if (pauses === 2) given.abort(new Error("Ctrl-C"));
    });
    server.answers = [pending];
    await expect(authorize({}, given.signal)).rejects.toThrow("Ctrl-C");
    expect(server.polls).toHaveLength(1);
  });
});

const tenant = "https://login.microsoftonline.com/firma.example/oauth2/v2.0";

test.each([
  [`${tenant}/token`, `${tenant}/devicecode`, "microsoft"],
  ["https://login.microsoftonline.com/common/oauth2/token", undefined, "microsoft"],
  ["https://oauth2.googleapis.com/token", "https://oauth2.googleapis.com/device/code", "google"],
  ["https://login.microsoftonline.com.evil.example/x/oauth2/v2.0/token", undefined, "other"],
  ["https://sso.provider.example/token", undefined, "other"],
])("%s: device endpoint %s", (token, device, server) => {
  expect(deviceEndpointOf(token)).toBe(device);
  expect(authorizationServerOf(token)).toBe(server);
});

test("the scope is as configured, but at Microsoft never without offline_access", () => {
  const pop = "https://outlook.office.com/POP.AccessAsUser.All";
  expect(loginScope(`${tenant}/token`, undefined, "pop3")).toBe(`${pop} offline_access`);
  expect(loginScope(`${tenant}/token`, undefined, "smtp")).toBe("https://outlook.office.com/SMTP.Send offline_access");
  expect(loginScope(`${tenant}/token`, pop, "pop3")).toBe(`${pop} offline_access`);
  expect(loginScope(`${tenant}/token`, `offline_access ${pop}`, "pop3")).toBe(`offline_access ${pop}`);
  expect(loginScope("https://sso.provider.example/token", undefined, "pop3")).toBeUndefined();
});

describe("what to do about a refusal", () => {
  const advice = (error: string, message: string, server: "microsoft" | "google" | "other" = "microsoft") =>
    loginAdvice({ kind: "refused", error, message }, server, "pop3").remedy.join(" ");

  test.each([
    ["invalid_client", "AADSTS7000218: the body must contain client_assertion or client_secret", "Allow public client"],
    ["invalid_client", "AADSTS7000222: keys are expired", "has expired"],
    ["invalid_client", "", "Allow public client"],
    ["unauthorized_client", "AADSTS700016: not found", "Application (client) ID"],
    ["invalid_request", "AADSTS90002: Tenant not found", "Directory (tenant) ID"],
    ["invalid_grant", "AADSTS65001: not consented", "POP.AccessAsUser.All"],
    ["invalid_scope", "AADSTS70011", "offline_access"],
    ["access_denied", "AADSTS53003: blocked", "Conditional Access"],
    ["interaction_required", "", "Grant admin consent"],
    ["nonsense", "", "token_endpoint"],
  ])("at Microsoft: %s %s", (error, message, words) => {
    expect(advice(error, message)).toContain(words);
  });

  test("Google has no mail scope for devices", () => {
    expect(advice("invalid_scope", "", "google")).toContain("app password");
  });

  test("consent refused at Microsoft names the permission of what the token is for", () => {
    const { remedy } = loginAdvice({ kind: "denied", message: "" }, "microsoft", "smtp");
    expect(remedy.join(" ")).toContain("SMTP.Send");
  });
});
