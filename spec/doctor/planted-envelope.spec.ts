/** Mistakes about the envelope, each planted into a configuration that is good: the doctor names each, with the lines that help. */
import { describe, expect, test } from "vitest";
import { byExim, mails, makeDoctorWorld, stored } from "./doctor-world.ts";

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

  test("a field whose name has a quote in it stands quoted in the lines, which a configuration takes", async () => {
    const make = (address: string): Buffer => stored({ top: [`X-"For": <${address}>`] });
    await using world = await makeDoctorWorld({ messages: mails(10, make) });
    const { words } = await world.ask({ envelope: 'profile = "exim"' }, ["sammel"]);
    const lines = 'envelope = ["X-\\"For\\""]\nplace = "top"';
    expect(words).toContain(lines);
    const asProposed = await world.ask({ envelope: lines }, ["sammel"]);
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
    const half = stored({ top: ["Envelope-to: anna@firma.example, chef@firma.example"], to: "anna@firma.example" });
    await using world = await makeDoctorWorld({ messages: [...open, blind, half] });
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
