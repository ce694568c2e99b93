/**
 * Real Postfix, as the provider's mail exchanger (a catch-all, with or without a virtual alias map in front of the box)
 * or as the target in Exchange's place. What it is besides is said in further lines of main.cf and master.cf.
 */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile, chmod } from "node:fs/promises";
import path from "node:path";
import type { Owner } from "./maildir.ts";
import { freePorts, startProgram, type Program } from "./program.ts";

export interface PostfixOptions {
  readonly dir: string;
  readonly owner: Owner;
  readonly hostname: string;
  readonly domain: string;
  /**
   * `catch-all`: virtual(8) puts the whole domain into `maildir`. `alias`: a virtual alias map turns every address into
   * that of the box first, so that Delivered-To names the box. `users`: one maildir for each name.
   */
  readonly box:
    | { readonly kind: "catch-all" | "alias"; readonly maildir: string }
    | { readonly kind: "users"; readonly maildir: string; readonly names: readonly string[] };
  /** A port that was found before; a free one without it. */
  readonly port?: number;
  /** Further lines of main.cf; they count instead of those before. */
  readonly extra?: string;
  /** Further services of master.cf, and the ports that they answer on. */
  readonly services?: { readonly lines: string; readonly ports: readonly number[] };
}

export interface Postfix extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
  readonly log: string;
}

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const dir = path.join(options.dir, `postfix-${options.hostname}`);
  const log = path.join(dir, "mail.log");
  for (const sub of ["etc", "queue", "data"]) await mkdir(path.join(dir, sub), { recursive: true });
  await chmod(path.join(dir, "queue"), 0o755);
  execFileSync("chown", ["postfix", path.join(dir, "data")]);
  const port = options.port ?? (await freePorts(1))[0] ?? 0;
  const { box } = options;
  const boxes =
    box.kind === "users"
      ? `virtual_mailbox_maps = inline:{ ${box.names.map((name) => `${name}@${options.domain}=${name}/`).join(", ")} }`
      : `virtual_mailbox_maps = static:${path.basename(box.maildir)}/`;
  const base = box.kind === "users" ? box.maildir : path.dirname(box.maildir);
  const domains =
    box.kind === "alias"
      ? `virtual_mailbox_domains = box.provider.example\nvirtual_alias_domains = ${options.domain}\nvirtual_alias_maps = regexp:${dir}/etc/aliases`
      : `virtual_mailbox_domains = ${options.domain}`;
  const settings = `
compatibility_level = 3.6
queue_directory = ${dir}/queue
data_directory = ${dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = ${log}
maillog_file_prefixes = ${dir}
myhostname = ${options.hostname}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
local_recipient_maps =
alias_maps =
alias_database =
transport_maps = inline:{ elsewhere.example=discard: }
default_transport = discard:
message_size_limit = 200000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
virtual_mailbox_base = ${base}
virtual_uid_maps = static:${options.owner.uid}
virtual_gid_maps = static:${options.owner.gid}
virtual_minimum_uid = 1
virtual_destination_recipient_limit = 1
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtputf8_enable = no
${boxes}
${domains}
`;
  await writeFile(path.join(dir, "etc", "main.cf"), overridden(settings, options.extra ?? ""));
  const pattern = `/@${options.domain.replaceAll(".", String.raw`\.`)}$/`;
  await writeFile(path.join(dir, "etc", "aliases"), `${pattern} sammel@box.provider.example\n`);
  await writeFile(
    path.join(dir, "etc", "master.cf"),
    `127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
${options.services?.lines ?? ""}
`,
  );
  const program = await startProgram({
    name: `postfix ${options.hostname}`,
    command: "/usr/sbin/postfix",
    args: ["-c", path.join(dir, "etc"), "start-fg"],
    ports: [port, ...(options.services?.ports ?? [])],
    log,
    // The master process starts a session of its own.
    stopCommand: ["/usr/sbin/postfix", "-c", path.join(dir, "etc"), "stop"],
  });
  return { port, program, log, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}

/**
 * Settings with those that are named again left out: Postfix warns of each at every start of a process, and its log
 * service stands still when it has to log too many of its own.
 */
function overridden(settings: string, extra: string): string {
  const nameOf = (line: string): string => line.split("=")[0]?.trim() ?? "";
  const again = new Set(extra.split("\n").filter(Boolean).map(nameOf));
  return `${settings
    .split("\n")
    .filter((line) => !again.has(nameOf(line)))
    .join("\n")}\n${extra}\n`;
}
