/**
 * Real Exim, as the provider's mail exchanger (one maildir takes a whole domain, `Envelope-to` is written), or as the
 * target in Exchange's place (a maildir for each known user, unknown users refused at RCPT).
 */
import { chown, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Owner } from "./maildir.ts";
import { freePorts, startProgram, type Program } from "./program.ts";

export const eximBinary = "/opt/popgate-peers/exim/usr/sbin/exim4";

export interface EximOptions {
  readonly dir: string;
  readonly owner: Owner;
  readonly hostname: string;
  readonly domain: string;
  /** `catch-all`: everything into `maildir`. `users`: `maildir/<local part>` for each name. */
  readonly box:
    | { readonly kind: "catch-all"; readonly maildir: string; readonly oneCopyForAll: boolean }
    | { readonly kind: "users"; readonly maildir: string; readonly names: readonly string[] };
}

export interface Exim extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
}

export async function startExim(options: EximOptions): Promise<Exim> {
  const dir = path.join(options.dir, `exim-${options.hostname}`);
  const spool = path.join(dir, "spool");
  await mkdir(spool, { recursive: true });
  await chown(spool, options.owner.uid, options.owner.gid);
  const [port = 0] = await freePorts(1);
  const { box } = options;
  const config = path.join(dir, "exim.conf");
  const boxRouter =
    box.kind === "catch-all"
      ? `box:\n  driver = accept\n  domains = ${options.domain}\n  transport = box`
      : `box:\n  driver = accept\n  domains = ${options.domain}\n  local_parts = ${box.names.join(" : ")}\n  transport = box\nunknown:\n  driver = redirect\n  domains = ${options.domain}\n  allow_fail\n  data = :fail: no such user here`;
  const directory =
    box.kind === "catch-all" ? box.maildir : `${box.maildir}/\${lookup{$local_part}lsearch{${dir}/names}}`;
  await writeFile(
    path.join(dir, "names"),
    box.kind === "users" ? box.names.map((name) => `${name}: ${name}\n`).join("") : "",
  );
  await writeFile(
    config,
    `
exim_path = ${eximBinary}
primary_hostname = ${options.hostname}
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port}
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/exim.pid
deliver_drop_privilege = true
tls_advertise_hosts =
keep_environment =
rfc1413_query_timeout = 0s
message_size_limit = 200M
queue_only_load = 1000
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
accept_8bitmime = true
smtputf8_advertise_hosts =
log_selector = +all
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  accept verify = recipient
  deny message = no such user here
data:
  accept
begin routers
${boxRouter}
elsewhere:
  driver = redirect
  data = :blackhole:
begin transports
box:
  driver = appendfile
  directory = ${directory}
  maildir_format
  envelope_to_add
  return_path_add
  delivery_date_add
  batch_max = ${box.kind === "catch-all" && box.oneCopyForAll ? 100 : 1}
begin retry
* * F,1h,1m
`,
  );
  const program = await startProgram({
    name: `exim ${options.hostname}`,
    command: eximBinary,
    args: ["-C", config, "-bdf", "-q1m"],
    ports: [port],
    log: path.join(spool, "mainlog"),
  });
  return { port, program, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}
