/**
 * `popgate probe` against a provider that lives in this process: what its relay takes lies in its box, stored as each
 * kind of provider does it. And a daemon that would fetch the mails away if it were not asked to wait.
 */
import { writeFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { once } from "node:events";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runProbe, type ProbeArguments } from "../../src/cli/probe.ts";
import type { Clock, EpochMs } from "../../src/core/ports.ts";
import { startPop3StandIn, type Pop3StandIn, type StandInOptions } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { goodStatus, openInterface, type Interface } from "../admin/interface.ts";
import * as providers from "../doctor/probe-providers.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Paper } from "./console.ts";

/** Of connections: an idle one, a greeting, a command. These specs never reach them. */
const deadlines: ReadonlySet<number> = new Set([30_000, 60_000, 120_000]);

/** Time passes only by waiting for the box. */
class BoxClock implements Clock {
  readonly pauses: number[] = [];
  readonly #onPause: (pauses: number) => void;
  #now: EpochMs = Date.UTC(2026, 10, 24, 8);

  constructor(onPause: (pauses: number) => void = () => undefined) {
    this.#onPause = onPause;
  }

  now(): EpochMs {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (deadlines.has(ms)) {
      if (!signal.aborted) await once(signal, "abort");
    } else {
      this.pauses.push(ms);
      this.#now += ms;
      this.#onPause(this.pauses.length);
    }
    signal.throwIfAborted();
  }
}

const others = [
  "Subject: Auftrag\r\n\r\nhello\r\n",
  "Subject: popgate probe\r\nX-Popgate-Probe: 00 to\r\n\r\nold\r\n",
].map((text) => Buffer.from(text));

let home: TemporaryDirectory;
let pop3: Pop3StandIn;
let smtp: SmtpStandIn;
let storing: providers.Storing;
let clock: BoxClock;

beforeEach(async () => {
  home = new TemporaryDirectory();
  storing = providers.exim;
  clock = new BoxClock();
  writeFileSync(path.join(home.path, "password"), "geheim\n", { mode: 0o600 });
  await startPop3();
  smtp = await startSmtpStandIn({
    onMessage: (message) => {
      for (const copy of storing(message)) pop3.box("sammel").add(copy);
    },
  });
});
afterEach(async () => {
  await pop3.close();
  await smtp.close();
  home[Symbol.dispose]();
});

async function startPop3(options: Partial<StandInOptions> = {}): Promise<void> {
  pop3 = await startPop3StandIn({
    accounts: [{ user: "sammel", password: "geheim", messages: others }],
    clock,
    ...options,
  });
}

interface Written {
  readonly socket?: string;
  readonly envelope?: string;
  readonly relay?: string;
  readonly min?: string;
}

function configure({ socket = path.join(home.path, "admin.sock"), envelope, relay, min }: Written = {}): string {
  const file = path.join(home.path, "popgate.toml");
  const text = `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]
[exchange]
host = "192.168.1.10"
[admin]
socket = "${socket}"
[[collector]]
name = "box"
host = "127.0.0.1"
port = ${pop3.port}
tls = "off"
user = "sammel"
password = { file = "password" }
${min ?? ""}
${envelope ?? 'profile = "exim"'}
[listener]
listen = ["127.0.0.1:2525"]
allow = ["127.0.0.1/32"]
${relay ?? `[[relay]]\nname = "provider"\nhost = "127.0.0.1"\nport = ${smtp.port}\ntls = "off"`}
`;
  writeFileSync(file, text);
  return file;
}

async function probe(config: string, args: Partial<ProbeArguments> = {}, signal = new AbortController().signal) {
  const [stdout, stderr] = [new Paper(), new Paper()];
  const around = { stdin: new PassThrough(), stdout, stderr, env: {}, signal };
  const whole = { config, account: "box", wait: "1m", keep: false, json: false, ...args };
  const code = await runProbe(whole, around, { clock, random: { next: () => 0.5 } });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

const inBox = (): string[] =>
  pop3
    .box("sammel")
    .list()
    .map(({ raw }) => raw.toString("latin1"));
const untouched = others.map(String);

describe("popgate probe", () => {
  test.each<[string, providers.Storing, number, string, string]>([
    ["Exim", providers.exim, 0, "fit for a collector: every mail", 'profile = "exim"'],
    ["Postfix", providers.postfix, 0, "fit for a collector: every mail", 'profile = "postfix"'],
    ["qmail", providers.qmail, 0, "fit for a collector: every mail", 'profile = "qmail"'],
    ["IONOS", providers.ionos, 0, "fit for a collector: every mail", 'profile = "ionos"'],
    ["Dovecot LMTP", providers.dovecot, 5, "mail to three at once is held", 'profile = "dovecot-lmtp"'],
    ["no field at all", providers.nothing, 5, "not fit for a collector: nothing that it writes", "[[mailbox]]"],
    ["forged fields on top", providers.forgedOnTop, 5, "not fit for a collector", "that a sender wrote"],
  ])("a provider with %s", async (_, stores, code, words, more) => {
    storing = stores;
    const ended = await probe(configure({ envelope: 'profile = "auto"' }));
    expect(ended.stderr).toBe("");
    expect(ended.stdout).toContain(words);
    expect(ended.stdout).toContain(more);
    expect(ended.code).toBe(code);
    // What is not ours is as it was, and ours is gone.
    expect(inBox()).toEqual(untouched);
    expect(pop3.commands.filter((line) => line.startsWith("RETR"))).toEqual([]);
    expect(smtp.messages.map(({ recipients }) => recipients.length)).toEqual([1, 1, 1, 3]);
  });

  test("with addresses of one's own, and left in the box", async () => {
    const to = ["anna@firma.example", "bernd@firma.example", "chef@firma.example"];
    const { code, stdout } = await probe(configure(), { to, keep: true });
    expect(code).toBe(0);
    expect(stdout).toContain("The account is configured so that it does.");
    expect(stdout).toContain("the marked mails are left in the box");
    expect(inBox()).toHaveLength(others.length + 4);
    expect(smtp.messages.at(-1)?.recipients).toEqual(to);
    expect(smtp.messages.at(-1)?.raw.toString()).not.toContain("chef@");
  });

  test("as JSON", async () => {
    const { stdout } = await probe(configure(), { json: true });
    expect(JSON.parse(stdout)).toMatchObject({ fit: "yes", lines: ['profile = "exim"'] });
  });

  test("the provider's login delay is kept to", async () => {
    await pop3.close();
    await startPop3({ loginDelaySeconds: 25 });
    const { code } = await probe(configure());
    expect(code).toBe(0);
    // One after the login that looked at the box, one more for copies that come late.
    expect(clock.pauses).toEqual([25_000, 25_000]);
  });

  test("also one that is longer than the time that was given, and that a daemon has begun", async () => {
    await pop3.close();
    await startPop3({ loginDelaySeconds: 1200 });
    pop3.box("sammel").lastLoginAt = clock.now() - 1000;
    const { code } = await probe(configure());
    expect(code).toBe(0);
    expect(clock.pauses).toEqual([1_200_000, 1_200_000]);
  });

  test("and the account's own", async () => {
    await probe(configure({ min: 'min_interval = "20s"' }));
    expect(clock.pauses).toEqual([20_000, 20_000]);
  });

  test("mail that comes late is waited for, and a connection that ends meanwhile too", async () => {
    const late: Buffer[] = [];
    storing = (mail) => {
      late.push(...providers.exim(mail));
      return [];
    };
    clock = new BoxClock((pauses) => {
      if (pauses === 1) pop3.faults.refuseLogin = "-ERR [SYS/TEMP] try later";
      if (pauses === 2) pop3.faults.refuseLogin = undefined;
      if (pauses === 3) for (const raw of late) pop3.box("sammel").add(raw);
    });
    await pop3.close();
    await startPop3({ clock });
    expect((await probe(configure())).code).toBe(0);
    expect(inBox()).toEqual(untouched);
  });

  test("nothing comes: that is said, not guessed", async () => {
    storing = () => [];
    const { code, stdout } = await probe(configure(), { wait: "30s" });
    expect(code).toBe(1);
    expect(stdout).toContain("cannot be said");
    expect(stdout).toContain("--to");
  });

  test("a deletion that is rolled back is told", async () => {
    pop3.faults.refuseQuit = true;
    const { stdout } = await probe(configure(), { wait: "30s" });
    expect(stdout).toContain("4 marked mail(s) could not be deleted");
    expect(stdout).toMatch(/subject is "popgate probe [0-9a-f]{16}"/u);
  });

  test("a box without UIDL and without TOP", async () => {
    pop3.faults.noUidl = true;
    pop3.faults.noTop = true;
    expect((await probe(configure())).code).toBe(0);
    expect(inBox()).toEqual(untouched);
    // What was there before has not been read.
    expect(pop3.commands.filter((line) => /^RETR [12]\b/u.test(line))).toEqual([]);
  });

  test("a recipient whom the relay refuses", async () => {
    smtp.set({ atRcpt: { "popgate-probe-3@firma.example": { do: "reply", line: "550 5.1.1 nobody" } } });
    const { code, stdout } = await probe(configure());
    expect(stdout).toContain("mail bcc was not sent to popgate-probe-3@firma.example: rcpt: 550 5.1.1 nobody");
    expect(stdout).toContain("cannot be said");
    expect(code).toBe(1);
  });

  test("a relay that takes nothing", async () => {
    smtp.set({ at: { mail: { do: "reply", line: "550 5.7.1 not you" } } });
    const { code, stdout } = await probe(configure());
    expect(code).toBe(1);
    expect(stdout).toContain("the relay provider has taken none of the mails: mail: 550 5.7.1 not you");
  });

  test("a box that lets nobody in: no mail is sent", async () => {
    pop3.faults.refuseLogin = "-ERR [AUTH] wrong";
    const { code, stdout } = await probe(configure());
    expect(code).toBe(1);
    expect(stdout).toContain("the box of box");
    expect(smtp.messages).toEqual([]);
  });

  test.each<[string, Written, Partial<ProbeArguments>, number, string]>([
    ["no such account", {}, { account: "nobody" }, 3, "there are: box"],
    ["no such relay", {}, { relay: "other" }, 3, "there are: provider"],
    [
      "no relay",
      { relay: '[[relay]]\nname = "off"\nhost = "127.0.0.1"\nport = 1\ntls = "off"' },
      {},
      1,
      "ECONNREFUSED",
    ],
    ["two addresses", {}, { to: ["a@firma.example", "b@firma.example"] }, 2, "three different"],
    ["one twice", {}, { to: ["a@firma.example", "A@firma.example", "b@firma.example"] }, 2, "three different"],
    ["a foreign one", {}, { to: ["a@else.example", "b@firma.example", "c@firma.example"] }, 2, "not of the domains"],
    ["a wait that is no time", {}, { wait: "soon" }, 2, "is not a time"],
  ])("%s", async (_, written, args, code, words) => {
    const ended = await probe(configure(written), args);
    expect(ended.code).toBe(code);
    expect(ended.stdout + ended.stderr).toContain(words);
    expect(smtp.messages).toEqual([]);
  });
});

describe("beside a running daemon", () => {
  let daemon: Interface;
  let isPaused: boolean;
  let log: string[];
  let polls: number;

  beforeEach(async () => {
    isPaused = false;
    log = [];
    polls = 0;
    daemon = await openInterface({
      status: async () => {
        const [account] = goodStatus.accounts;
        if (account === undefined) throw new TypeError("no account");
        return { ...goodStatus, accounts: [{ ...account, paused: isPaused, polling: polls-- > 0 }] };
      },
      pauseAccount: async (name, paused) => {
        log.push(`${paused ? "pause" : "resume"} ${name}`);
        isPaused = paused;
        return name === "box";
      },
    });
  });
  afterEach(async () => daemon[Symbol.asyncDispose]());

  test("it is asked to wait, and goes on afterwards", async () => {
    const seen: boolean[] = [];
    storing = (mail) => {
      seen.push(isPaused);
      return providers.exim(mail);
    };
    expect((await probe(configure({ socket: daemon.socket }))).code).toBe(0);
    expect(seen).toEqual([true, true, true, true]);
    expect(log).toEqual(["pause box", "resume box"]);
  });

  test("a poll that is under way is waited for", async () => {
    // Once for the first look, twice after the pause.
    polls = 3;
    expect((await probe(configure({ socket: daemon.socket }))).code).toBe(0);
    expect(clock.pauses.slice(0, 2)).toEqual([1000, 1000]);
  });

  test("one that was paused before stays so", async () => {
    isPaused = true;
    expect((await probe(configure({ socket: daemon.socket }))).code).toBe(0);
    expect(log).toEqual([]);
  });

  test("it goes on after a failure", async () => {
    pop3.faults.refuseLogin = "-ERR [AUTH] wrong";
    expect((await probe(configure({ socket: daemon.socket }))).code).toBe(1);
    expect(log).toEqual(["pause box", "resume box"]);
  });

  test("and when the command is given up in the middle", async () => {
    const given = new AbortController();
    clock = new BoxClock(() => given.abort(new Error("Ctrl-C")));
    const { code, stderr } = await probe(configure({ socket: daemon.socket }), {}, given.signal);
    expect(code).toBe(1);
    expect(stderr).toContain("Marked mails may still come");
    expect(log).toEqual(["pause box", "resume box"]);
  });

  test("one that does not go on is told of", async () => {
    storing = (mail) => {
      if (mail.recipients.length === 3) void daemon.close();
      return providers.exim(mail);
    };
    const { stderr } = await probe(configure({ socket: daemon.socket }));
    expect(stderr).toContain("Run: popgate resume box");
  });
});
