/** `popgate probe` beside a real daemon that polls every second, and would take the marked mails to Exchange. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { runProbe } from "../../src/cli/probe.ts";
import type { Clock } from "../../src/core/ports.ts";
import { startPop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { exim } from "../doctor/probe-providers.ts";
import { configText, startDaemon } from "../fakes/popgate-process.ts";
import { Paper } from "./console.ts";

/** Waits for the box just longer than the daemon does; deadlines of connections are as they are. */
const hasty: Clock = {
  now: () => systemClock.now(),
  sleep: async (ms, signal) => systemClock.sleep(ms >= 30_000 ? ms : Math.min(ms, 1500), signal),
};

test("a daemon waits while the account is probed, and polls again afterwards", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-probe-"));
  stack.defer(async () => rm(dir, { recursive: true, force: true }));
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  const pop3 = stack.use(await startPop3StandIn({ accounts: [{ user: "sammel", password: "geheim", messages: [] }] }));
  const relay = stack.use(
    await startSmtpStandIn({
      onMessage: (message) => {
        for (const copy of exim(message)) pop3.box("sammel").add(copy);
      },
    }),
  );
  const exchange = stack.use(await startSmtpStandIn());
  const accounts = `[[collector]]
name = "box"
host = "127.0.0.1"
port = ${pop3.port}
tls = "off"
user = "sammel"
password = { file = "password" }
every = "1s"
profile = "exim"
[[relay]]
name = "provider"
host = "127.0.0.1"
port = ${relay.port}
tls = "off"
`;
  const config = path.join(dir, "popgate.toml");
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
  await using daemon = startDaemon(config);
  await daemon.until("poll-finished");

  const [stdout, stderr] = [new Paper(), new Paper()];
  const around = { stdin: new PassThrough(), stdout, stderr, env: {}, signal: new AbortController().signal };
  const args = { config, account: "box", wait: "1m", keep: false, json: false };
  const code = await runProbe(args, around, { clock: hasty, random: systemRandom });
  expect(stderr.text).toBe("");
  expect(stdout.text).toContain("fit for a collector: every mail");
  expect(code).toBe(0);
  expect(pop3.box("sammel").list()).toEqual([]);
  expect(exchange.messages).toEqual([]);

  pop3
    .box("sammel")
    .add(Buffer.from("Envelope-to: anna@firma.example\r\nReceived: by mx; x\r\nSubject: Auftrag\r\n\r\nx\r\n"));
  await exchange.received(1, AbortSignal.timeout(20_000));
  expect(exchange.messages[0]?.recipients).toEqual(["anna@firma.example"]);
}, 60_000);
