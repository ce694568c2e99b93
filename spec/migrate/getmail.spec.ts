/** What a getmailrc becomes, and a remark with its line for what has no equal. */
import { describe, expect, test } from "vitest";
import { readIni, tupleTexts } from "../../src/migrate/getmail-ini.ts";
import { importGetmailrc } from "../../src/migrate/getmail.ts";

const simple = `[retriever]
type = SimplePOP3SSLRetriever
server = pop.provider.example
username = chef@firma.example
password = ge#heim

[destination]
type = Maildir
path = ~/Maildir/
`;

const several = `# the whole domain
[retriever]
type: MultidropPOP3Retriever
server: pop.provider.example
port: 1110
username: sammel
password_command: ("/usr/bin/pass", "show", 'mail "x"')
envelope_recipient: delivered-to:1
timeout: 30

[destination]
type = MultiSorter
locals = (
    ("anna@firma\\.example", "[anna]"),
    )

[anna]
type = Mboxrd

[options]
delete = true
max_message_size = 2000000
message_log = ~/log
`;

function accountOf(text: string) {
  return importGetmailrc(text).accounts[0];
}

function told(text: string): string[] {
  return importGetmailrc(text).remarks.map(({ line, text }) => `${line}: ${text}`);
}

test("a box for one person", () => {
  expect(accountOf(simple)).toMatchObject({
    kind: "mailbox",
    line: 1,
    host: "pop.provider.example",
    tls: "implicit",
    user: "chef@firma.example",
    password: { kind: "text", value: "ge#heim" },
    keep: "forever",
    deliverTo: [],
  });
  expect(told(simple)).toEqual([
    expect.stringMatching(/^1: what getmail has fetched is not known/u),
    expect.stringMatching(/^8: Maildir has no equal: set in `deliver_to`/u),
  ]);
});

test("a box for several", () => {
  expect(accountOf(several)).toMatchObject({
    kind: "collector",
    line: 2,
    port: 1110,
    tls: "off",
    password: { kind: "command", command: ["/usr/bin/pass", "show", 'mail "x"'] },
    envelope: "delivered-to",
    timeoutSeconds: 30,
    keep: "until-delivered",
    maxOctets: 2_000_000,
  });
  expect(told(several)).toEqual([
    expect.stringMatching(/^3: getmail fetched in the clear/u),
    expect.stringMatching(/^12: MultiSorter has no equal/u),
    expect.stringMatching(/^17: this section has no equal/u),
    expect.stringMatching(/^23: "message_log" has no equal/u),
  ]);
});

describe("single options", () => {
  const base = "[retriever]\ntype = MultidropPOP3SSLRetriever\nserver = h.example\nusername = u\n";

  test.each<[string, object]>([
    ["[options]\ndelete_after = 14", { keep: { days: 14 } }],
    ["[options]\ndelete = yes\ndelete_after = 14", { keep: "until-delivered" }],
    ["[options]\ndelete_after = 0", { keep: "forever" }],
    ["use_apop = true", { auth: "apop" }],
    ["envelope_recipient = To:1", { envelope: "to-cc" }],
    ["password = none", { password: { kind: "text", value: "none" } }],
    [`ssl_fingerprints = ("${"ab".repeat(32)}",)`, { fingerprints: ["ab".repeat(32)] }],
  ])("%j", (text, account) => {
    expect(accountOf(base + text)).toMatchObject(account);
  });

  test.each<[string, RegExp]>([
    ["envelope_recipient = delivered-to:2", /^5: the field at position 2 has no equal/u],
    ["[filter-1]\ntype = Filter_external", /^5: filters have no equal/u],
    ["[options]\nread_all = true", /^6: popgate fetches each message once/u],
    ["[options]\ngeheim = x", /^6: a key that is not known here/u],
    ["use_xoauth2 = True", /^5: set `oauth` by hand/u],
    ["geheim", /^5: a line that is not understood/u],
  ])("%j", (text, remark) => {
    const lines = told(base + text);
    expect(
      lines.some((line) => remark.test(line)),
      lines.join("\n"),
    ).toBe(true);
    expect(lines.join("\n")).not.toContain("geheim");
  });

  test("IMAP stands switched off", () => {
    expect(accountOf("[retriever]\ntype = SimpleIMAPSSLRetriever\nserver = h\nport = 993")).toMatchObject({
      enabled: false,
      port: undefined,
    });
  });

  test("no retriever, no account", () => {
    expect(importGetmailrc("[options]\ndelete = 1").accounts).toEqual([]);
  });
});

describe("the ini file", () => {
  test("lines that go on, comments, a section that comes twice", () => {
    const { sections } = readIni("[a]\nx = 1\n  2\n; no\n[b]\ny=3\n[A]\nz: 4");
    expect(sections.map(({ name, values }) => [name, [...values]])).toEqual([
      [
        "a",
        [
          ["x", { line: 2, text: "1\n2" }],
          ["z", { line: 8, text: "4" }],
        ],
      ],
      ["b", [["y", { line: 6, text: "3" }]]],
    ]);
  });

  test("tuples", () => {
    expect(tupleTexts(`("a", ('b\\'c', "d"),)`)).toEqual(["a", "b'c", "d"]);
    expect(tupleTexts("()")).toEqual([]);
  });
});
