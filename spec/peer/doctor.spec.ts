/**
 * The doctor against real programs: Exim or Postfix fills a catch-all box with mail that is full of other systems'
 * envelope fields, Dovecot serves it, Postfix stands in Exchange's place. The right fields must be proposed, whatever is configured,
 * and nothing may be gone or delivered afterwards.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Finding } from "../../src/doctor/finding.ts";
import { configText, popgate } from "../fakes/popgate-process.ts";
import { makeCertificates, type Certificates } from "./support/certificates.ts";
import { startDovecot } from "./support/dovecot.ts";
import { startExim } from "./support/exim.ts";
import { sendAll, type TestMail } from "./support/mail.ts";
import { countMaildir, maildirOwner, makeMaildir, type Owner } from "./support/maildir.ts";
import { startPostfix } from "./support/postfix.ts";
import { eventually, makeWorkplace, type Workplace } from "./support/program.ts";

const people = ["anna", "bernd", "chef", "postmaster"];
const at = (name: string): string => `${name}@firma.example`;

/** Twelve messages: plain, blind, to several, from a list, and with fields that the sender forged. */
const mails: readonly TestMail[] = Array.from({ length: 12 }, (_, index): TestMail => {
  const name = people[index % 3] ?? "anna";
  const forged = ["Envelope-To: chef@firma.example", "X-Original-To: chef@firma.example"];
  const isBlind = index % 4 === 1;
  return {
    id: `mail-${index}`,
    from: index % 5 === 4 ? "" : "kunde@else.example",
    rcpt: index % 6 === 5 ? [at(name), at("postmaster")] : [at(name)],
    header: [
      ...(index % 3 === 0 ? forged : []),
      ...(index % 4 === 3 ? ["Delivered-To: list@lists.example", "List-Id: <list.lists.example>"] : []),
      "From: kunde@else.example",
      `To: ${isBlind ? "undisclosed-recipients:;" : at(name)}`,
      "Subject: offer",
    ],
  };
});

let place: Workplace;
let owner: Owner;
let certificates: Certificates;
beforeAll(async () => {
  place = await makeWorkplace("doctor");
  owner = maildirOwner();
  certificates = makeCertificates(place.dir);
});
afterAll(async () => place[Symbol.asyncDispose]());

type Start = (dir: string, maildir: string) => Promise<AsyncDisposable & { readonly port: number }>;
const provider = { hostname: "mx.provider.example", domain: "firma.example" };
const providers: Readonly<Record<string, Start>> = {
  exim: async (dir, maildir) =>
    startExim({ ...provider, dir, owner, box: { kind: "catch-all", maildir, oneCopyForAll: true } }),
  postfix: async (dir, maildir) => startPostfix({ ...provider, dir, owner, box: { kind: "catch-all", maildir } }),
  "postfix-alias": async (dir, maildir) => startPostfix({ ...provider, dir, owner, box: { kind: "alias", maildir } }),
};

describe.each([
  { mx: "exim", copies: 12, right: "exim", wrong: 'profile = "postfix"', field: "Envelope-to" },
  { mx: "postfix", copies: 14, right: "postfix", wrong: 'profile = "exim"', field: "X-Original-To" },
  { mx: "postfix-alias", copies: 14, right: "postfix", wrong: 'envelope = ["Delivered-To"]', field: "X-Original-To" },
])("a box that real $mx fills", ({ mx, copies, right, wrong, field }) => {
  test("the right field is found and proposed, and nothing is touched", async () => {
    await using own = await makeWorkplace(`doctor-${mx}`);
    const { dir } = own;
    const box = path.join(dir, "provider", "box");
    const delivered = path.join(dir, "delivered");
    await makeMaildir(path.join(dir, "provider"), owner);
    await makeMaildir(box, owner);
    await makeMaildir(delivered, owner);
    for (const name of people) await makeMaildir(path.join(delivered, name), owner);
    const { cert, key } = certificates;
    const users = { sammel: { password: "geheim", maildir: box } };
    await using dovecot = await startDovecot({ dir, owner, cert, key, users });
    const start = providers[mx];
    if (start === undefined) throw new Error("no such provider");
    await using server = await start(dir, box);
    await using exchange = await startPostfix({
      dir,
      owner,
      hostname: "exchange.firma.example",
      domain: "firma.example",
      box: { kind: "users", maildir: delivered, names: people },
    });
    await sendAll(server.port, mails);
    await eventually(`${copies} copies in the box`, async () => (await countMaildir(box)) >= copies);
    await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });

    const ask = async (envelope: string): Promise<{ code: number | null; findings: readonly Finding[] }> => {
      const config = path.join(dir, "popgate.toml");
      const accounts = `[[collector]]\nname = "sammel"\nhost = "localhost"\nport = ${dovecot.port}\ntls = "starttls"\nca = "${certificates.caFile}"\nuser = "sammel"\npassword = { file = "password" }\n${envelope}\n`;
      await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }), { mode: 0o600 });
      const run = await popgate(["doctor", "--json", "--config", config]);
      expect(run.stdout + run.stderr).not.toContain("geheim");
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the command prints
      return { code: run.code, findings: (JSON.parse(run.stdout) as { findings: Finding[] }).findings };
    };

    const good = await ask(`profile = "${right}"`);
    const words = good.findings.map(({ about, what }) => `${about}: ${what}`).join("\n");
    expect(good.code, words).toBe(0);
    expect(words).toContain(`as configured (profile "${right}"), all ${copies} message(s) would be delivered`);
    expect(words).toMatch(new RegExp(`account sammel: ${field} is in ${copies} of ${copies} message\\(s\\)`, "u"));
    expect(words).toContain("above all Received fields");
    expect(words).toContain("exchange: it takes mail for firma.example");
    expect(words).toContain("exchange: it refuses unknown people at once: 550 5.1.1");
    expect(words).toContain("To and Cc");

    const bad = await ask(wrong);
    expect(bad.code).toBe(5);
    const error = bad.findings.find(({ severity, about }) => severity === "error" && about === "account sammel");
    expect(error?.lines).toEqual([`profile = "${right}"`]);

    const learnt = await ask('profile = "auto"');
    expect(learnt.code).toBe(0);
    expect(learnt.findings.flatMap(({ lines }) => lines ?? [])).toContain(`profile = "${right}"`);

    expect(await countMaildir(box), "left at the provider").toBe(copies);
    for (const name of people) expect(await countMaildir(path.join(delivered, name))).toBe(0);
  });
});
