/**
 * The main job against real programs: Exim or Postfix fills a catch-all box as the provider's mail exchanger, Dovecot
 * serves it by POP3, popgate drains it, and Postfix or Exim takes the mail in Exchange's place.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCertificates, type Certificates } from "./support/certificates.ts";
import { startDovecot, type Dovecot } from "./support/dovecot.ts";
import { startExim } from "./support/exim.ts";
import { headerBelow, sendAll, testId, type TestMail } from "./support/mail.ts";
import { countMaildir, maildirOwner, makeMaildir, readMaildir, type Owner } from "./support/maildir.ts";
import { configText, popgate } from "../fakes/popgate-process.ts";
import { startPostfix } from "./support/postfix.ts";
import { eventually, makeWorkplace, type Workplace } from "./support/program.ts";

const users = ["anna", "bernd", "chef", "postmaster"];
const at = (name: string): string => `${name}@firma.example`;

/** Each message with the people who must get it, by what SMTP said when it came in. */
const cases: readonly (TestMail & { readonly for: readonly string[] })[] = [
  {
    id: "to-and-blind",
    from: "kunde@else.example",
    rcpt: [at("anna"), at("chef"), "foreign@else.example"],
    header: ["From: kunde@else.example", "To: anna@firma.example, foreign@else.example", "Subject: offer"],
    for: ["anna", "chef"],
  },
  {
    id: "only-blind",
    from: "kunde@else.example",
    rcpt: [at("chef")],
    header: ["From: kunde@else.example", "To: undisclosed-recipients:;", "Subject: quiet"],
    for: ["chef"],
  },
  {
    id: "three-people",
    from: "kunde@else.example",
    rcpt: [at("anna"), at("bernd"), at("chef")],
    header: ["From: kunde@else.example", "To: anna@firma.example", "Cc: bernd@firma.example, chef@firma.example"],
    for: ["anna", "bernd", "chef"],
  },
  {
    id: "mailing-list",
    from: "list-bounces@lists.example",
    rcpt: [at("bernd")],
    header: [
      "Delivered-To: list@lists.example",
      "X-Original-To: list@lists.example",
      "From: somebody@else.example",
      "To: list@lists.example",
      "List-Id: <list.lists.example>",
    ],
    for: ["bernd"],
  },
  {
    id: "forged",
    from: "evil@else.example",
    rcpt: [at("anna")],
    header: [
      "Envelope-To: chef@firma.example",
      "X-Original-To: chef@firma.example",
      "Delivered-To: chef@firma.example",
      "From: evil@else.example",
      "To: anna@firma.example",
    ],
    for: ["anna"],
  },
  {
    id: "bounce",
    from: "",
    rcpt: [at("bernd")],
    header: [
      "From: MAILER-DAEMON@else.example",
      "To: bernd@firma.example",
      'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
      "Auto-Submitted: auto-replied",
    ],
    body: "--x\r\n\r\nfailed\r\n--x--",
    for: ["bernd"],
  },
  {
    id: "dots-and-eight-bit",
    from: "kunde@else.example",
    rcpt: [at("anna")],
    header: ["From: kunde@else.example", "To: anna@firma.example", "Content-Type: text/plain; charset=utf-8"],
    body: ".\r\n..\r\n.leading\r\nend",
    for: ["anna"],
  },
];

let place: Workplace;
let owner: Owner;
let certificates: Certificates;
beforeAll(async () => {
  place = await makeWorkplace("inbound");
  owner = maildirOwner();
  certificates = makeCertificates(place.dir);
});
afterAll(async () => place[Symbol.asyncDispose]());

interface Provider extends AsyncDisposable {
  readonly port: number;
}
const providers: Readonly<
  Record<string, { copies: number; profile: string; start: (dir: string, maildir: string) => Promise<Provider> }>
> = {
  exim: {
    copies: 10,
    profile: 'profile = "exim"',
    start: async (dir, maildir) =>
      startExim({
        dir,
        owner,
        hostname: "mx.provider.example",
        domain: "firma.example",
        box: { kind: "catch-all", maildir, oneCopyForAll: false },
      }),
  },
  "exim-one-copy": {
    copies: 7,
    profile: 'profile = "exim"',
    start: async (dir, maildir) =>
      startExim({
        dir,
        owner,
        hostname: "mx.provider.example",
        domain: "firma.example",
        box: { kind: "catch-all", maildir, oneCopyForAll: true },
      }),
  },
  postfix: {
    copies: 10,
    profile: 'profile = "postfix"',
    start: async (dir, maildir) =>
      startPostfix({
        dir,
        owner,
        hostname: "mx.provider.example",
        domain: "firma.example",
        box: { kind: "catch-all", maildir },
      }),
  },
  "postfix-alias": {
    copies: 10,
    profile: 'profile = "postfix"',
    start: async (dir, maildir) =>
      startPostfix({
        dir,
        owner,
        hostname: "mx.provider.example",
        domain: "firma.example",
        box: { kind: "alias", maildir },
      }),
  },
};

const targets: Readonly<Record<string, (dir: string, maildir: string) => Promise<Provider>>> = {
  postfix: async (dir, maildir) =>
    startPostfix({
      dir,
      owner,
      hostname: "exchange.firma.example",
      domain: "firma.example",
      box: { kind: "users", maildir, names: users },
    }),
  exim: async (dir, maildir) =>
    startExim({
      dir,
      owner,
      hostname: "exchange.firma.example",
      domain: "firma.example",
      box: { kind: "users", maildir, names: users },
    }),
};

const securities: Readonly<Record<string, (dovecot: Dovecot) => string>> = {
  off: ({ port }) => `port = ${port}\ntls = "off"`,
  starttls: ({ port }) => `port = ${port}\ntls = "starttls"\nca = "${certificates.caFile}"`,
  implicit: ({ tlsPort }) => `port = ${tlsPort}\ntls = "implicit"\nfingerprint = "${certificates.fingerprint}"`,
};

describe.each([
  { provider: "exim", target: "postfix", tls: "starttls" },
  { provider: "exim-one-copy", target: "exim", tls: "implicit" },
  { provider: "postfix", target: "exim", tls: "off" },
  { provider: "postfix-alias", target: "postfix", tls: "starttls" },
])("a catch-all filled by $provider, delivered to $target, fetched with tls $tls", ({ provider, target, tls }) => {
  test("each message to exactly its recipients, blind ones in no header, nothing twice, nothing left", async () => {
    await using own = await makeWorkplace(`inbound-${provider}`);
    const { dir } = own;
    const box = path.join(dir, "provider", "box");
    const delivered = path.join(dir, "delivered");
    await makeMaildir(path.join(dir, "provider"), owner);
    await makeMaildir(box, owner);
    await makeMaildir(delivered, owner);
    for (const user of users) await makeMaildir(path.join(delivered, user), owner);

    await using dovecot = await startDovecot({
      dir,
      owner,
      cert: certificates.cert,
      key: certificates.key,
      users: { sammel: { password: "geheim", maildir: box } },
    });
    const kind = providers[provider];
    const startTarget = targets[target];
    if (kind === undefined || startTarget === undefined) throw new Error("no such peer");
    await using mx = await kind.start(dir, box);
    await using exchange = await startTarget(dir, delivered);

    await sendAll(mx.port, cases);
    await eventually(`${kind.copies} copies in the box`, async () => (await countMaildir(box)) >= kind.copies);

    const config = path.join(dir, "popgate.toml");
    const password = path.join(dir, "password");
    await writeFile(password, "geheim\n", { mode: 0o600 });
    await writeFile(
      config,
      configText({
        dir,
        exchangePort: exchange.port,
        accounts: `[[collector]]\nname = "sammel"\nhost = "localhost"\n${securities[tls]?.(dovecot) ?? ""}\nuser = "sammel"\npassword = { file = "password" }\nevery = "5m"\nkeep = "never"\n${kind.profile}\n`,
      }),
    );
    const first = await popgate(["run", "--once", "--config", config]);
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(first.stdout + first.stderr).not.toContain("geheim");

    const total = cases.reduce((sum, mail) => sum + mail.for.length, 0);
    await eventually("all delivered", async () => {
      let count = 0;
      for (const user of users) count += await countMaildir(path.join(delivered, user));
      return count >= total;
    });
    for (const user of users) {
      const messages = await readMaildir(path.join(delivered, user));
      const expected = cases.filter((mail) => mail.for.includes(user)).map(({ id }) => id);
      expect(messages.map(testId).toSorted(), `what ${user} has`).toEqual(expected.toSorted());
      for (const raw of messages) checkHeader(raw, user);
    }
    expect(await countMaildir(box), "left at the provider").toBe(0);

    const second = await popgate(["run", "--once", "--config", config]);
    expect(second.code, second.stdout + second.stderr).toBe(0);
    for (const user of users) {
      expect(await countMaildir(path.join(delivered, user))).toBe(
        cases.filter((mail) => mail.for.includes(user)).length,
      );
    }
  });
});

/** No envelope field is left, and nobody is named who was not visible to begin with. */
function checkHeader(raw: Buffer, user: string): void {
  const mail = cases.find(({ id }) => id === testId(raw));
  if (mail === undefined) throw new Error("a message that nobody sent");
  const header = headerBelow(raw, "exchange.firma.example");
  expect(header).not.toMatch(/^(?:x-)?(?:envelope-to|original-to|delivered-to|return-path|bcc):/imu);
  const visible = mail.header.filter((line) => /^(?:to|cc):/iu.test(line)).join(" ");
  for (const other of users) {
    if (!visible.includes(at(other))) expect(header, `${user}'s copy of ${mail.id}`).not.toContain(at(other));
  }
  if (mail.body !== undefined) {
    const body = raw.toString("latin1").replaceAll("\r\n", "\n").split("\n\n").slice(1).join("\n\n");
    expect(body.trimEnd()).toBe(mail.body.replaceAll("\r\n", "\n"));
  }
}
