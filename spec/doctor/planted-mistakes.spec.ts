/** A dozen mistakes that administrators make, each planted into a configuration that is good: the doctor names each. */
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { certificates, makeCertificate } from "../fakes/certificates.ts";
import { byExim, mails, makeDoctorWorld, stored } from "./doctor-world.ts";

test("what is right gets no error and no warning, changes nothing at the servers, and sends nothing", async () => {
  await using world = await makeDoctorWorld({ messages: mails(12) });
  const { status, bad, findings, summary } = await world.ask({ listener: world.listen });
  expect(bad).toEqual([]);
  expect(status).toBe(0);
  expect(summary).toMatch(/^0 errors, 0 warnings, \d+ checks good$/u);
  const said = findings.map(({ about, what }) => `${about}: ${what}`).join("\n");
  expect(said).toContain("account sammel: logged in as sammel");
  expect(said).toContain("account sammel: the box holds 12 message(s)");
  expect(said).toContain('account sammel: as configured (profile "exim"), all 12 message(s) would be delivered');
  expect(said).toContain("Envelope-to is in 12 of 12 message(s), names 4 local addresses, and stands above all");
  expect(said).toContain("exchange: it takes mail for firma.example");
  expect(said).toContain("relay provider: logged in as info@firma.example");
  expect(said).toContain("relay provider: it takes mail from postmaster@firma.example");
  expect(said).not.toContain("geheim");
  expect(world.pop3.box("sammel").list()).toHaveLength(12);
  expect(world.pop3.commands.filter((line) => /^(?:RETR|DELE)/iu.test(line))).toEqual([]);
  expect([...world.exchange.transcript, ...world.relay.transcript].filter((line) => / C: DATA/u.test(line))).toEqual(
    [],
  );
  expect(world.exchange.messages).toEqual([]);
});

describe("the account", () => {
  test("a wrong password", async () => {
    await using world = await makeDoctorWorld({ messages: mails(3) });
    await writeFile(path.join(world.dir, "password"), "falsch\n");
    const { status, words } = await world.ask({}, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toMatch(/the login as sammel is refused: .*\[AUTH\]/u);
    expect(words).toContain(`the password is kept in the file ${path.join(world.dir, "password")}`);
    expect(words).not.toContain("falsch");
  });

  test("a certificate for another name: the names in it, and the fingerprint, as lines", async () => {
    const { wrongName } = certificates();
    await using world = await makeDoctorWorld({ pop3: { tls: { ...wrongName, implicit: true } } });
    const { status, words } = await world.ask(server(world.pop3.port, "implicit", ca), ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("the certificate is for another name: it is for other.test.example");
    expect(words).toContain('host = "other.test.example"');
    expect(words).toMatch(/^fingerprint = "sha256:[0-9a-f]{64}"$/mu);
  });

  test.each(["implicit", "starttls"] as const)("an expired certificate, by %s", async (mode) => {
    const { expired } = certificates();
    await using world = await makeDoctorWorld({ pop3: { tls: { ...expired, implicit: mode === "implicit" } } });
    const { status, words } = await world.ask(server(world.pop3.port, mode, ca), ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("the certificate expired on 2024-02-03");
    expect(world.pop3.commands.filter((line) => /^(?:USER|PASS)/iu.test(line))).toEqual([]);
  });

  test("a certificate that ends soon is a warning; pinned, it is good", async () => {
    const issuer = certificates().ca;
    const soon = makeCertificate({
      name: "x",
      hosts: ["127.0.0.1"],
      issuer,
      to: new Date(Date.now() + 5.5 * 86_400_000),
    });
    await using world = await makeDoctorWorld({ messages: mails(3), pop3: { tls: { ...soon, implicit: true } } });
    const first = await world.ask(server(world.pop3.port, "implicit", ca), ["sammel"]);
    expect(first.words).toContain("it ends in 5 day(s)");
    expect(first.status).toBe(0);
    const pin = /sha256:[0-9a-f]{64}/u.exec(first.words)?.[0] ?? "";
    const pinned = await world.ask(server(world.pop3.port, "implicit", `fingerprint = "${pin}"`), ["sammel"]);
    expect(pinned.words).toBe("");
  });

  test("a port that speaks TLS, taken for plain: says so, and which line", async () => {
    await using world = await makeDoctorWorld({ pop3: { tls: { ...certificates().server, implicit: true } } });
    const { status, words } = await world.ask(server(world.pop3.port, "starttls"), ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("speaks TLS from the start, while plain text is expected");
    expect(words).toContain('tls = "implicit"');
  });

  test("a plain port with STLS, taken for TLS: starttls is the line", async () => {
    await using world = await makeDoctorWorld({ pop3: { tls: certificates().server } });
    const { status, words } = await world.ask(server(world.pop3.port, "implicit"), ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("begins in plain text and then offers STLS");
    expect(words).toContain('tls = "starttls"');
  });

  test("a plain port without STLS: the other port is the line, whether TLS or STLS was demanded", async () => {
    await using world = await makeDoctorWorld({ hasTls: false });
    const implicit = await world.ask(server(world.pop3.port, "implicit"), ["sammel"]);
    expect(implicit.words).toContain("speaks plain text only");
    expect(implicit.words).toContain("port = 995");
    const starttls = await world.ask(server(world.pop3.port, "starttls"), ["sammel"]);
    expect(starttls.words).toContain("the server does not do STLS, which the configuration demands");
  });

  test("a port of another protocol, and one where nobody listens", async () => {
    await using world = await makeDoctorWorld();
    const smtp = await world.ask(server(world.exchange.port, "off"), ["sammel"]);
    expect(smtp.words).toContain("is an SMTP server, not POP3: the port is wrong");
    await world.pop3.close();
    const gone = await world.ask(server(world.pop3.port, "off"), ["sammel"]);
    expect(gone.words).toContain("connection refused");
  });

  test("a host name that does not exist", async () => {
    await using world = await makeDoctorWorld();
    const { words } = await world.ask({ server: 'host = "pop.invalid"\ntls = "off"' }, ["sammel"]);
    expect(words).toMatch(/pop\.invalid: there is no host of this name/u);
  });

  test("a box that somebody has open, and a provider that wants more time between logins", async () => {
    await using world = await makeDoctorWorld({ messages: mails(3), pop3: { loginDelaySeconds: 900 } });
    const delay = await world.ask({}, ["sammel"]);
    expect(delay.words).toContain("the provider wants 15 minutes between logins; the box is polled every 5 minutes");
    expect(delay.words).toContain('min_interval = "900s"');
    await using busy = await makeDoctorWorld({ messages: mails(3) });
    busy.pop3.box("sammel").locked = true;
    const { words, status } = await busy.ask({}, ["sammel"]);
    expect(words).toContain("the box is in use");
    expect(status).toBe(0);
  });
});

describe("the envelope", () => {
  const cpanel = (address: string): Buffer =>
    stored({
      top: ["Delivered-To: box@provider.example"],
      received: [
        "from server.provider.example by server.provider.example with LMTP id x",
        "from out.else.example by mx.provider.example with esmtps (Exim 4.98)",
      ],
      to: address,
    });
  const belowLmtp = (address: string): Buffer => {
    const text = cpanel(address).toString();
    const second = text.indexOf("Received: from out");
    return Buffer.from(`${text.slice(0, second)}Envelope-to: ${address}\r\n${text.slice(second)}`);
  };

  test("a wrong profile: the field stands outside its zone; the right one is proposed", async () => {
    await using world = await makeDoctorWorld({ messages: mails(12, belowLmtp) });
    const { status, words } = await world.ask({ envelope: 'profile = "exim"' }, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("0 would be delivered, 12 held");
    expect(words).toContain("envelope-untrusted");
    expect(words).toContain('profile "cpanel" would deliver 12 of 12');
    expect(words).toContain('profile = "cpanel"');
  });

  test("a field that does not exist", async () => {
    await using world = await makeDoctorWorld({ messages: mails(10) });
    const { status, words } = await world.ask({ envelope: 'envelope = ["X-Nothing-To"]' }, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("as configured (X-Nothing-To), of 10 message(s) 0 would be delivered, 10 held");
    expect(words).toContain("envelope-missing");
    expect(words).toContain('profile = "exim"');
  });

  test("a field that no profile knows is found, with its place", async () => {
    const make = (address: string): Buffer => stored({ top: [`X-Mail-For: <${address}>`] });
    await using world = await makeDoctorWorld({ messages: mails(10, make) });
    const { words } = await world.ask({ envelope: 'profile = "exim"' }, ["sammel"]);
    expect(words).toContain('envelope = ["X-Mail-For"]\nplace = "top"');
    const asProposed = await world.ask({ envelope: 'envelope = ["X-Mail-For"]\nplace = "top"' }, ["sammel"]);
    expect(asProposed.words).toBe("");
  });

  test("the box's own address, taken for everybody's, is named as giving mail to the wrong people", async () => {
    const make = (address: string): Buffer =>
      stored({ top: [`X-Original-To: ${address}`, "Delivered-To: box@firma.example"], to: address });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const { status, words } = await world.ask({ envelope: 'envelope = ["Delivered-To"]' }, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("12 given to other people than the envelope names");
    expect(words).toMatch(/^profile = "postfix"$/mu);
  });

  test("To and Cc: the blind copies are counted", async () => {
    const open = mails(8, (address) => stored({ top: [`Envelope-to: ${address}`], to: address }));
    const blind = stored({ top: ["Envelope-to: chef@firma.example"], to: "anna@firma.example" });
    await using world = await makeDoctorWorld({ messages: [...open, blind, blind] });
    const { words, status } = await world.ask({ envelope: 'envelope = ["to-cc"]' }, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("of 10 message(s) 8 would be delivered, 2 given to other people");
    expect(words).toContain('profile = "exim"');
  });

  test("To and Cc are never the best way, even where no profile fits", async () => {
    const open = mails(8, (address) => stored({ top: [`X-Mail-For: ${address}`], to: address }));
    const blind = stored({ top: ["X-Mail-For: chef@firma.example"], to: "anna@firma.example" });
    await using world = await makeDoctorWorld({ messages: [...open, blind, blind] });
    const { words, status } = await world.ask({ envelope: 'envelope = ["to-cc"]' }, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain("8 would be delivered, 2 given to other people");
    expect(words).toContain('envelope = ["X-Mail-For"]');
  });

  test("a local domain that is missing in `domains`: how many messages, and the line", async () => {
    await using world = await makeDoctorWorld({ messages: [...mails(6), ...mails(4, byExim, "firma-alt.example")] });
    const { words, bad } = await world.ask({}, ["sammel"]);
    expect(words).toContain("4 of 10 message(s) are for addresses of firma-alt.example, which is not among `domains`");
    expect(words).toContain('domains = ["firma.example", "firma-alt.example"]');
    expect(words).toContain("6 would be delivered, 4 held (4 no-local-recipient");
    expect(bad.every(({ severity }) => severity === "warning")).toBe(true);
    const strict = await world.ask({}, ["sammel"], {}, true);
    expect(strict.status).toBe(5);
  });

  test("all mail is for a domain that is missing", async () => {
    await using world = await makeDoctorWorld({ messages: mails(8, byExim, "firma-alt.example") });
    const { words, status } = await world.ask({}, ["sammel"]);
    expect(status).toBe(5);
    expect(words).toContain('domains = ["firma.example", "firma-alt.example"]');
  });

  test("a prefix of a virtual domain", async () => {
    const make = (address: string): Buffer => stored({ top: [`Delivered-To: firma-${address}`], to: address });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const { words } = await world.ask({ envelope: 'profile = "qmail"' }, ["sammel"]);
    expect(words).toContain('strip_prefix = "firma-"');
    const asProposed = await world.ask({ envelope: 'profile = "qmail"\nstrip_prefix = "firma-"' }, ["sammel"]);
    expect(asProposed.words).toBe("");
  });

  test("trusted hops that reach into what a sender wrote", async () => {
    const make = (address: string): Buffer =>
      stored({ sender: [`Envelope-to: ${address}`, "Received: from a by relay.other.example;"] });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const envelope = 'envelope = ["Envelope-To"]\ntrusted_hops = 1';
    const { words } = await world.ask({ envelope }, ["sammel"]);
    expect(words).toContain("the first 2 Received fields are not all by servers of one owner");
  });

  test("one address for all messages that To and Cc do not bear out: it may be the box", async () => {
    const make = (address: string): Buffer => stored({ top: ["Delivered-To: box@firma.example"], to: address });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const { words } = await world.ask({ envelope: 'envelope = ["Delivered-To"]' }, ["sammel"]);
    expect(words).toContain("all 12 message(s) would go to box, which may be the box itself");
  });

  test("a mailbox that gets several people's mail", async () => {
    await using world = await makeDoctorWorld({ messages: mails(12) });
    const more = `[[mailbox]]\nname = "einzeln"\nenabled = false\nmax_size = "10 MB"\nhost = "127.0.0.1"\nport = ${world.pop3.port}\nca = "ca.pem"\nuser = "sammel"\npassword = { file = "password" }\ndeliver_to = ["chef@firma.example"]\n`;
    const { words } = await world.ask({ more }, ["einzeln"]);
    expect(words).toContain("Envelope-to names 4 local addresses in this box, and all its mail goes to deliver_to");
    const all = await world.ask({ more });
    expect(all.findings.filter(({ about }) => about === "account einzeln")).toEqual([]);
  });

  test("forged fields do not mislead: they are shown as what a sender can have written", async () => {
    const make = (address: string): Buffer =>
      stored({ top: [`Envelope-to: ${address}`], sender: ["X-Original-To: chef@firma.example"], to: address });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const { words, findings } = await world.ask({ envelope: 'profile = "auto"' }, ["sammel"]);
    expect(words).toBe("");
    const said = findings.map(({ what, lines }) => [what, ...(lines ?? [])].join("\n")).join("\n");
    expect(said).toMatch(/X-Original-To is in 12 of 12 .*below 1 Received field, where a sender can have written it/u);
    expect(said).toContain('profile = "exim"');
  });

  test("fields at the end of the header, with the markers that follow", async () => {
    const make = (address: string): Buffer =>
      stored({ bottom: [`X-Box-Rcpt: ${address}`, "X-Filter-Report: clean"], to: address });
    await using world = await makeDoctorWorld({ messages: mails(12, make) });
    const { words } = await world.ask({ envelope: 'profile = "exim"' }, ["sammel"]);
    expect(words).toContain('envelope = ["X-Box-Rcpt"]\nplace = "bottom"\nmarkers = ["x-filter-report"]');
  });

  test("an empty box says how to fill it", async () => {
    await using world = await makeDoctorWorld();
    const { words, status } = await world.ask({}, ["sammel"]);
    expect(words).toContain("there is no message in the box");
    expect(status).toBe(0);
  });
});

describe("Exchange", () => {
  test("TLS where it is not, and is not where it is: the word for SMTP is the right one", async () => {
    const { server: good } = certificates();
    await using world = await makeDoctorWorld({ exchange: { tls: good } });
    const exchange = (tls: string): { exchange: string } => ({
      exchange: `port = ${world.exchange.port}\ntls = "${tls}"\nca = "ca.pem"`,
    });
    const implicit = await world.ask(exchange("implicit"), ["exchange"]);
    expect(implicit.words).toContain("begins in plain text and then offers STARTTLS");
    expect(implicit.words).toContain('tls = "required"');
    const required = await world.ask(exchange("required"), ["exchange"]);
    expect(required.words).toBe("");
    await using other = await makeDoctorWorld({ exchange: { tls: { ...good, implicit: true } } });
    const clear = { exchange: `port = ${other.exchange.port}\ntls = "required"` };
    const { words } = await other.ask(clear, ["exchange"]);
    expect(words).toContain("speaks TLS from the start, while plain text is expected");
    expect(words).toContain('tls = "implicit"');
  });

  test("no certificate: STARTTLS is demanded and not offered; opportunistic goes on in the clear and says so", async () => {
    await using world = await makeDoctorWorld();
    const exchange = (tls: string): string => `port = ${world.exchange.port}\ntls = "${tls}"`;
    const required = await world.ask({ exchange: exchange("required") }, ["exchange"]);
    expect(required.words).toContain("the server does not do STARTTLS, which the configuration demands");
    const maybe = await world.ask({ exchange: exchange("opportunistic") }, ["exchange"]);
    expect(maybe.words).toBe("");
    expect(maybe.findings.map(({ what }) => what).join()).toContain("STARTTLS is not offered");
  });

  test("a greeting that turns us away, a server of long ago without EHLO, and one that hangs up", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { backPressure: "connect" } } });
    const away = await world.ask({}, ["exchange"]);
    expect(away.words).toContain("turns us away: 421 4.3.2");
    world.exchange.set({ backPressure: "none", heloOnly: true });
    const old = await world.ask({}, ["exchange"]);
    expect(old.findings.map(({ what }) => what)).toContain("it takes mail for firma.example");
    world.exchange.set({ heloOnly: false, at: { rcpt: { do: "drop" } } });
    const gone = await world.ask({}, ["exchange"]);
    expect(gone.status).toBe(5);
    expect(gone.words).toContain("the server ended the connection, or did not answer, at RCPT");
  });

  test("a domain that it refuses: relaying denied", async () => {
    const denied = { do: "reply", line: "550 5.7.1 Unable to relay" } as const;
    await using world = await makeDoctorWorld({
      exchange: { knobs: { atRcpt: { "postmaster@firma-alt.example": denied } } },
    });
    const { status, words, findings } = await world.ask({ domains: '["firma.example", "firma-alt.example"]' }, [
      "exchange",
    ]);
    expect(status).toBe(5);
    expect(words).toContain("it refuses mail for firma-alt.example: 550 5.7.1 Unable to relay");
    expect(words).toContain("New-AcceptedDomain -Name firma-alt.example");
    expect(findings.map(({ what }) => what)).toContain("it takes mail for firma.example");
  });

  test("many domains that it refuses, and it ends connections after five errors: each is asked about", async () => {
    const denied = { do: "reply", line: "550 5.7.1 Unable to relay" } as const;
    await using world = await makeDoctorWorld({ exchange: { knobs: { at: { rcpt: denied } } } });
    const domains = Array.from({ length: 7 }, (_, index) => `"d${index}.example"`);
    const { bad } = await world.ask({ domains: `[${domains.join(", ")}]` }, ["exchange"]);
    expect(bad).toHaveLength(7);
    expect(world.exchange.transcript.filter((line) => line.includes("421"))).toEqual([]);
  });

  test("nobody may send: the connector wants a login", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { authRequired: true } } });
    const { status, words } = await world.ask({}, ["exchange"]);
    expect(status).toBe(5);
    expect(words).toContain("it takes no mail from us: 530 5.7.0");
    expect(words).toContain("-PermissionGroups AnonymousUsers");
  });

  test("back pressure is a warning", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { backPressure: "mail" } } });
    const { status, words } = await world.ask({}, ["exchange"]);
    expect(status).toBe(0);
    expect(words).toContain("back pressure");
  });

  test("unknown people: refused after a tarpit, or taken; a limit on size below what is fetched", async () => {
    await using world = await makeDoctorWorld({
      exchange: {
        knobs: { mailboxes: new Set(["postmaster@firma.example"]), tarpitMs: 1600, size: 5 * 1024 * 1024 },
      },
    });
    const strict = await world.ask({}, ["exchange"]);
    const said = strict.findings.map(({ what, lines }) => [what, ...(lines ?? [])].join("\n")).join("\n");
    expect(said).toContain("it refuses unknown people at once: 550 5.1.10");
    expect(said).toMatch(/it waits [\d.]+ seconds? before each refusal \(tarpit\)/u);
    expect(said).toContain("-TarpitInterval 00:00:00");
    expect(strict.words).toContain("it takes messages of up to 5.2 MB; messages of up to 10 MB are fetched");
    world.exchange.set({ mailboxes: undefined });
    const loose = await world.ask({}, ["exchange"]);
    expect(loose.findings.map(({ what }) => what).join("\n")).toContain("it takes mail for people who do not exist");
  });

  test("refusals without enhanced codes: a person, a domain", async () => {
    const unknown = { do: "reply", line: "550 no such user here" } as const;
    const relay = { do: "reply", line: "550 relay not permitted" } as const;
    await using world = await makeDoctorWorld({
      exchange: { knobs: { atRcpt: { "postmaster@firma.example": unknown, "postmaster@b.example": relay } } },
    });
    const { bad } = await world.ask({ domains: '["firma.example", "b.example"]' }, ["exchange"]);
    expect(bad.map(({ what }) => what)).toEqual(["it refuses mail for b.example: 550 relay not permitted"]);
  });

  test("no postmaster there is no refusal of the domain", async () => {
    await using world = await makeDoctorWorld({ exchange: { knobs: { mailboxes: new Set() } } });
    const { status, findings } = await world.ask({}, ["exchange"]);
    expect(status).toBe(0);
    const said = findings.map(({ what }) => what);
    expect(said).toContain("it takes mail for firma.example");
    expect(said.join("\n")).toContain("postmaster@firma.example has no mailbox there");
  });

  test("a clock that is an hour away", async () => {
    const theirs = new Date(Date.now() - 3_600_000).toUTCString().replace("GMT", "+0000");
    await using world = await makeDoctorWorld({
      exchange: { knobs: { hostname: `ex.firma.example Microsoft ESMTP MAIL Service ready at ${theirs}` } },
    });
    const { words } = await world.ask({}, ["exchange"]);
    expect(words).toContain("its clock and this machine's are 1 hour apart");
  });
});

describe("the outbound half", () => {
  test("a relay with a wrong password", async () => {
    await using world = await makeDoctorWorld();
    await writeFile(path.join(world.dir, "relay-password"), "falsch\n");
    const { status, words } = await world.ask({ listener: world.listen }, ["relay", "provider"]);
    expect(status).toBe(5);
    expect(words).toContain("the login as info@firma.example is refused: 535 5.7.8");
    expect(words).toContain(path.join(world.dir, "relay-password"));
    expect(words).not.toContain("falsch");
  });

  test("a relay that takes one sender only, and no reports", async () => {
    await using world = await makeDoctorWorld({
      relay: {
        knobs: {
          at: {
            mail: ({ argument }) =>
              argument === "info@firma.example" ? undefined : { do: "reply", line: "550 5.7.1 not your address" },
          },
        },
      },
    });
    const { status, words } = await world.ask({ listener: world.listen }, ["relay", "provider"]);
    expect(status).toBe(5);
    expect(words).toContain("it does not take mail from postmaster@firma.example: 550 5.7.1 not your address");
    expect(words).toContain('envelope_from = "info@firma.example"');
    expect(words).toContain("it does not take reports (the null sender)");
  });

  test("the listener's port is taken by another program", async () => {
    await using world = await makeDoctorWorld();
    await using other = await taken("220 mail.firma.example ESMTP Postfix\r\n");
    const { status, words } = await world.ask({ listener: `listen = ["127.0.0.1:${other.port}"]` }, ["listener"]);
    expect(status).toBe(5);
    expect(words).toContain(
      `127.0.0.1:${other.port} is taken by another program, which greets: 220 mail.firma.example`,
    );
    expect(words).toContain(`ss -ltnp 'sport = :${other.port}'`);
  });

  test("the listener's certificate is for another name, and has few days left", async () => {
    await using world = await makeDoctorWorld();
    const soon = makeCertificate({
      name: "x",
      hosts: ["old.firma.example"],
      to: new Date(Date.now() + 3.5 * 86_400_000),
    });
    await writeFile(path.join(world.dir, "cert.pem"), soon.cert);
    await writeFile(path.join(world.dir, "key.pem"), soon.key, { mode: 0o600 });
    const written = { listener: `${world.listen}\ntls = { cert = "cert.pem", key = "key.pem" }` };
    const { words } = await world.ask({ ...written, hostname: "popgate.firma.example" }, ["listener"]);
    expect(words).toContain("is not for popgate.firma.example");
    expect(words).toContain("ends in 3 day(s)");
  });
});

describe("the host", () => {
  test("a password file that others can read", async () => {
    await using world = await makeDoctorWorld();
    await chmod(path.join(world.dir, "password"), 0o644);
    const { status, words } = await world.ask();
    expect(status).toBe(2);
    expect(words).toContain("can be reached by group or others (mode 0644)");
    expect(words).toContain(`Run: chmod 600 ${path.join(world.dir, "password")}`);
  });

  test("a spool on a full disk, and on one that is smaller than it may grow", async () => {
    await using world = await makeDoctorWorld();
    const full = await world.ask({}, ["host"], { freeOctets: async () => 400_000 });
    expect(full.status).toBe(5);
    expect(full.words).toContain("the disk is full: 400 kB free on the disk");
    const small = await world.ask({}, ["host"], { freeOctets: async () => 50_000_000 });
    expect(small.status).toBe(0);
    expect(small.words).toContain("50 MB free on the disk");
    const ample = await world.ask({}, ["host"], { freeOctets: async () => 5e9 });
    expect(ample.words).toBe("");
  });

  test("a configuration that others can write to", async () => {
    await using world = await makeDoctorWorld();
    await world.ask({}, ["host"]);
    // The file is written again without a change of its mode.
    await chmod(path.join(world.dir, "popgate.toml"), 0o666);
    const { words, status } = await world.ask({}, ["host"]);
    expect(status).toBe(5);
    expect(words).toContain("others than its owner can write");
  });
});

function server(port: number, tls: string, more = ""): { readonly server: string } {
  return { server: `host = "127.0.0.1"\nport = ${port}\ntls = "${tls}"\n${more}` };
}

const ca = 'ca = "ca.pem"';

/** A program that listens on a port of its own, and greets. */
async function taken(greeting: string): Promise<AsyncDisposable & { readonly port: number }> {
  const other = createServer((socket) => socket.on("error", () => undefined).end(greeting));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = other.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => other.close(resolve))),
  };
}
