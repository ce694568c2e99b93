/** What fetchmail's run control files become: words, entries, accounts, and a remark with its line for all the rest. */
import { describe, expect, test } from "vitest";
import { fetchmailWords } from "../../src/migrate/fetchmail-words.ts";
import { importFetchmailrc } from "../../src/migrate/fetchmail.ts";
import type { ImportedAccount } from "../../src/migrate/imported.ts";

function only(text: string): ImportedAccount {
  const { accounts } = importFetchmailrc(text);
  expect(accounts).toHaveLength(1);
  return accounts[0]!;
}

function told(text: string): string[] {
  return importFetchmailrc(text).remarks.map(({ line, text }) => `${line}: ${text}`);
}

describe("words", () => {
  test.each<[string, string[]]>([
    ["poll a.example: proto pop3; user b, pass c", ["poll", "a.example", "proto", "pop3", "user", "b", "pass", "c"]],
    ["a # not this\nb", ["a", "b"]],
    ["a#b", ["a#b"]],
    [`"two words" 'and "these"'`, ["two words", 'and "these"']],
    [String.raw`"a\"b\\c\x41\0101\t"`, ['a"b\\cAA\t']],
    ["old=new", ["old", "=", "new"]],
    ['"open\nnext', ["open", "next"]],
    ["", []],
  ])("%j", (text, words) => {
    expect(fetchmailWords(text).words.map(({ text }) => text)).toEqual(words);
  });

  test("each knows its line", () => {
    expect(fetchmailWords("a\n\n# b\nc").words.map(({ line }) => line)).toEqual([1, 4]);
  });
});

describe("a box for one person", () => {
  test("user there, name here, options after", () => {
    const text = `poll pop.provider.example protocol pop3:
      user "chef@firma.example", with password "geheim", is "chef@firma.example" here, options ssl nokeep;`;
    expect(only(text)).toMatchObject({
      kind: "mailbox",
      line: 2,
      enabled: true,
      host: "pop.provider.example",
      tls: "implicit",
      user: "chef@firma.example",
      password: { kind: "text", value: "geheim" },
      keep: "until-delivered",
      deliverTo: ["chef@firma.example"],
    });
  });

  test("the local name first, the server's as `there`", () => {
    const account = only('poll h.example proto pop3 user "anna" here is "a.schmidt" there pass "x"');
    expect(account).toMatchObject({ kind: "mailbox", user: "a.schmidt", deliverTo: ["anna"] });
  });

  test("several users of one server, each with its own options", () => {
    const { accounts } = importFetchmailrc(
      "poll h.example proto pop3 ssl\n user a pass 1 is x here keep\n user b pass 2 is y here",
    );
    expect(accounts.map(({ user, keep, tls, line }) => ({ user, keep, tls, line }))).toEqual([
      { user: "a", keep: "forever", tls: "implicit", line: 2 },
      { user: "b", keep: "until-delivered", tls: "implicit", line: 3 },
    ]);
  });

  test("smtpaddress and smtpname complete local names", () => {
    expect(only("poll h user a is x here smtpaddress firma.example").deliverTo).toEqual(["x@firma.example"]);
    expect(only("poll h user a is x here smtpname y@firma.example").deliverTo).toEqual(["y@firma.example"]);
  });
});

describe("a box for several", () => {
  const text = `set daemon 600
    defaults proto pop3 timeout 90
    poll box via pop.provider.example interval 2
      envelope "X-Envelope-To:" qvirtual "firma-" localdomains firma.example shop.example
      user sammel pass 'x' to old=anna 'berta'='b@firma.example' * here
      options ssl limit 5000000 expunge 50 smtphost exchange.firma.local/2525`;

  test("what it says in popgate's words", () => {
    expect(only(text)).toMatchObject({
      kind: "collector",
      host: "pop.provider.example",
      everySeconds: 1200,
      timeoutSeconds: 90,
      envelope: "X-Envelope-To",
      stripPrefix: "firma-",
      domains: ["firma.example", "shop.example"],
      maxOctets: 5_000_000,
      sessionMessages: 50,
      mappings: [
        { line: 5, from: "old", to: "anna" },
        { line: 5, from: "berta", to: "b@firma.example" },
      ],
    });
    expect(importFetchmailrc(text).target).toEqual({ host: "exchange.firma.local", port: 2525 });
    expect(told(text)).toEqual([]);
  });

  test.each<[string, string | undefined]>([
    ["envelope Received", "received-for"],
    ["envelope To", "to-cc"],
    ["envelope 'Delivered-To:'", "Delivered-To"],
    ["envelope From", undefined],
    ["no envelope", undefined],
    ["", undefined],
  ])("%s", (option, envelope) => {
    expect(only(`poll h proto pop3 ${option} user a is * here`).envelope).toBe(envelope);
  });

  test("fields that are passed over, and names without *, are told", () => {
    const lines = told('poll h proto pop3 sslproto tls1.2\n envelope 2 "Received"\n user a is x y here');
    expect(lines).toEqual([
      expect.stringMatching(/^3: only the names listed here/u),
      expect.stringMatching(/^2: passing over 2 such field/u),
    ]);
  });
});

describe("TLS", () => {
  test.each<[string, ImportedAccount["tls"]]>([
    ["ssl", "implicit"],
    ["port 995", "implicit"],
    ["service pop3s", "implicit"],
    ["sslproto TLS1.2+", "starttls"],
    ["sslproto ''", "off"],
    ["", "starttls"],
  ])("%s", (option, tls) => {
    expect(only(`poll h proto pop3 ${option} user a is b`).tls).toBe(tls);
  });

  test("what proves nothing is told, with its line", () => {
    const lines = told('poll h proto pop3\nuser a is b ssl\nsslfingerprint "AA:BB:CC"\nno sslcertck\nsslproto ssl3');
    expect(lines.map((line) => line.slice(0, 14)).toSorted()).toEqual([
      "3: an MD5 or S",
      "4: popgate alw",
      "5: popgate ask",
    ]);
  });

  test("a SHA-256 fingerprint, a name and a CA are kept", () => {
    const pin = "ab".repeat(32);
    expect(
      only(`poll h user a is b ssl sslfingerprint ${pin} sslcommonname n.example sslcertfile /ca.pem`),
    ).toMatchObject({ fingerprints: [pin], servername: "n.example", ca: "/ca.pem" });
  });
});

describe("what has no equal", () => {
  test.each<[string, RegExp]>([
    ["poll h proto imap user a is b ssl", /^1: popgate fetches by POP3 only/u],
    ["poll h proto pop3 user a is b ssl\nmda '/usr/bin/procmail'", /^2: "mda" has no equal/u],
    ["poll h user a is b ssl\n\nflush", /^3: "flush" has no equal/u],
    ["poll h user a is b ssl\nkeep", /^2: what fetchmail has fetched is not known/u],
    ["poll h user a is b ssl auth gssapi", /^1: this way to log in has no equal/u],
    ["set logfile /var/log/f\npoll h user a is b ssl", /^1: "set logfile"/u],
    ["set bouncemail\npoll h user a is b ssl", /^1: "set bouncemail": popgate never bounces/u],
    ["poll h user a is b ssl smtphost x y", /^1: popgate delivers to one server; the first/u],
    ["poll h user a is b ssl 'geheim", /^1: a quote that is not closed/u],
    ["user a pass b\npoll h", /^1: a user before any server/u],
    ["user a pass b", /^1: no `poll` and no `skip` stands here/u],
  ])("%j", (text, remark) => {
    expect(
      told(text).some((line) => remark.test(line)),
      told(text).join("\n"),
    ).toBe(true);
  });

  test("ETRN is no account", () => {
    expect(importFetchmailrc("poll h proto etrn").accounts).toEqual([]);
  });

  test("skip is an account that is switched off", () => {
    expect(only("skip h proto pop3 user a is b ssl").enabled).toBe(false);
  });

  test("a word that is not understood is not shown: it may be of a password", () => {
    const lines = told("poll h user a is b ssl pass my geheim");
    expect(lines).toEqual(["1: a word is not understood here; it was left out"]);
  });
});
