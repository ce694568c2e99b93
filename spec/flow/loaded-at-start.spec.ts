/**
 * What the daemon may ever need is loaded when it starts: a package may be upgraded under it, and new files must not come
 * into the old process. A start that knows only a collector is given everything that a reload can bring, and used.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { startPop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { submit } from "../../src/demo/submit.ts";
import { AdminClient, anyAnswer } from "../../src/cli/admin-client.ts";
import { certificates } from "../fakes/certificates.ts";
import { configText, popgate, startDaemon } from "../fakes/popgate-process.ts";

const deadline = (): AbortSignal => AbortSignal.timeout(60_000);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Node notes every file that it loads, by `import` or `require`, in the order of loading. */
function noting(file: string): string {
  return `import { registerHooks } from "node:module";
import { appendFileSync } from "node:fs";
registerHooks({
  load(url, context, next) {
    appendFileSync(${JSON.stringify(file)}, url + "\\n");
    return next(url, context);
  },
});
`;
}

function mail(id: string): Buffer {
  return Buffer.from(
    `From: chef@firma.example\r\nTo: kunde@else.example\r\nSubject: ${id}\r\nDate: Tue, 3 Nov 2026 10:00:00 +0100\r\nMessage-ID: <${id}@firma.example>\r\n\r\n${id}\r\n`,
  );
}

test("a listener, relays, signing, reports and everything one can ask of the daemon load no file any more", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-loaded-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(async () => rm(dir, { recursive: true }));
  await using pop3 = await startPop3StandIn({
    accounts: ["sammel", "chef"].map((user) => ({ user, password: "geheim", messages: [] })),
  });
  await using exchange = await startSmtpStandIn();
  await using relay = await startSmtpStandIn();
  const at = (name: string): string => path.join(dir, name);
  const config = at("popgate.toml");
  const port = await freePort();
  const { cert, key } = certificates().server;
  const dkim = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({ type: "pkcs8", format: "pem" });
  await writeFile(at("password"), "geheim\n", { mode: 0o600 });
  await writeFile(at("cert.pem"), cert);
  await writeFile(at("key.pem"), key, { mode: 0o600 });
  await writeFile(at("dkim.pem"), dkim, { mode: 0o600 });
  await writeFile(at("noting.mjs"), noting(at("loaded")));
  const login = (user: string): string => `user = "${user}"\npassword = { file = "password" }`;
  const collector = `[[collector]]\nname = "sammel"\nhost = "127.0.0.1"\nport = ${pop3.port}\ntls = "off"\n${login("sammel")}\nevery = "5m"\nprofile = "exim"\n`;
  const more = `
[listener]
listen = ["127.0.0.1:${port}"]
allow = ["127.0.0.1"]
tls = { cert = "cert.pem", key = "key.pem" }
[[relay]]
name = "one"
host = "127.0.0.1"
port = ${relay.port}
tls = "opportunistic"
rate = ["1000/h"]
[[dkim]]
domain = "firma.example"
selector = "s1"
key = { file = "dkim.pem" }
[[mailbox]]
name = "chef"
host = "127.0.0.1"
port = ${pop3.port}
tls = "off"
${login("chef")}
every = "5m"
deliver_to = ["chef@firma.example"]
`;
  const write = async (accounts: string): Promise<void> =>
    writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
  const loaded = async (): Promise<string[]> => (await readFile(at("loaded"), "utf8")).trim().split("\n");

  await write(collector);
  await using daemon = startDaemon(config, ["--import", at("noting.mjs")]);
  await daemon.until("admin-listening");
  await daemon.until("poll-finished");
  const atStart = await loaded();

  await write(collector + more);
  const client = new AdminClient({ socket: at("admin.sock"), user: "root", signal: deadline() });
  await client.post(anyAnswer, "/v1/reload", {});
  await daemon.until("listening");
  await submit(port, { from: "chef@firma.example", rcpt: ["kunde@else.example"], raw: mail("m1") }, deadline());
  await relay.received(1, deadline());
  relay.set({ at: { rcpt: () => ({ do: "reply", line: "550 5.1.1 no such user" }) } });
  await submit(port, { from: "chef@firma.example", rcpt: ["weg@else.example"], raw: mail("m2") }, deadline());
  await exchange.received(1, deadline());
  pop3.box("sammel").add(Buffer.from("Message-ID: <m3@else.example>\r\n\r\nno field\r\n"));
  await client.post(anyAnswer, "/v1/poll", {});
  for (const path of ["status", "statistics", "audit", "messages", "explain?q=chef@firma.example", "openapi.json"])
    await client.get(anyAnswer, `/v1/${path}`);
  await client.post(anyAnswer, "/v1/resolve", {});
  await client.post(anyAnswer, "/v1/destinations/one/pause", {});
  await client.post(anyAnswer, "/v1/destinations/one/resume", {});
  await client.post(anyAnswer, "/v1/doctor", {});
  await client.post(anyAnswer, "/v1/backup", { dir: at("backup") });

  expect(atStart.some((url) => url.endsWith("/smtp-listener.ts"))).toBe(true);
  expect((await loaded()).slice(atStart.length)).toEqual([]);
});

test("one round does not load the listener, which it has no use for", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-loaded-"));
  await using cleanUp = new AsyncDisposableStack();
  cleanUp.defer(async () => rm(dir, { recursive: true }));
  await using exchange = await startSmtpStandIn();
  const config = path.join(dir, "popgate.toml");
  const listener = `[listener]\nlisten = ["127.0.0.1:${await freePort()}"]\nallow = ["127.0.0.1"]\n[[relay]]\nname = "one"\nhost = "127.0.0.1"\nport = ${exchange.port}\ntls = "off"\n`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts: listener }));
  await writeFile(path.join(dir, "noting.mjs"), noting(path.join(dir, "loaded")));
  const nodeOptions = ["--import", path.join(dir, "noting.mjs")];
  const run = await popgate(["run", "--once", "--config", config], undefined, nodeOptions);
  expect(run.code, run.stderr).toBe(0);
  const loaded = await readFile(path.join(dir, "loaded"), "utf8");
  expect(loaded).toContain("/src/app/listening.ts\n");
  expect(loaded).not.toContain("/smtp-listener.ts");
});
