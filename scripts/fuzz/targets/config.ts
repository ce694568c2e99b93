/**
 * `popgate.toml`: the TOML reader, the schema, every check, and what is said of what is wrong.
 *
 * Holds: nothing is thrown, and the same text gives the same answer; a problem stands in this file, at a line and column
 * that there are, has words and is one line. It names its key, unless it is a fault of syntax, or one of the few that are
 * about the file as a whole, or the only one since the file has no text that could be read. A secret's value is in none of
 * them; a file that is taken has what nothing can be done without.
 */
import { isUtf8 } from "node:buffer";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readDocument } from "../../../src/config/document.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { formatProblem, type ConfigProblem } from "../../../src/config/problem.ts";
import type { SyntaxFault } from "../../../src/config/syntax-fault.ts";
import { corpusFolder, hold, type Target } from "../target.ts";

/** Stands for a secret wherever a key of one takes it. */
const secret = "Geheim4711";
const secretLine = /^\s*(?:[\w.]+\.)?(?:password|client_secret|refresh_token)\s*=\s*["']Geheim4711/u;

const folder = mkdtempSync(path.join(tmpdir(), "popgate-fuzz-config-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "popgate.toml");

function checkProblem(problem: ConfigProblem, text: string): void {
  const lines = text.split("\n");
  const { line, column, message } = problem;
  hold(problem.file === file, "a problem in another file", problem);
  const there = lines[line - 1];
  hold(there !== undefined, "a problem at a line that there is not", [problem, lines.length]);
  const columnIsThere = Number.isSafeInteger(column) && column >= 1 && column <= there.length + 1;
  hold(columnIsThere, "a problem at a column that there is not", [problem, there.length]);
  hold(message !== "", "a problem without words", problem);
  const shown = formatProblem(problem);
  hold(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(shown), "a problem of several lines", shown);
  hold(shown.length < 2000 + file.length, "a problem without end", shown.length);
}

/** What is wrong with the file as a whole and therefore has no key. Whatever else is said names one. */
const aboutTheWhole: readonly string[] = [
  "there is neither a [[collector]] nor a [[mailbox]]",
  "every account is switched off, so no mail is fetched",
];

/** What is told names its key, unless there is none: broken syntax, the file as a whole, nothing that could be read. */
function checkKeys(problems: readonly ConfigProblem[], faults: readonly SyntaxFault[], input: Buffer): void {
  if (!isUtf8(input) || input.toString("utf8").trim() === "") {
    const [only, ...others] = problems;
    hold(only?.key === "" && others.length === 0, "more than one word about what cannot be read", problems);
    return;
  }
  for (const problem of problems) {
    const { line, column, key, message } = problem;
    if (key !== "") continue;
    const syntax = faults.some((fault) => fault.line === line && fault.column === column && fault.key === "");
    const whole = line === 1 && column === 1 && aboutTheWhole.includes(message);
    hold(syntax || whole, "a problem without a key where the syntax is good", problem);
  }
}

/** Every time the secret stands in the text, it stands behind the key of one, at the front of a line. */
function holdsSecretsOnly(text: string): boolean {
  const lines = text.split(/\r\n|\n|\r/u).filter((line) => line.includes(secret));
  return lines.length > 0 && lines.every((line) => secretLine.test(line) && line.split(secret).length === 2);
}

async function run(input: Buffer): Promise<void> {
  writeFileSync(file, input);
  const text = input.toString("utf8");
  const { faults } = readDocument(text);
  for (const fault of faults) hold(fault.message !== "" && fault.line >= 1, "a fault without words or line", fault);
  const result = await loadConfig(file, { POP: "x" });
  const again = await loadConfig(file, { POP: "x" });
  const problems = result.kind === "bad" ? [...result.problems, ...result.warnings] : result.warnings;
  hold(JSON.stringify(again) === JSON.stringify(result), "another answer to the same text");
  for (const problem of problems) checkProblem(problem, text);
  checkKeys(problems, faults, input);
  if (result.kind === "bad") {
    hold(result.problems.length > 0, "refused without a word");
    hold(result.problems.length < 2000, "problems without end", result.problems.length);
  } else {
    const { hostname, domains, exchange } = result.config;
    hold(hostname !== "" && domains.length > 0 && exchange.host !== "", "taken without what is needed");
  }
  if (holdsSecretsOnly(text))
    hold(!problems.some((problem) => formatProblem(problem).includes(secret)), "a secret in a problem", problems);
}

const start = 'hostname = "gate.firma.example"\npostmaster = "post@firma.example"\ndomains = ["firma.example"]\n';
const exchange = '[exchange]\nhost = "exchange.firma.local"\n';

export const target: Target = {
  name: "config",
  maxOctets: 2500,
  dictionary: [
    secret,
    '"""',
    "'''",
    "[[collector]]\n",
    "[[relay]]\n",
    "[listener]\n",
    "{ file = ",
    "\n",
    " = ",
    "true",
    "1979-05-27T07:32:00Z",
    "0x1F",
    "1e5",
    "inf",
    "\\u00E4",
    "__proto__",
    "constructor",
    "[a.b.c]\n",
    "= [",
  ],
  seeds: [
    `${start}${exchange}[[collector]]\nname = "box"\nhost = "pop.example"\nuser = "u"\npassword = "${secret}"\nprofile = "exim"\n`,
    `${start}[aliases]\n"old@firma.example" = ["new@firma.example"]\n${exchange}ca = "ca.pem"\n[spool]\ndir = "spool"\nmax_size = "1GB"\n[[mailbox]]\nhost = "p.example"\nuser = "a"\npassword = { env = "POP" }\ndeliver_to = ["chef@firma.example"]\nevery = "5m"\nkeep = "14d"\n`,
    `${start}${exchange}[listener]\nlisten = ["127.0.0.1:2525"]\nallow = ["10.0.0.0/8"]\n[[relay]]\nname = "r"\nhost = "smtp.example"\ntls = "implicit"\nuser = "u"\npassword = '${secret}'\nsenders = ["*@firma.example"]\nrate = ["100/h"]\n[log]\nlevel = "info"\n[admin]\nsocket = "admin.sock"\n`,
    `${start}${exchange}[[collector]]\nhost = "pop.example"\nuser = "u"\npassword = "${secret}\nenvelope = ["Envelope-To", "received-for"]\nplace = "top"\ntrusted_hops = 1\ncron = "*/5 * * * *"\n`,
  ].map((text) => Buffer.from(text)),
  // The parser's own work is not counted; a broken line has the text read again.
  examples: {
    folders: [corpusFolder("config-bad"), corpusFolder("config-good"), corpusFolder("config-doubtful")],
    front: Buffer.alloc(0),
  },
  work: { perOctet: 4000, fixed: 400_000 },
  run,
};
