/**
 * `popgate.toml`: the TOML reader, the schema, every check, and what is said of what is wrong.
 *
 * Holds: nothing is thrown, and the same text gives the same answer; a problem stands at a line that there is, has words,
 * names its key unless it is about the whole file or a line that cannot be read, and is one line; a secret's value is in
 * none of them; a file that is taken has what nothing can be done without.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readDocument } from "../../../src/config/document.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { formatProblem, type ConfigProblem } from "../../../src/config/problem.ts";
import { corpusFolder, hold, type Target } from "../target.ts";

/** Stands for a secret wherever a key of one takes it. */
const secret = "Geheim4711";
const secretLine = /^\s*(?:[\w.]+\.)?(?:password|client_secret|refresh_token)\s*=\s*["']Geheim4711/u;

const folder = mkdtempSync(path.join(tmpdir(), "popgate-fuzz-config-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "popgate.toml");

function checkProblem(problem: ConfigProblem, text: string): void {
  const lines = text.split(/\r\n|\n/u).length;
  const { line, column, message, key, hint } = problem;
  hold(line >= 1 && line <= lines, "a problem at a line that there is not", [problem, lines]);
  hold(Number.isSafeInteger(column) && column >= 1, "a problem at no column", problem);
  hold(message !== "", "a problem without words", problem);
  // What cannot be read has no key, or only part of one; the line is named then.
  hold(key !== "" || line > 1 || hint !== "" || message !== "", "a problem without key or line", problem);
  const shown = formatProblem(problem);
  hold(!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(shown), "a problem of several lines", shown);
  hold(shown.length < 2000 + file.length, "a problem without end", shown.length);
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
