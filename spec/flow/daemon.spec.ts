/** The daemon as a process: it delivers, stops in good order, takes a new configuration, and survives being killed. */
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { configText, popgate, startDaemon } from "../fakes/popgate-process.ts";

let dir: string;
let config: string;
let pop3: Pop3StandIn;
let exchange: SmtpStandIn;
const deadline = (): AbortSignal => AbortSignal.timeout(15_000);

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "popgate-daemon-"));
  config = path.join(dir, "popgate.toml");
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  pop3 = await startPop3StandIn({ accounts: [{ user: "sammel", password: "geheim", messages: [] }] });
  exchange = await startSmtpStandIn();
  await writeConfig();
});

afterEach(async () => {
  await pop3.close();
  await exchange.close();
  await rm(dir, { recursive: true, force: true });
});

async function writeConfig(more = ""): Promise<void> {
  const accounts = `[[collector]]\nname = "sammel"\nhost = "127.0.0.1"\nport = ${pop3.port}\ntls = "off"\nuser = "sammel"\npassword = { file = "password" }\nevery = "5m"\nkeep = "never"\nprofile = "exim"\n${more}`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
}

function stored(recipient: string, id: string): Buffer {
  return Buffer.from(
    `Envelope-to: ${recipient}\r\nReceived: by mx.provider.example; Tue, 3 Nov 2026 10:00:00 +0100\r\nMessage-ID: <${id}@else.example>\r\n\r\n${id}\r\n`,
  );
}

test("delivers what is in the box, and ends with status 0 when asked to stop", async () => {
  pop3.box("sammel").add(stored("anna@firma.example", "m1"));
  await using daemon = startDaemon(config);
  await exchange.received(1, deadline());
  expect(await daemon.stop()).toBe(0);
  expect(daemon.events().map((event) => event["event"])).toEqual(
    expect.arrayContaining(["started", "received", "delivered", "stopping"]) as string[],
  );
});

test("killed without warning again and again while it drains a box: every message arrives", async () => {
  const total = 300;
  for (let index = 0; index < total; index++) pop3.box("sammel").add(stored("anna@firma.example", `m${index}`));
  for (const mark of [1, 60, 150]) {
    await using daemon = startDaemon(config);
    await exchange.received(mark, deadline());
    await daemon.kill();
  }
  const run = await popgate(["run", "--once", "--config", config], 60_000);
  expect(run.code, run.stdout.slice(-2000) + run.stderr).toBe(0);
  const counts = new Map<string, number>();
  for (const { raw } of exchange.messages) {
    const id = /^Message-ID: <(.+?)@/mu.exec(raw.toString())?.[1] ?? "";
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  expect(counts.size).toBe(total);
  // What was handed over when the kill came, and not yet written down: at most one for each connection and kill.
  expect(exchange.messages.length - total).toBeLessThanOrEqual(3 * 4);
  expect(pop3.box("sammel").list()).toHaveLength(0);
});

test("SIGHUP: a good configuration is taken, a bad one refused while the old goes on", async () => {
  await using daemon = startDaemon(config);
  await daemon.until("poll-finished");
  pop3.box("sammel").add(stored("anna@firma.example", "m1"));
  await writeConfig("fallback = 3\n");
  daemon.signal("SIGHUP");
  await daemon.until("reload-refused");
  // A reload looks at the boxes at once.
  await exchange.received(1, deadline());
  await writeConfig('fallback = "bernd@firma.example"\n');
  pop3.box("sammel").add(Buffer.from("Message-ID: <m2@else.example>\r\n\r\nno field\r\n"));
  daemon.signal("SIGHUP");
  await daemon.until("reloaded");
  await exchange.received(2, deadline());
  expect(exchange.messages[1]?.recipients).toEqual(["bernd@firma.example"]);
  expect(await daemon.stop()).toBe(0);
});

test("a second popgate on the same spool is refused with words", async () => {
  await using daemon = startDaemon(config);
  await daemon.until("started");
  const second = await popgate(["run", "--once", "--config", config], 30_000);
  expect(second.code).toBe(1);
  expect(second.stderr).toMatch(/in use by process \d+/u);
});

test("a provider that has fallen silent does not keep the daemon from stopping", async () => {
  const { createServer } = await import("node:net");
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const text = `[[collector]]\nname = "silent"\nhost = "127.0.0.1"\nport = ${port}\ntls = "off"\nuser = "u"\npassword = { file = "password" }\nevery = "5m"\nkeep = "never"\nprofile = "exim"\n`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts: text }));
  const connected = once(silent, "connection");
  await using daemon = startDaemon(config);
  await connected;
  expect(await daemon.stop()).toBe(0);
  silent.close();
});
