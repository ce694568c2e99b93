/**
 * A morning's work of an administrator: the daemon as a process, and the command line, now and then as another (each
 * start of one costs a while).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ActionResult, Explanation, MessageDetail, MessagePage, Status } from "../../src/admin/schemas.ts";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { exchangeKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { configText, popgate, startDaemon } from "../fakes/popgate-process.ts";
import { typed } from "./console.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

let dir: string;
let config: string;
let pop3: Pop3StandIn;
let exchange: SmtpStandIn;
const deadline = (): AbortSignal => AbortSignal.timeout(30_000);

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "popgate-cli-"));
  config = path.join(dir, "popgate.toml");
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  pop3 = await startPop3StandIn({ accounts: [{ user: "sammel", password: "geheim", messages: [] }] });
  exchange = await startSmtpStandIn({ knobs: { ...exchangeKnobs, mailboxes: new Set(["anna@firma.example"]) } });
  await writeConfig();
});
afterEach(async () => {
  await pop3.close();
  await exchange.close();
  await rm(dir, { recursive: true, force: true });
});

async function writeConfig(more = ""): Promise<void> {
  const accounts = `[[collector]]\nname = "sammel"\nhost = "127.0.0.1"\nport = ${pop3.port}\ntls = "off"\nuser = "sammel"\npassword = { file = "password" }\nevery = "1h"\nkeep = "never"\nprofile = "exim"\n${more}`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
}

function stored(recipient: string, id: string): Buffer {
  const envelope = recipient === "" ? "" : `Envelope-to: ${recipient}\r\n`;
  return Buffer.from(
    `${envelope}Received: by mx.provider.example; Tue, 3 Nov 2026 10:00:00 +0100\r\nFrom: kunde@else.example\r\nSubject: Auftrag ${id}\r\nMessage-ID: <${id}@else.example>\r\n\r\n${id}\r\n`,
  );
}

const run = async (...args: string[]) => typed([...args, "--config", config]);
const asProcess = async (...args: string[]) => popgate([...args, "--config", config], 30_000);
async function json<T>(...args: string[]): Promise<T> {
  // oxlint-disable-next-line typescript/no-unsafe-return -- what a spec expects of the answer
  return JSON.parse((await run(...args, "--json")).stdout) as T;
}

test("held, explained, released, refused, redirected, dropped; found again afterwards", async () => {
  await using daemon = startDaemon(config);
  await daemon.until("poll-finished");
  for (const [recipient, id] of [
    ["anna@firma.example", "m1"],
    ["weg@firma.example", "m2"],
    ["", "m3"],
    ["", "m4"],
  ] as const)
    pop3.box("sammel").add(stored(recipient, id));

  const polled = await run("poll", "sammel");
  expect(polled).toMatchObject({ code: 0, stderr: "" });
  expect(polled.stdout).toContain("4 fetched, 2 held");
  await exchange.received(1, deadline());
  await daemon.until("refused");

  // Three wait for a person: popgate says so, and which.
  const status = await asProcess("status");
  expect(status.code).toBe(5);
  expect(status.stdout).toContain("1 refused");
  expect(status.stdout).toContain("2 envelope-missing");
  const held = await json<MessagePage>("queue", "--state", "held");
  const bySubject = new Map(held.messages.map(({ subject, id }) => [subject, id]));
  expect([...bySubject.keys()].toSorted()).toEqual(["Auftrag m2", "Auftrag m3", "Auftrag m4"]);
  const [m2 = "", m3 = "", m4 = ""] = ["Auftrag m2", "Auftrag m3", "Auftrag m4"].map((subject) =>
    bySubject.get(subject),
  );

  // Where is my mail?
  const [explained] = await json<Explanation[]>("explain", "weg@firma.example");
  expect(explained?.message.id).toBe(m2);
  const shown = await json<MessageDetail>("show", m2);
  expect(shown.details[0]).toMatchObject({ address: "weg@firma.example", state: "held" });
  expect((await run("show", m2)).stdout).toContain("550 5.1.1");
  const raw = await asProcess("raw", m3);
  expect(raw.stdout).toBe(stored("", "m3").toString());
  expect((await run("raw", m2, "--rendered")).stdout).not.toContain("Envelope-to");

  // It is put right.
  expect((await run("redirect", m2, "--to", "anna@firma.example")).code).toBe(0);
  expect((await run("release", m3)).code).toBe(4);
  expect((await run("release", m3, "--to", "anna@firma.example")).code).toBe(0);
  await exchange.received(3, deadline());
  expect(exchange.messages.map(({ recipients }) => recipients)).toEqual([1, 2, 3].map(() => ["anna@firma.example"]));
  const [dropped] = await json<ActionResult[]>("drop", m4, "--yes");
  expect(dropped).toMatchObject({ id: m4, kind: "done" });

  // And is known of afterwards.
  const [m1] = await json<Explanation[]>("explain", "<m1@else.example>");
  expect(m1?.summary).toMatch(/^delivered to anna@firma\.example/iu);
  expect((await run("explain", m4)).stdout).toContain("dropped");
  expect((await run("raw", m4)).code).toBe(3);
  expect((await run("drop", m4, "--yes")).code).toBe(4);
  expect((await run("retry", "00000000000000")).code).toBe(3);
  expect(daemon.events().filter((event) => event["event"] === "admin").length).toBeGreaterThan(4);
  expect(await daemon.stop()).toBe(0);
}, 120_000);

test("pause, reload, backup, log and resolve", async () => {
  await using daemon = startDaemon(config);
  await daemon.until("poll-finished");
  pop3.box("sammel").add(stored("", "m1"));

  const log = spawn(process.execPath, [main, "log", "-f", "--json", "--config", config], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let told = "";
  log.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const until = async (words: string): Promise<void> => {
    while (!told.includes(words)) await once(log.stdout, "data", { signal: deadline() });
  };
  // It listens as soon as it is told anything at all.
  const isListening = until("kind");
  const listening = new AbortController();
  void isListening.then(() => listening.abort());
  while (!listening.signal.aborted) await run("resume", "exchange");
  await isListening;

  expect((await run("pause", "sammel")).code).toBe(0);
  expect((await json<Status>("status")).accounts[0]?.paused).toBe(true);
  expect((await run("poll", "sammel")).code).toBe(4);
  expect((await run("resume", "sammel")).code).toBe(0);
  expect((await run("poll", "sammel")).code).toBe(0);
  await until('"kind":"held"');
  const ended = once(log, "close");
  log.kill("SIGINT");
  await ended;

  await writeConfig("fallback = 3\n");
  const bad = await run("reload");
  expect(bad.code).toBe(2);
  expect(bad.stderr).toMatch(/popgate\.toml:\d+:\d+: .*fallback/u);
  await writeConfig('fallback = "anna@firma.example"\n');
  expect((await run("resolve", "--dry-run")).stdout).toContain("held");
  expect(await run("reload")).toMatchObject({ code: 0 });
  await exchange.received(1, deadline());

  const copy = path.join(dir, "copy");
  expect((await run("backup", copy)).code).toBe(0);
  expect((await typed(["verify", copy])).code).toBe(0);
  const again = await run("backup", copy);
  expect(again).toMatchObject({ code: 4, stderr: `popgate: there is a spool in ${copy} already\n` });
  expect((await run("verify")).code).toBe(1);
  expect(await daemon.stop()).toBe(0);
  expect((await run("verify")).code).toBe(0);
  const nobody = await run("status");
  expect(nobody).toMatchObject({ code: 7, stdout: "" });
  expect((await run("resolve")).code).toBe(0);
}, 120_000);
