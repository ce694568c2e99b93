/**
 * Other collectors' files: fetchmailrc and getmailrc.
 *
 * Holds: nothing is thrown; the configuration that is written is TOML that can be read, and has no password in it; a
 * remark stands at a line of the file and holds no password either; a file for a secret has a plain name.
 */
import { readDocument } from "../../../src/config/document.ts";
import { importFetchmailrc } from "../../../src/migrate/fetchmail.ts";
import { importGetmailrc } from "../../../src/migrate/getmail.ts";
import { writeConfig } from "../../../src/migrate/written-config.ts";
import { hold, type Target } from "../target.ts";

/** Stands for a password: wherever it is taken for one, it must not come out again anywhere else. */
const secret = "Geheim4711";

function run(input: Buffer): void {
  const text = input.toString("utf8");
  for (const [name, read] of [
    ["fetchmailrc", importFetchmailrc],
    ["getmailrc", importGetmailrc],
  ] as const) {
    const imported = read(text);
    const { toml, secrets, remarks } = writeConfig([{ name, imported }]);
    const { faults } = readDocument(toml);
    hold(faults.length === 0, "what is written is no TOML", [faults, toml]);
    hold(!/[\0-\x08\x0b-\x1f\x7f]/u.test(toml), "a control character in what is written", toml);
    const lines = text.split("\n").length;
    for (const remark of remarks)
      hold(remark.line >= 1 && remark.line <= lines, "a remark at a line that there is not", [remark, lines]);
    for (const { file } of secrets) hold(/^[A-Za-z0-9][A-Za-z0-9._-]*$/u.test(file), "a file of that name", file);
    const passwords = imported.accounts.filter(
      ({ password }) => password?.kind === "text" && password.value === secret,
    );
    if (passwords.length !== text.split(secret).length - 1) continue;
    hold(!toml.includes(secret), "a password in the configuration", toml);
    hold(!remarks.some(({ text }) => text.includes(secret)), "a password in a remark", remarks);
  }
}

export const target: Target = {
  name: "migrate",
  maxOctets: 1500,
  dictionary: [
    secret,
    "poll ",
    "skip ",
    "user ",
    "pass ",
    "is ",
    " here",
    " there",
    "options ",
    "keep",
    "ssl",
    "[retriever]\n",
    "[options]\n",
    "type = ",
    "server = ",
    "password = ",
    "SimplePOP3SSLRetriever",
    "MultidropPOP3Retriever",
    "=",
    '"',
    "'",
    "#",
    "\\x41",
    "\n",
  ],
  seeds: [
    `set daemon 300\nset postmaster "post@firma.example"\npoll pop.example proto pop3 port 995:\n user "a" with pass "${secret}" is "chef@firma.example" here ssl keep;\n`,
    `defaults proto pop3\nskip h.example via x.example localdomains firma.example envelope 1 "Envelope-To" qvirtual "box-"\n user b pass ${secret} to old=new * here smtphost ex.example/26 sslfingerprint "AA:BB"\n`,
    `[retriever]\ntype = MultidropPOP3SSLRetriever\nserver = pop.example\nusername = a\npassword = ${secret}\nenvelope_recipient = delivered-to:1\n[destination]\ntype = Maildir\npath = ~/x/\n[options]\ndelete_after = 7\nmax_message_size = 1000\n`,
    '[retriever]\ntype = SimplePOP3Retriever\nserver = x\nport = 110\npassword_command = ("cat", "x")\nssl_fingerprints = (\'aa:bb\',)\n',
  ].map((text) => Buffer.from(text)),
  work: { perOctet: 1500, fixed: 60_000 },
  run,
};
