/** `popgate login` with an authorization server on the loopback: what is shown, what is stored, what is said. */
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runLogin } from "../../src/cli/login.ts";
import { AuthorizationServer, granted, pending, PollingClock, refusal } from "../oauth/authorization-server.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Paper } from "./console.ts";

let server: AuthorizationServer;
let home: TemporaryDirectory;

beforeEach(async () => {
  server = await AuthorizationServer.start();
  home = new TemporaryDirectory();
});
afterEach(async () => {
  home[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

interface Written {
  readonly token?: string;
  readonly device?: string;
}

function configure({ token = '{ file = "tokens" }', device = server.deviceEndpoint }: Written = {}): string {
  const file = path.join(home.path, "popgate.toml");
  const oauth = (refresh: string): string =>
    `oauth = { token_endpoint = "${server.tokenEndpoint}", ${device === "" ? "" : `device_endpoint = "${device}", `}` +
    `client_id = "client-1", refresh_token = ${refresh} }`;
  const text = `hostname = "mail.firma.example"
postmaster = "admin@firma.example"
domains = ["firma.example"]
[exchange]
host = "192.168.1.10"
[[collector]]
name = "info-box"
host = "pop.provider.example"
user = "info@firma.example"
profile = "exim"
${oauth(token)}
[[mailbox]]
name = "old-box"
host = "pop.provider.example"
user = "old@firma.example"
password = { env = "PASSWORD" }
deliver_to = ["chef@firma.example"]
[listener]
listen = ["127.0.0.1:25"]
allow = ["127.0.0.1/32"]
[[relay]]
name = "provider"
host = "smtp.provider.example"
user = "out@firma.example"
${oauth('{ file = "relay-token" }')}
`;
  writeFileSync(file, text);
  return file;
}

async function login(config: string, ...what: readonly string[]) {
  const [stdout, stderr] = [new Paper(), new Paper()];
  const around = { stdin: new PassThrough(), stdout, stderr, env: { PASSWORD: "geheim" }, signal: whole.signal };
  const status = await runLogin({ config, what }, around, new PollingClock());
  return { status, stdout: stdout.text, stderr: stderr.text };
}

const whole = new AbortController();

describe("popgate login", () => {
  test("shows page and code, waits, and puts the token into a file that was not there, for its owner only", async () => {
    server.answers = [pending, granted];
    const config = configure();
    const { status, stdout, stderr } = await login(config, "info-box");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    for (const words of ["info@firma.example", "https://login.example/device", "WDJB-MJHT", "15m", "doctor info-box"])
      expect(stdout).toContain(words);
    const file = path.join(home.path, "tokens");
    expect(readFileSync(file, "utf8")).toBe("the-refresh-token\n");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout).not.toContain("the-refresh-token");
  });

  test("a relay's, in the place of an older one", async () => {
    server.answers = [granted];
    const file = path.join(home.path, "relay-token");
    writeFileSync(file, "the older one\n");
    chmodSync(file, 0o600);
    expect((await login(configure(), "relay", "provider")).status).toBe(0);
    expect(readFileSync(file, "utf8")).toBe("the-refresh-token\n");
  });

  test("a refusal is told with what to do, and leaves the old token", async () => {
    server.answers = [pending, refusal("access_denied", "the user said no")];
    const file = path.join(home.path, "tokens");
    writeFileSync(file, "the older one\n");
    chmodSync(file, 0o600);
    const { status, stderr } = await login(configure(), "info-box");
    expect(status).toBe(1);
    expect(stderr).toContain("Consent was refused");
    expect(stderr).toContain("the user said no");
    expect(stderr).toContain("logged in as the user of the box");
    expect(readFileSync(file, "utf8")).toBe("the older one\n");
  });

  test.each<[string, Written, string]>([
    ["a place that cannot be written", { token: '{ env = "TOKEN" }' }, "environment variable TOKEN"],
    ["a folder that is not there", { token: '{ file = "nowhere/tokens" }' }, "does not exist"],
    ["an unknown server", { device: "" }, "Set device_endpoint"],
  ])("%s is told before anybody is asked", async (_, written, words) => {
    const { status, stdout, stderr } = await login(configure(written), "info-box");
    expect({ status, stdout }).toEqual({ status: 4, stdout: "" });
    expect(stderr).toContain(words);
    expect(server.deviceRequests).toEqual([]);
  });

  test("an account with a password", async () => {
    const { status, stderr } = await login(configure(), "old-box");
    expect(status).toBe(4);
    expect(stderr).toContain("Give it an oauth table");
  });

  test("no such account: those with OAuth are named", async () => {
    const { status, stderr } = await login(configure(), "provider");
    expect(status).toBe(3);
    expect(stderr).toContain("with OAuth there is: info-box, relay provider");
  });

  test("a bad configuration", async () => {
    const config = configure();
    writeFileSync(config, "hostname = 1\n");
    const { status, stderr } = await login(config, "info-box");
    expect(status).toBe(2);
    expect(stderr).toContain("popgate.toml:1");
    expect(existsSync(path.join(home.path, "tokens"))).toBe(false);
  });
});
