/** Mistakes of an account, each planted into a configuration that is good: the doctor names each, and what is right is good. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { certificates, makeCertificate } from "../fakes/certificates.ts";
import { mails, makeDoctorWorld } from "./doctor-world.ts";

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

function server(port: number, tls: string, more = ""): { readonly server: string } {
  return { server: `host = "127.0.0.1"\nport = ${port}\ntls = "${tls}"\n${more}` };
}

const ca = 'ca = "ca.pem"';
