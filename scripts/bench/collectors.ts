/**
 * The programs that drain a box, each set up as somebody would who wants it fast and his mail safe: everything is fetched
 * in one go, deleted once it has been handed on, over verified TLS, with the least output.
 *
 * The target is Exchange, which takes SMTP. fetchmail speaks it on a connection of its own. getmail6 and mpop know no SMTP:
 * they hand each message to a program, here msmtp, as their manuals propose. What else the two can do is another job, and
 * stands in the tables for comparison: getmail6 delivers by LMTP, which Exchange does not speak, and mpop writes maildirs.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { recipient } from "./mail-set.ts";
import type { Command } from "./measured-run.ts";
import { password } from "./place.ts";

export interface Job {
  /** A new folder. */
  readonly dir: string;
  readonly user: string;
  readonly port: number;
  /** `undefined`: plain POP3. */
  readonly caFile: string | undefined;
  readonly smtpPort: number;
  readonly lmtpPort: number;
}

export interface Collector {
  readonly name: string;
  /** How the target gets what was fetched, if at all. */
  readonly handsOver: "SMTP" | "LMTP" | "not";
  prepare(job: Job): Promise<Command>;
}

/** popgate as it is installed: `npm run build` makes it. POPGATE_MAIN names another one. */
const popgateMain = process.env["POPGATE_MAIN"] ?? fileURLToPath(new URL("../../dist/popgate.cjs", import.meta.url));

/** popgate with these arguments. PROFILE names a folder for profiles of its processor time. */
export function popgateCommand(args: readonly string[]): Command {
  if (!existsSync(popgateMain)) throw new Error(`${popgateMain} is missing: npm run build makes it`);
  const folder = process.env["PROFILE"] ?? "";
  const profiling = folder === "" ? [] : ["--cpu-prof", `--cpu-prof-dir=${folder}`];
  return { command: process.execPath, args: [...profiling, popgateMain, ...args] };
}

export async function popgateConfig(job: Job, more = ""): Promise<string> {
  const { dir, user, port, caFile, smtpPort } = job;
  await writeFile(path.join(dir, "password"), `${password}\n`, { mode: 0o600 });
  const file = path.join(dir, "popgate.toml");
  await writeFile(
    file,
    `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[spool]
dir = "${path.join(dir, "spool")}"

[exchange]
host = "127.0.0.1"
port = ${smtpPort}
tls = "off"

[admin]
socket = "${path.join(dir, "admin.sock")}"

[[collector]]
name = "sammel"
host = "localhost"
port = ${port}
${caFile === undefined ? 'tls = "off"' : `tls = "implicit"\nca = "${caFile}"`}
user = "${user}"
password = { file = "password" }
profile = "exim"
keep = "never"
every = "1h"
${more}
`,
  );
  return file;
}

const popgate: Collector = {
  name: "popgate",
  handsOver: "SMTP",
  prepare: async (job) => popgateCommand(["run", "--once", "--config", await popgateConfig(job)]),
};

export const fetchmail: Collector = {
  name: "fetchmail",
  handsOver: "SMTP",
  async prepare({ dir, user, port, caFile, smtpPort }) {
    const rc = path.join(dir, "fetchmailrc");
    const tls = caFile === undefined ? "sslproto ''" : `ssl sslproto "TLS1.2+" sslcertck sslcertfile "${caFile}"`;
    await writeFile(
      rc,
      `poll localhost service ${port} protocol pop3 timeout 300
  user "${user}" password "${password}" ${tls}
  smtphost "127.0.0.1/${smtpPort}" smtpname "${recipient}"
  fetchall nokeep fetchlimit 0 fetchsizelimit 0 batchlimit 0
`,
    );
    await chmod(rc, 0o600);
    // Status 1: there was no mail.
    return {
      command: "/usr/bin/fetchmail",
      args: ["-f", rc, "--nosyslog", "--nodetach", "--silent", "--pidfile", path.join(dir, "pid")],
      env: { FETCHMAILHOME: dir },
      good: [0, 1],
    };
  },
};

function getmail(name: string, handsOver: Collector["handsOver"], destination: (job: Job) => string): Collector {
  return {
    name,
    handsOver,
    async prepare(job) {
      const { dir, user, port, caFile } = job;
      const rc = path.join(dir, "getmailrc");
      const retriever =
        caFile === undefined ? "type = SimplePOP3Retriever" : `type = SimplePOP3SSLRetriever\nca_certs = ${caFile}`;
      await writeFile(
        rc,
        `[retriever]
${retriever}
server = localhost
port = ${port}
username = ${user}
password = ${password}

[destination]
${destination(job)}

[options]
delete = true
read_all = true
verbose = 0
`,
      );
      await chmod(rc, 0o600);
      return { command: "/usr/bin/getmail", args: ["--getmaildir", dir, "--rcfile", rc, "--quiet"] };
    },
  };
}

const msmtpOptions = (smtpPort: number): string[] => [
  "--host=127.0.0.1",
  `--port=${smtpPort}`,
  "--tls=off",
  "--auth=off",
];

// A benchmark runs as root, for which getmail starts no program unless it is told to.
const getmailMsmtp = getmail("getmail6, msmtp", "SMTP", ({ smtpPort }) => {
  const args = [...msmtpOptions(smtpPort), "--from=%(sender)", "--", recipient];
  return `type = MDA_external
path = /usr/bin/msmtp
arguments = (${args.map((argument) => `"${argument}"`).join(", ")})
allow_root_commands = true`;
});

export const getmailLmtp = getmail(
  "getmail6, LMTP",
  "LMTP",
  ({ lmtpPort }) => `type = MDA_lmtp
host = 127.0.0.1
port = ${lmtpPort}
override = ${recipient}`,
);

function mpop(name: string, handsOver: Collector["handsOver"], delivery: (job: Job) => string): Collector {
  return {
    name,
    handsOver,
    async prepare(job) {
      const { dir, user, port, caFile } = job;
      const rc = path.join(dir, "mpoprc");
      const tls = caFile === undefined ? "tls off" : `tls on\ntls_starttls off\ntls_trust_file ${caFile}`;
      for (const sub of ["cur", "new", "tmp"]) await mkdir(path.join(dir, "maildir", sub), { recursive: true });
      await writeFile(
        rc,
        `account box
host localhost
port ${port}
user ${user}
password ${password}
auth user
${tls}
keep off
pipelining auto
uidls_file ${path.join(dir, "uidls")}
delivery ${delivery(job)}
`,
      );
      await chmod(rc, 0o600);
      return { command: "/usr/bin/mpop", args: [`--file=${rc}`, "--quiet", "box"] };
    },
  };
}

const mpopMsmtp = mpop(
  "mpop, msmtp",
  "SMTP",
  ({ smtpPort }) => `mda "/usr/bin/msmtp ${msmtpOptions(smtpPort).join(" ")} --from='%F' -- ${recipient}"`,
);

const mpopMaildir = mpop("mpop, maildir", "not", ({ dir }) => `maildir ${path.join(dir, "maildir")}`);

export const bareReader: Collector = {
  name: "bare reader",
  handsOver: "not",
  async prepare({ user, port, caFile = "" }) {
    const script = fileURLToPath(new URL("./bare-reader.ts", import.meta.url));
    return { command: process.execPath, args: [script, String(port), user, password, caFile] };
  },
};

export { popgate };
/** Each message takes them tens of milliseconds, also on loopback: a program is started for it, or an acknowledgement waited for. */
export const slowPeers: readonly Collector[] = [fetchmail, getmailMsmtp, mpopMsmtp];
export const peers: readonly Collector[] = [...slowPeers, getmailLmtp, mpopMaildir];
