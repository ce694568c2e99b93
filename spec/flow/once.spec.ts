/** `popgate run --once` as a process, between an embedded provider and a stand-in for Exchange. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { exchangeKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { configText, popgate, type Run } from "../fakes/popgate-process.ts";

const password = "s3cret-Passw0rd";
const bodyWord = "confidential-body-text";

let dir: string;
let pop3: Pop3StandIn;
let exchange: SmtpStandIn;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "popgate-flow-"));
  await writeFile(path.join(dir, "password"), `${password}\n`, { mode: 0o600 });
  pop3 = await startPop3StandIn({
    accounts: [
      { user: "sammel", password, messages: [] },
      { user: "chef", password, messages: [] },
    ],
  });
  exchange = await startSmtpStandIn({
    knobs: {
      ...exchangeKnobs,
      mailboxes: new Set(["anna", "bernd", "chef", "postmaster"].map((name) => `${name}@firma.example`)),
    },
  });
});

afterEach(async () => {
  await pop3.close();
  await exchange.close();
  await rm(dir, { recursive: true, force: true });
});

/** A message as Exim stores it. */
function stored(recipient: string, id: string, more = ""): Buffer {
  return Buffer.from(
    `Return-path: <kunde@else.example>\r\nEnvelope-to: ${recipient}\r\n` +
      `Received: from out.else.example ([192.0.2.1]) by mx.provider.example with esmtp (Exim 4.98) id 1abc;\r\n Tue, 3 Nov 2026 10:00:00 +0100\r\n` +
      `From: kunde@else.example\r\nTo: somebody@else.example\r\nMessage-ID: <${id}@else.example>\r\nDate: Tue, 3 Nov 2026 09:59:00 +0100\r\n${more}\r\n${bodyWord} ${id}\r\n`,
  );
}

interface Account {
  readonly kind?: "collector" | "mailbox";
  readonly user?: string;
  readonly more?: string;
}

function account({ kind = "collector", user = "sammel", more = 'profile = "exim"' }: Account = {}): string {
  return `[[${kind}]]\nname = "${user}"\nhost = "127.0.0.1"\nport = ${pop3.port}\ntls = "off"\nuser = "${user}"\npassword = { file = "password" }\nevery = "5m"\n${/keep/u.test(more) ? "" : 'keep = "never"\n'}${more}\n`;
}

async function runOnce(accounts = account(), exchangeLines?: string): Promise<Run> {
  const config = path.join(dir, "popgate.toml");
  const options = { dir, exchangePort: exchange.port, accounts };
  await writeFile(config, configText(exchangeLines === undefined ? options : { ...options, exchange: exchangeLines }));
  return popgate(["run", "--once", "--config", config], 60_000);
}

function delivered(): string[] {
  return exchange.messages.flatMap(({ raw, recipients }) => {
    const id = /^Message-ID: <(.+?)@else/mu.exec(raw.toString("latin1"))?.[1] ?? "notice";
    return recipients.map((address) => `${id}:${address.split("@")[0] ?? ""}`);
  });
}

describe("exit status", () => {
  test("0: all drained and delivered; a second run finds nothing", async () => {
    for (let index = 0; index < 5; index++) pop3.box("sammel").add(stored("anna@firma.example", `m${index}`));
    const run = await runOnce();
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect(delivered().toSorted()).toEqual(["m0:anna", "m1:anna", "m2:anna", "m3:anna", "m4:anna"]);
    expect(pop3.box("sammel").list()).toHaveLength(0);
    expect((await runOnce()).code).toBe(0);
    expect(exchange.messages).toHaveLength(5);
  });

  test("2: a configuration with errors, each with its place", async () => {
    const run = await runOnce(account({ more: 'profile = "exim"\nkepp = "never"' }));
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/popgate\.toml:\d+:\d+: .*kepp.*keep/u);
    expect(pop3.connections).toBe(0);
  });

  test("3: an account that is not let in, beside one that is drained all the same", async () => {
    pop3.box("sammel").add(stored("anna@firma.example", "m1"));
    const bad = account({ kind: "mailbox", user: "chef", more: 'deliver_to = ["chef@firma.example"]' });
    await writeFile(path.join(dir, "wrong"), "wrong\n", { mode: 0o600 });
    const run = await runOnce(account() + bad.replace('file = "password"', 'file = "wrong"'));
    expect(run.code, run.stdout + run.stderr).toBe(3);
    expect(run.stderr).toContain("chef: not drained: auth");
    expect(delivered()).toContain("m1:anna");
  });

  test("4: Exchange is down: everything is safe in the spool, and goes in the next run", async () => {
    pop3.box("sammel").add(stored("anna@firma.example", "m1"));
    exchange.set({ at: { connect: { do: "drop" } } });
    const run = await runOnce();
    expect(run.code, run.stdout + run.stderr).toBe(4);
    expect(run.stderr).toContain("1 message(s) queued");
    expect(pop3.box("sammel").list()).toHaveLength(0);
    exchange.set({ at: {} });
    expect((await runOnce()).code).toBe(0);
    expect(delivered()).toEqual(["m1:anna"]);
  });

  test("5: mail is held; the postmaster is told once; a corrected configuration delivers it", async () => {
    pop3.box("sammel").add(stored("anna@firma.example", "m1").subarray(stored("", "").indexOf("Received")));
    const run = await runOnce();
    expect(run.code, run.stdout + run.stderr).toBe(5);
    expect(delivered()).toEqual(["notice:postmaster"]);
    expect((await runOnce()).code).toBe(5);
    expect(delivered()).toEqual(["notice:postmaster"]);
    const corrected = await runOnce(account({ more: 'profile = "exim"\nfallback = "bernd@firma.example"' }));
    expect(corrected.code, corrected.stdout + corrected.stderr).toBe(0);
    expect(delivered()).toEqual(["notice:postmaster", "m1:bernd"]);
  });
});

test("no secret and no body in the log, at the most talkative level", async () => {
  pop3.box("sammel").add(stored("anna@firma.example", "m1"));
  pop3.box("sammel").add(stored("nobody@firma.example", "m2"));
  const run = await runOnce();
  const log = run.stdout + run.stderr;
  expect(log).toContain('"event":"delivered"');
  for (const secret of [password, Buffer.from(password).toString("base64"), bodyWord])
    expect(log).not.toContain(secret);
  const lines = run.stdout
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  for (const line of lines) {
    expect(line).toMatchObject({ level: expect.any(String) as string, event: expect.any(String) as string });
  }
});

test("keep = until-delivered: deleted at the provider only when Exchange has it", async () => {
  pop3.box("sammel").add(stored("anna@firma.example", "m1"));
  const accounts = account({ more: 'profile = "exim"\nkeep = "until-delivered"' });
  exchange.set({ backPressure: "mail" });
  expect((await runOnce(accounts)).code).toBe(4);
  expect(pop3.box("sammel").list()).toHaveLength(1);
  exchange.set({ backPressure: "none" });
  expect((await runOnce(accounts)).code).toBe(0);
  expect((await runOnce(accounts)).code).toBe(0);
  expect(pop3.box("sammel").list()).toHaveLength(0);
  expect(delivered()).toEqual(["m1:anna"]);
});

test("a single mailbox goes to its person, whatever the header says, without the provider's fields", async () => {
  pop3.box("chef").add(stored("somebody@firma.example", "m1"));
  const run = await runOnce(account({ kind: "mailbox", user: "chef", more: 'deliver_to = ["chef@firma.example"]' }));
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(delivered()).toEqual(["m1:chef"]);
  expect(exchange.messages[0]?.raw.toString()).not.toMatch(/^(?:envelope-to|return-path):/imu);
});

test.each(['profile = "auto"', ""])("a collector with %j learns its provider from what is in the box", async (more) => {
  for (let index = 0; index < 12; index++) pop3.box("sammel").add(stored("anna@firma.example", `m${index}`));
  const run = await runOnce(account({ more }));
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(run.stdout).toContain('"event":"profile-learnt"');
  expect(delivered()).toHaveLength(12);
});

test("one invalid recipient that refuses the whole message after the dot: the others get it, that one is held", async () => {
  exchange.set({ recipientCheck: "dot" });
  pop3.box("sammel").add(stored("anna@firma.example, nobody@firma.example, bernd@firma.example", "m1"));
  const run = await runOnce();
  expect(run.code, run.stdout + run.stderr).toBe(5);
  expect(delivered().toSorted()).toEqual(["m1:anna", "m1:bernd", "notice:postmaster"]);
});

test("the connection lost after the final dot: sent again unchanged, and said so", async () => {
  pop3.box("sammel").add(stored("anna@firma.example", "m1"));
  exchange.set({ at: { dot: { do: "drop", taken: true } } });
  const first = await runOnce();
  expect(first.code, first.stdout + first.stderr).toBe(4);
  expect(first.stdout).toContain('"event":"unconfirmed"');
  expect(exchange.messages).toHaveLength(1);
});
