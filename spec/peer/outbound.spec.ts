/**
 * Outbound mail between real programs: Postfix, Exim or swaks in Exchange's place hands it to popgate, with or without a
 * login, and popgate relays it to Postfix by STARTTLS and to Exim by implicit TLS, as two accounts at two providers.
 * Each message goes both ways: what Anna writes by Postfix, which reports success itself, what Bernd writes by Exim, which
 * is set to offer no DSN, so that popgate owes the report (RFC 3461 §5.2.2).
 */
import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { startDaemon } from "../fakes/popgate-process.ts";
import { startEximCompany } from "./support/company-exim.ts";
import { startPostfixCompany } from "./support/company-postfix.ts";
import { startSwaksCompany } from "./support/company-swaks.ts";
import { testId, type TestMail } from "./support/mail.ts";
import { writeOutboundConfig } from "./support/outbound-config.ts";
import { headerOf, isSame, openOutboundPlace, type OutboundPlace } from "./support/outbound-place.ts";
import { eventually } from "./support/program.ts";
import { readReport } from "./support/report.ts";

const companies = { postfix: startPostfixCompany, exim: startEximCompany, swaks: startSwaksCompany };
const kunde = "kunde@else.example";
const lieferant = "lieferant@else.example";
const amt = "amt@else.example";
const writers = { anna: "postfix", bernd: "exim" } as const;
type Writer = keyof typeof writers;

function mailsOf(writer: Writer): readonly TestMail[] {
  const from = `${writer}@firma.example`;
  const mail = (what: string, rcpt: readonly string[], more: readonly string[], body?: string): TestMail => {
    const id = `${writer}-${what}`;
    const header = [`From: ${from}`, "Date: Tue, 24 Nov 2026 09:00:00 +0100", `Message-ID: <${id}@firma.example>`];
    return { id, from, rcpt, header: [...header, ...more], ...(body === undefined ? {} : { body }) };
  };
  return [
    mail("text", [kunde], [`To: ${kunde}`, "Subject: dots"], ".\r\n..\r\n.leading\r\n\r\nFrom the start\r\nend"),
    mail(
      "attachment",
      [kunde],
      [`To: ${kunde}`, "MIME-Version: 1.0", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64"],
      `${"JVBERi0xLjQK".repeat(6)}\r\n`.repeat(20_000),
    ),
    mail(
      "eight-bit",
      [kunde],
      [
        `To: ${kunde}`,
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
      ],
      "Grüße aus München, 100 €",
    ),
    // What a scanner writes, and a mail server would have removed.
    mail("blind", [kunde, lieferant], [`To: ${kunde}`, `Bcc: ${lieferant}`]),
    mail("one-refused", [kunde, "nobody@else.example", lieferant], [`To: ${kunde}, nobody@else.example, ${lieferant}`]),
    { ...mail("report", [kunde], [`To: ${kunde}`, "Auto-Submitted: auto-replied"], "It did not arrive."), from: "" },
    {
      ...mail("wishes", [amt], [`To: ${amt}`]),
      dsn: { envid: `${writer}+e 1`, ret: "HDRS", notify: ["success", "failure"] },
    },
  ];
}

const mails = { anna: mailsOf("anna"), bernd: mailsOf("bernd") };
/** RFC 6531, by a client that knows it. */
const international: TestMail = {
  id: "anna-international",
  from: "anna@firma.example",
  rcpt: ["müller@else.example"],
  header: [
    "From: anna@firma.example",
    "To: Jörg Müller <müller@else.example>",
    "Date: Tue, 24 Nov 2026 09:00:00 +0100",
  ],
};
const everything = [...mails.anna, ...mails.bernd, international];

async function startBoth(place: OutboundPlace): Promise<string> {
  const [postfix, exim] = await Promise.all([place.provider("postfix"), place.provider("exim", { dsn: false })]);
  const account = { user: "m123", password: "password" };
  return writeOutboundConfig({
    dir: place.dir,
    certificates: place.certificates,
    exchangePort: place.company.port,
    listen: place.listen,
    who: place.who,
    relays: [
      { name: "eins", port: postfix.port, tls: "required", ...account, extra: 'senders = ["anna@firma.example"]' },
      { name: "zwei", port: exim.tlsPort, tls: "implicit", ...account, extra: 'senders = ["bernd@firma.example"]' },
    ],
  });
}

describe.each([
  { company: "postfix", login: true },
  { company: "exim", login: false },
  { company: "swaks", login: true },
] as const)("$company in Exchange's place, login $login", ({ company, login }) => {
  test("text, attachment, 8 bit, blind copy, refused recipient, report and wishes, by Postfix and by Exim", async () => {
    await using place = await openOutboundPlace(company, companies[company], login);
    await using daemon = startDaemon(await startBoth(place));
    await daemon.until("listening");
    const isWhole = company !== "swaks";
    await place.company.submit(company === "postfix" ? everything : [...mails.anna, ...mails.bernd]);

    const copies = { kunde: 12, lieferant: 4, amt: 2, müller: company === "postfix" ? 1 : 0 };
    for (const [name, count] of Object.entries(copies))
      await eventually(`${count} for ${name}`, async () => (await place.outside(name)).length >= count);
    for (const [name, count] of [
      ["anna", 1],
      ["bernd", isWhole ? 2 : 1],
    ] as const)
      await eventually(`${count} reports for ${name}`, async () => (await place.inside(name)).length >= count);
    for (const [name, count] of Object.entries(copies)) {
      const raws = await place.outside(name);
      expect(raws.length, `copies for ${name}`).toBe(count);
      for (const raw of raws) checkCopy(raw, name);
    }
    for (const writer of ["anna", "bernd"] as const) await checkBounce(await place.inside(writer), writer);
    if (isWhole) await checkSuccess(place);
    if (isWhole) await checkRelayed(await place.inside("bernd"));
    if (company === "exim")
      expect(await readFile(place.company.log, "utf8"), "handed over in chunks").toMatch(/ K C="250/u);
    expect(daemon.events().filter(({ event }) => event === "internal-error")).toEqual([]);
    expect(JSON.stringify(daemon.events())).not.toContain("geheim");
    expect(await daemon.stop()).toBe(0);
  });
});

/** What was sent, by the way of its writer, and nobody named who was not to be seen. */
function checkCopy(raw: Buffer, name: string): void {
  const id = testId(raw);
  const mail = everything.find((each) => each.id === id);
  if (mail === undefined) throw new Error(`nobody has sent this:\n${raw.toString("latin1").slice(0, 2000)}`);
  expect(mail.rcpt, `recipients of ${id}`).toContain(`${name}@else.example`);
  expect(isSame(raw, mail), `${id} as sent:\n${raw.toString("utf8").slice(0, 2000)}`).toBe(true);
  const header = headerOf(raw);
  expect(header).toContain(`by ${writers[id.startsWith("anna") ? "anna" : "bernd"]}.provider.example`);
  expect(header).toMatch(/by popgate\.firma\.example/u);
  expect(header).toMatch(mail.from === "" ? /^Return-path: <>/imu : new RegExp(`^Return-path: <${mail.from}>`, "imu"));
  expect(header).not.toMatch(/^Bcc:/imu);
  const own = header.slice(header.search(/^Received:.*exchange\.firma\.example/mu)).split("X-Test-Id")[0] ?? "";
  if (id.endsWith("blind")) expect(own).not.toContain(name === "kunde" ? lieferant : kunde);
}

/** One report, of the one recipient that was refused. */
async function checkBounce(raws: readonly Buffer[], writer: Writer): Promise<void> {
  const failures = raws.filter((each) => each.includes("Action: failed"));
  expect(failures.length, `failures reported to ${writer}`).toBe(1);
  const [raw = Buffer.alloc(0)] = failures;
  expect(headerOf(raw)).toMatch(/^Return-path: <>/imu);
  const report = await readReport(raw);
  expect(report.to).toContain(`${writer}@firma.example`);
  expect(report.autoSubmitted).toBe("auto-replied");
  expect(report.message.get("reporting-mta")).toBe("dns; popgate.firma.example");
  expect(report.recipients.map((fields) => fields.get("final-recipient"))).toEqual(["rfc822; nobody@else.example"]);
  const [fields] = report.recipients;
  expect(fields?.get("action")).toBe("failed");
  expect(fields?.get("status")).toMatch(/^5\.1\.1/u);
  expect(fields?.get("diagnostic-code")).toMatch(/^smtp; 550/u);
  expect(report.original.text).toContain(`${writer}-one-refused`);
  expect(report.text).toContain("nobody@else.example");
}

/** Postfix was given the wishes, and reports itself, with the sender's own envelope id. */
async function checkSuccess(place: OutboundPlace): Promise<void> {
  await eventually("success is reported", async () => (await place.outside("sammel")).length >= 1);
  const raws = await place.outside("sammel");
  expect(raws.length).toBe(1);
  const report = await readReport(raws[0] ?? Buffer.alloc(0));
  expect(report.message.get("original-envelope-id")).toBe("anna+e 1");
  expect(report.recipients.map((fields) => fields.get("action"))).toEqual(["delivered"]);
  expect(report.recipients[0]?.get("original-recipient")).toMatch(/^rfc822; ?amt@else\.example$/u);
}

/** Exim was not, and popgate reports that it has handed the message on to a server that will not. */
async function checkRelayed(raws: readonly Buffer[]): Promise<void> {
  const relayed = raws.filter((raw) => raw.includes("Action: relayed"));
  expect(relayed.length).toBe(1);
  expect(raws.length).toBe(2);
  const report = await readReport(relayed[0] ?? Buffer.alloc(0));
  expect(report.message.get("original-envelope-id")).toBe("bernd+e 1");
  expect(report.recipients.map((fields) => fields.get("final-recipient"))).toEqual(["rfc822; amt@else.example"]);
  expect(report.recipients[0]?.get("status")).toMatch(/^2\./u);
  expect(report.original.type).toBe("text/rfc822-headers");
}
