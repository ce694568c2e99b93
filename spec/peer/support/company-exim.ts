/** Real Exim in Exchange's place: popgate is its smarthost. It speaks BDAT where that is offered (RFC 3030). */
import { chown, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Company, CompanyOptions } from "./company.ts";
import { eximBinary } from "./exim.ts";
import { sendAll } from "./mail.ts";
import { freePorts, startProgram } from "./program.ts";

export async function startEximCompany(options: CompanyOptions): Promise<Company> {
  const { owner, names } = options;
  const dir = path.join(options.dir, "exim-exchange");
  const spool = path.join(dir, "spool");
  await mkdir(spool, { recursive: true });
  await chown(spool, owner.uid, owner.gid);
  const [port = 0] = await freePorts(1);
  await writeFile(path.join(dir, "names"), names.map((name) => `${name}: ${name}\n`).join(""));
  const config = path.join(dir, "exim.conf");
  await writeFile(config, configuration(options, { dir, spool, port }));
  const log = path.join(spool, "mainlog");
  const program = await startProgram({
    name: "exim exchange",
    command: eximBinary,
    args: ["-C", config, "-bdf", "-q2s"],
    ports: [port],
    log,
  });
  return {
    port,
    log,
    submit: async (mails, connections) => sendAll(port, mails, connections),
    [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose](),
  };
}

interface Place {
  readonly dir: string;
  readonly spool: string;
  readonly port: number;
}

function configuration({ names, maildirs, smarthost, login }: CompanyOptions, { dir, spool, port }: Place): string {
  const secured =
    login === undefined
      ? "  hosts_avoid_tls = *"
      : `  hosts_require_tls = *\n  hosts_require_auth = *\n  tls_verify_certificates = ${login.caFile}\n  tls_verify_cert_hostnames =`;
  const authenticator =
    login === undefined
      ? ""
      : `login:\n  driver = plaintext\n  public_name = LOGIN\n  client_send = : ${login.user} : ${login.password}`;
  return `
exim_path = ${eximBinary}
primary_hostname = exchange.firma.example
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
queue_run_max = 5
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
accept_8bitmime = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
log_selector = +all
acl_smtp_rcpt = accept
begin authenticators
${authenticator}
begin routers
box:
  driver = accept
  domains = firma.example
  local_parts = ${names.join(" : ")}
  transport = box
unknown:
  driver = redirect
  domains = firma.example
  allow_fail
  data = :fail: no such user here
smarthost:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = popgate
begin transports
popgate:
  driver = smtp
  port = ${smarthost}
${secured}
box:
  driver = appendfile
  directory = ${maildirs}/\${lookup{$local_part}lsearch{${dir}/names}}
  maildir_format
  envelope_to_add
  return_path_add
begin retry
* * F,1h,1s
`;
}
