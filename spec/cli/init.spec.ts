/** `popgate init` with a provider that lives in this process: what is asked, what is found, what is written. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { once } from "node:events";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runInit, type InitParts } from "../../src/cli/init.ts";
import { loadConfig } from "../../src/config/load.ts";
import { startPop3StandIn, type Pop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { relaxedKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import { mails } from "../doctor/doctor-world.ts";
import { certificates } from "../fakes/certificates.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Paper } from "./console.ts";

let home: TemporaryDirectory;
let file: string;
let pop3: Pop3StandIn;
let starttls: Pop3StandIn;
let smtp: SmtpStandIn;
let closed: number;
let parts: InitParts;

beforeEach(async () => {
  home = new TemporaryDirectory();
  file = path.join(home.path, "popgate.toml");
  writeFileSync(path.join(home.path, "ca.pem"), certificates().ca.cert);
  const accounts = [{ user: "sammel", password: "geheimes Wort", messages: mails(5) }];
  const tls = certificates().server;
  pop3 = await startPop3StandIn({ accounts, tls: { ...tls, implicit: true } });
  starttls = await startPop3StandIn({ accounts, tls });
  const users = new Map([["info@firma.example", "raus damit"]]);
  smtp = await startSmtpStandIn({ tls, knobs: { ...relaxedKnobs, auth: ["PLAIN"], users } });
  const gone = await startPop3StandIn({ accounts: [] });
  closed = gone.port;
  await gone.close();
  parts = {
    clock: systemClock,
    random: systemRandom,
    machine: "server1",
    timeouts: { connectMs: 5000, silenceMs: 300, replyMs: 5000 },
    lookup: async (host) => (host === "exchange.firma.example" ? ["192.0.2.7"] : Promise.reject(new Error("no name"))),
    doors: {
      pop3: [
        { port: pop3.port, mode: "implicit" },
        { port: starttls.port, mode: "starttls" },
      ],
      smtp: [
        { port: closed, mode: "implicit" },
        { port: smtp.port, mode: "starttls" },
      ],
    },
  };
});
afterEach(async () => {
  await pop3.close();
  await starttls.close();
  await smtp.close();
  home[Symbol.dispose]();
});

const box = { host: "127.0.0.1", ca: "ca.pem", user: "sammel", password: "geheimes Wort" };
const company = {
  domains: ["firma.example"],
  hostname: "popgate.firma.example",
  postmaster: "admin@firma.example",
  exchange: "127.0.0.1",
};

async function init(answers: unknown, signal = new AbortController().signal) {
  const given = path.join(home.path, "answers.json");
  writeFileSync(given, typeof answers === "string" ? answers : JSON.stringify(answers));
  const [stdout, stderr] = [new Paper(), new Paper()];
  const around = { stdin: new PassThrough(), stdout, stderr, env: {}, signal };
  const code = await runInit({ file, answers: given }, around, parts);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

const written = (name = "popgate.toml"): string => readFileSync(path.join(home.path, name), "utf8");
const modeOf = (name: string): number => statSync(path.join(home.path, name)).mode & 0o777;
const files = (): string[] => readdirSync(home.path).filter((name) => name !== "answers.json" && name !== "ca.pem");

describe("popgate init with answers", () => {
  test("finds port and TLS, keeps the password apart, and puts in the profile that fits the box", async () => {
    const { code, stdout } = await init({ ...company, account: box });
    expect(written()).toContain(`port = ${pop3.port}\ntls = "implicit"`);
    expect(written()).toContain('profile = "exim"');
    expect(written()).not.toContain("geheimes");
    expect(written("sammel.password")).toBe("geheimes Wort\n");
    expect([modeOf("sammel.password"), modeOf("popgate.toml")]).toEqual([0o600, 0o640]);
    expect(files().toSorted()).toEqual(["popgate.toml", "sammel.password"]);
    expect(await loadConfig(file, {})).toMatchObject({ kind: "ok", warnings: [] });
    expect(stdout).toContain("logged in as sammel");
    expect(stdout).toContain('From the mail in the box: profile = "exim"');
    // Nobody plays Exchange on port 25.
    expect(stdout).toMatch(/ERROR +exchange/u);
    expect(code).toBe(5);
  });

  test("STLS where there is no TLS from the start", async () => {
    await pop3.close();
    await init({ ...company, account: box });
    expect(written()).toContain(`port = ${starttls.port}\ntls = "starttls"`);
  });

  test("neither: the usual port is written, and why is told", async () => {
    await pop3.close();
    await starttls.close();
    const { stderr, stdout } = await init({ ...company, account: box });
    expect(stderr).toContain("could not be reached as expected");
    expect(written()).toContain(`port = ${pop3.port}\ntls = "implicit"`);
    expect(written()).toContain('profile = "auto"');
    expect(stdout).toContain("account sammel");
  });

  test("an empty box tells nothing: it is learnt later", async () => {
    pop3.box("sammel").remove(
      new Set(
        pop3
          .box("sammel")
          .list()
          .map(({ uidl }) => uidl),
      ),
    );
    await init({ ...company, account: box });
    expect(written()).toContain('profile = "auto"');
    expect(await loadConfig(file, {})).toMatchObject({ kind: "ok" });
  });

  test("a box of one person", async () => {
    await init({ ...company, account: { ...box, name: "chef", deliver_to: ["chef@firma.example"] } });
    expect(written()).toContain('[[mailbox]]\nname = "chef"');
    expect(written()).toContain('deliver_to = ["chef@firma.example"]');
    expect(written()).not.toContain("profile");
    expect(existsSync(path.join(home.path, "chef.password"))).toBe(true);
  });

  test("with a relay, and a listener for Exchange", async () => {
    const relay = { ...box, user: "info@firma.example", password: 'raus "damit"', allow: ["192.0.2.7"] };
    const { stdout, stderr } = await init({ ...company, exchange: "exchange.firma.example", account: box, relay });
    expect(stderr).toBe("");
    expect(written()).toContain(`port = ${smtp.port}\ntls = "required"`);
    expect(written()).toContain('allow = ["192.0.2.7/32"]');
    expect(written("relay-provider.password")).toBe('raus "damit"\n');
    expect(modeOf("relay-provider.password")).toBe(0o600);
    expect(stdout).toContain("relay provider");
    expect(await loadConfig(file, {})).toMatchObject({ kind: "ok" });
  });

  test("port and TLS as given are not looked for", async () => {
    const account = { ...box, ca: undefined, port: closed, tls: "off" };
    await init({ ...company, account });
    expect(written()).toContain(`port = ${closed}\ntls = "off"`);
    expect(pop3.connections).toBe(0);
  });

  test("a configuration that is there is not touched", async () => {
    writeFileSync(file, "mine\n");
    const { code, stderr } = await init({ ...company, account: box });
    expect(code).toBe(4);
    expect(stderr).toContain("is there already");
    expect(written()).toBe("mine\n");
    expect(pop3.connections).toBe(0);
  });

  test("nor is a file of passwords, and nothing else is left then", async () => {
    writeFileSync(path.join(home.path, "relay-provider.password"), "mine\n");
    const { code, stderr } = await init({ ...company, account: box, relay: { ...box, allow: ["192.0.2.7"] } });
    expect(code).toBe(4);
    expect(stderr).toContain("relay-provider.password is there already, and nothing was written");
    expect(files()).toEqual(["relay-provider.password"]);
    expect(written("relay-provider.password")).toBe("mine\n");
  });

  test.each<[string, unknown, string]>([
    ["no JSON", '{ "password": "geheimes Wort" ', "it is not JSON"],
    ["a wrong host", { ...company, account: { ...box, host: "pop3://x" } }, "account.host"],
    ["a domain that is none", { ...company, domains: ["a@b"], account: box }, "domains.0"],
    ["a key too many", { ...company, account: { ...box, colour: "red" } }, "colour"],
    ["no certificate authority", { ...company, account: { ...box, ca: "nowhere.pem" } }, "cannot be read"],
    [
      "a recipient elsewhere",
      { ...company, account: { ...box, deliver_to: ["chef@else.example"] } },
      "nothing was written",
    ],
  ])("%s: nothing is written, no password is shown", async (_, answers, words) => {
    const { code, stdout, stderr } = await init(answers);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(stdout + stderr).not.toContain("geheimes");
    expect(files()).toEqual([]);
  });

  test("a folder that nothing can be written in", async () => {
    file = path.join(home.path, "nowhere", "popgate.toml");
    expect((await init({ ...company, account: { ...box, ca: undefined, port: closed, tls: "off" } })).code).toBe(1);
  });

  test("given up while it looks for the server: nothing is written", async () => {
    const given = new AbortController();
    parts = { ...parts, doors: { ...parts.doors, pop3: [{ port: starttls.port, mode: "implicit" }] } };
    const ended = init({ ...company, account: box }, given.signal);
    while (starttls.connections === 0) await new Promise((resolve) => setImmediate(resolve));
    given.abort(new Error("Ctrl-C"));
    expect((await ended).code).toBe(1);
    expect(files()).toEqual([]);
  });
});

/** A terminal at which somebody answers each question as it comes. */
async function dialogue(replies: readonly (readonly [RegExp, string])[]) {
  const stdin: PassThrough & { isTTY?: boolean } = new PassThrough();
  stdin.isTTY = true;
  const [stdout, stderr] = [new Paper(), new Paper()];
  const around = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal };
  const status = runInit({ file }, around, parts);
  let read = 0;
  for (const [question, reply] of replies) {
    while (!question.test(stderr.text.slice(read))) await once(stderr, "written");
    read = stderr.text.length;
    // The question is shown before the terminal is listened to.
    await new Promise((resolve) => setImmediate(resolve));
    if (reply === "\u0004") stdin.end();
    else stdin.write(`${reply}\n`);
  }
  return { code: await status, stdout: stdout.text, stderr: stderr.text };
}

describe("popgate init at a terminal", () => {
  const questions: readonly (readonly [RegExp, string])[] = [
    [/mail domains/u, "firma.example"],
    [/own name.*\[server1\.firma\.example\]/u, ""],
    [/needs a person.*\[postmaster@firma\.example\]/u, "admin"],
    [/not an address|no domain|@/iu, "admin@firma.example"],
    [/Exchange's host/u, "exchange.firma.example"],
    [/POP3 server.*\[pop\.firma\.example\]/u, "127.0.0.1"],
    [/Login name of the box/u, ""],
    [/an answer is needed/u, "sammel"],
    [/Its password/u, "geheimes Wort"],
    [/call the box/u, ""],
    [/all the company/u, "vielleicht"],
    [/y or n/u, "n"],
    [/Who gets its mail/u, "chef@firma.example, anna@firma.example"],
    [/send its mail out/u, "y"],
    [/SMTP server/u, "127.0.0.1"],
    [/Login name there.*\[sammel\]/u, "info@firma.example"],
    [/Its password \(Enter/u, ""],
    [/call it here/u, ""],
    [/From which addresses.*\[192\.0\.2\.7\]/u, ""],
  ];

  test("proposals, answers that cannot be taken, a password that is not shown", async () => {
    const { stderr } = await dialogue(questions);
    expect(stderr).not.toContain("geheimes");
    expect(written()).toContain('hostname = "server1.firma.example"\npostmaster = "admin@firma.example"');
    expect(written()).toContain('deliver_to = ["chef@firma.example", "anna@firma.example"]');
    expect(written()).toContain('allow = ["192.0.2.7/32"]');
    expect(written("sammel.password")).toBe("geheimes Wort\n");
    expect(written("relay-provider.password")).toBe("geheimes Wort\n");
    expect(await loadConfig(file, {})).toMatchObject({ kind: "ok" });
  });

  test.each([1, 5, 8, 9, 18])("given up at question %i: nothing is written", async (count) => {
    const { code, stderr } = await dialogue([
      ...questions.slice(0, count),
      [questions[count]?.[0] ?? /never/u, "\u0004"] as const,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain("given up; nothing was written");
    expect(files()).toEqual([]);
  });

  test("without a terminal there is nobody to ask", async () => {
    const [stdout, stderr] = [new Paper(), new Paper()];
    const around = { stdin: new PassThrough(), stdout, stderr, env: {}, signal: new AbortController().signal };
    expect(await runInit({ file }, around, parts)).toBe(2);
    expect(stderr.text).toContain("--answers");
  });
});
