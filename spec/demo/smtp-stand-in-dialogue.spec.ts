/** What the SMTP stand-in offers, its grammar, TLS and AUTH, over raw sockets. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { relaxedKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";
import { certificates } from "../fakes/certificates.ts";
import { greeted, start } from "./smtp-harness.ts";

const { server: certificate } = certificates();
const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("what is offered", () => {
  test("all of it, and nothing that was turned off", async () => {
    const { client, offers } = await greeted(
      { ...relaxedKnobs, auth: ["PLAIN"], moreKeywords: ["XRDST"] },
      { tls: certificate },
    );
    expect(offers).toEqual([
      "SIZE 52428800",
      "PIPELINING",
      "DSN",
      "ENHANCEDSTATUSCODES",
      "STARTTLS",
      "AUTH PLAIN",
      "8BITMIME",
      "SMTPUTF8",
      "XRDST",
    ]);
    expect(await client.say("BDAT 3 LAST")).toBe("502 5.5.1");
  });

  test("nothing", async () => {
    const { offers } = await greeted({
      pipelining: false,
      eightBitMime: false,
      smtpUtf8: false,
      dsn: false,
      enhancedStatusCodes: false,
      starttls: false,
      size: undefined,
    });
    expect(offers).toEqual([]);
  });

  test.each([
    ["dsn", "MAIL FROM:<a@x.example> RET=HDRS ENVID=abc", "250 2.1.0"],
    ["eightBitMime", "MAIL FROM:<a@x.example> BODY=8BITMIME", "250 2.1.0"],
    ["smtpUtf8", "MAIL FROM:<ä@x.example> SMTPUTF8", "250 2.1.0"],
    ["size", "MAIL FROM:<a@x.example> SIZE=1", "250 2.1.0"],
  ] as const)("without %s, %j is refused", async (knob, line, good) => {
    const { client } = await greeted({});
    expect(await client.say(line)).toBe(good);
    const off = knob === "size" ? { size: undefined } : { [knob]: false };
    expect(await (await greeted(off)).client.say(line)).toBe("555 5.5.4");
    // HELO offers nothing.
    await client.say("RSET");
    await client.say("HELO me");
    expect(await client.say(line)).toBe("555 5.5.4");
  });

  test("DSN at RCPT, and UTF-8 addresses only in a transaction that asked for them", async () => {
    const { client } = await greeted({});
    await client.say("MAIL FROM:<>");
    expect(await client.say("RCPT TO:<a@x.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@x.example")).toBe("250 2.1.5");
    expect(await client.say("RCPT TO:<a@x.example> NOTIFY=NEVER,DELAY")).toBe("555 5.5.4");
    expect(await client.say("RCPT TO:<ä@x.example>")).toBe("553 5.6.7");
    await client.say("RSET");
    expect(await client.say("MAIL FROM:<ä@x.example>")).toBe("553 5.6.7");
    await client.say("MAIL FROM:<> SMTPUTF8");
    expect(await client.say("RCPT TO:<ä@x.example>")).toBe("250 2.1.5");
  });

  test("replies without enhanced codes", async () => {
    const { client } = await greeted({ enhancedStatusCodes: false });
    expect(await client.say("MAIL FROM:<a@x.example>")).toBe("250");
    expect(await client.say("MAIL FROM:<a@x.example>")).toBe("503");
  });

  test("HELO only", async () => {
    const { open } = await start({ heloOnly: true });
    const client = await open();
    await client.reply();
    expect(await client.say("EHLO me")).toBe("502 5.5.1");
    expect(await client.say("HELO me")).toBe("250");
  });

  test("its name", async () => {
    const { open } = await start({ hostname: "mx1.anbieter.example" });
    expect(await (await open()).reply()).toBe("220 mx1.anbieter.example ESMTP");
  });

  test("commands in a row, only where PIPELINING was offered", async () => {
    const row = "MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\n";
    const { client } = await greeted({});
    client.write(row);
    expect(await client.reply()).toBe("250 2.1.0 sender OK");
    expect(await client.reply()).toBe("250 2.1.5 recipient OK");
    const other = await greeted({ pipelining: false });
    other.client.write(row);
    expect(await other.client.reply()).toMatch(/^554 5\.5\.0/u);
    expect(await other.client.reply()).toBe("closed");
  });
});

describe("syntax", () => {
  test.each([
    ["MAIL FROM: <a@x.example>", "501 5.5.4"],
    ["MAIL FROM:a@x.example", "501 5.5.4"],
    ["MAIL FROM:<a@x.example", "501 5.5.4"],
    ["MAIL FROM:<a b@x.example>", "501 5.5.4"],
    ["MAIL FROM:<a@x.example>SIZE=1", "501 5.5.4"],
    ["MAIL FROM:<a>", "501 5.1.7"],
    ["MAIL FROM:<a@x.example> SIZE=x", "555 5.5.4"],
    ["MAIL FROM:<a@x.example> BODY=BINARYMIME", "555 5.5.4"],
    ["MAIL FROM:<a@x.example> XFOO", "555 5.5.4"],
    ['mail from:<"a>b c"@x.example> size=1', "250 2.1.0"],
    ["EHLO", "501 5.5.4"],
    ["NOOP x\nMAIL FROM:<>", "500 5.5.2"],
    ["NOOP x\rMAIL FROM:<>", "500 5.5.2"],
    ["NOOP \0", "500 5.5.2"],
    ["", "502 5.5.1"],
  ])("%j: %s", async (line, code) => {
    const { client } = await greeted({});
    expect(await client.say(line)).toBe(code);
  });

  test.each([
    ["RCPT TO:<>", "501 5.1.3"],
    ["RCPT TO:<anna>", "501 5.1.3"],
    ["RCPT TO:<Postmaster>", "250 2.1.5"],
    ["RCPT TO:<a@x.example> SIZE=1", "555 5.5.4"],
    ["MAIL FROM:<>", "503 5.5.1"],
    ["DATA", "554 5.5.1"],
    ["DATA now", "501 5.5.4"],
    ["AUTH PLAIN AGEAYg==", "503 5.5.1"],
  ])("in a transaction, %j: %s", async (line, code) => {
    const { client } = await greeted({ auth: ["PLAIN"] });
    await client.say("MAIL FROM:<>");
    expect(await client.say(line)).toBe(code);
  });

  test("an endless line", async () => {
    const { client } = await greeted({});
    client.write("x".repeat(20_000));
    expect(await client.reply()).toMatch(/^500 5\.5\.2/u);
    expect(await client.reply()).toBe("closed");
  });
});

describe("TLS", () => {
  test("what was said in the clear does not count after STARTTLS", async () => {
    const { client, offers } = await greeted({ auth: ["PLAIN"], users: new Map([["u", "p"]]) }, { tls: certificate });
    expect(offers).toContain("STARTTLS");
    await client.say(`AUTH PLAIN ${base64("\0u\0p")}`);
    await client.say("MAIL FROM:<>");
    client.write("STARTTLS\r\nRCPT TO:<anna@firma.example>\r\n");
    expect(await client.reply()).toMatch(/^220/u);
    await client.startTls();
    expect(await client.say("MAIL FROM:<>")).toBe("503 5.5.1");
    client.write("EHLO me\r\n");
    expect((await client.lines()).join()).not.toContain("STARTTLS");
    expect(await client.say("RCPT TO:<anna@firma.example>")).toBe("503 5.5.1");
    expect(await client.say("STARTTLS")).toBe("502 5.5.1");
    expect(await client.say(`AUTH PLAIN ${base64("\0u\0p")}`)).toBe("235 2.7.0");
  });

  test("from the first octet, and resets under it", async () => {
    const { server, open } = await start({}, { tls: { ...certificate, implicit: true } });
    const client = await open();
    expect(await client.reply()).toMatch(/^220/u);
    server.set({ at: { mail: { do: "reset" } } });
    expect(await client.say("EHLO me")).toBe("250");
    expect(await client.say("MAIL FROM:<>")).toBe("reset");
  });

  test("not without a key, and not when turned off", async () => {
    expect((await greeted({})).offers).not.toContain("STARTTLS");
    const { client, offers } = await greeted({ starttls: false }, { tls: certificate });
    expect(offers).not.toContain("STARTTLS");
    expect(await client.say("STARTTLS")).toBe("502 5.5.1");
  });
});

describe("AUTH", () => {
  const users = new Map([["anna", "geheim"]]);

  test.each([
    ["PLAIN", [`AUTH PLAIN ${base64("\0anna\0geheim")}`]],
    ["PLAIN", ["AUTH PLAIN", base64("\0anna\0geheim")]],
    ["LOGIN", ["AUTH LOGIN", base64("anna"), base64("geheim")]],
    ["LOGIN", [`AUTH LOGIN ${base64("anna")}`, base64("geheim")]],
    ["XOAUTH2", [`AUTH XOAUTH2 ${base64("user=anna\u0001auth=Bearer geheim\u0001\u0001")}`]],
  ] as const)("%s lets in who knows the password: %j", async (mechanism, lines) => {
    const { client } = await greeted({ auth: [mechanism], users, authRequired: true });
    expect(await client.say("MAIL FROM:<>")).toBe("530 5.7.0");
    for (const line of lines.slice(0, -1)) expect(await client.say(line)).toBe("334");
    expect(await client.say(lines.at(-1) ?? "")).toBe("235 2.7.0");
    expect(await client.say("AUTH PLAIN")).toBe("503 5.5.1");
    expect(await client.say("MAIL FROM:<>")).toBe("250 2.1.0");
  });

  test.each([
    ["PLAIN", [`AUTH PLAIN ${base64("\0anna\0falsch")}`]],
    ["PLAIN", [`AUTH PLAIN ${base64("\0nobody")}`]],
    ["PLAIN", ["AUTH PLAIN", "*"]],
    ["LOGIN", ["AUTH LOGIN", base64("anna"), base64("falsch")]],
    ["LOGIN", ["AUTH LOGIN", base64("nobody"), ""]],
    ["CRAM-MD5", ["AUTH CRAM-MD5", base64("nobody 00")]],
    ["XOAUTH2", [`AUTH XOAUTH2 ${base64("user=anna\u0001auth=Bearer x\u0001\u0001")}`, ""]],
  ] as const)("%s turns others away: %j", async (mechanism, lines) => {
    const { client } = await greeted({ auth: [mechanism], users, authRequired: true });
    for (const line of lines.slice(0, -1)) expect(await client.say(line)).toBe("334");
    expect(await client.say(lines.at(-1) ?? "")).toBe("535 5.7.8");
    expect(await client.say("MAIL FROM:<>")).toBe("530 5.7.0");
  });

  test("CRAM-MD5 by the challenge", async () => {
    const { client } = await greeted({ auth: ["CRAM-MD5"], users });
    client.write("AUTH CRAM-MD5\r\n");
    const challenge = Buffer.from((await client.reply()).slice(4), "base64");
    const proof = createHmac("md5", "geheim").update(challenge).digest("hex");
    expect(await client.say(base64(`anna ${proof}`))).toBe("235 2.7.0");
  });

  test("only what is offered, and only under TLS where that is asked for", async () => {
    const { client } = await greeted({ auth: ["PLAIN"], users });
    expect(await client.say("AUTH LOGIN")).toBe("504 5.5.4");
    const guarded = await greeted({ auth: ["PLAIN"], users, authNeedsTls: true }, { tls: certificate });
    expect(guarded.offers.join()).not.toContain("AUTH");
    expect(await guarded.client.say("AUTH PLAIN")).toBe("538 5.7.11");
    await guarded.client.say("STARTTLS");
    await guarded.client.startTls();
    guarded.client.write("EHLO me\r\n");
    expect(await guarded.client.lines()).toContain("250-AUTH PLAIN");
  });
});
