/** Real Exim as the provider's submission server, with its own PLAIN and LOGIN. */
import { chown, mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { eximBinary } from "./exim.ts";
import { freePorts, startProgram } from "./program.ts";
import type { Submission, SubmissionOptions } from "./submission.ts";

export async function startEximSubmission(options: SubmissionOptions): Promise<Submission> {
  const { owner, hostname } = options;
  const dir = path.join(options.dir, `exim-${hostname}`);
  const spool = path.join(dir, "spool");
  await mkdir(spool, { recursive: true });
  await chown(spool, owner.uid, owner.gid);
  const [port = 0, tlsPort = 0] = options.ports ?? (await freePorts(2));
  const lines = (entries: readonly (readonly [string, string])[]): string =>
    entries.map(([name, value]) => `${name}: ${value}\n`).join("");
  await writeFile(path.join(dir, "passwords"), lines(Object.entries(options.logins)));
  await writeFile(path.join(dir, "names"), lines(options.names.map((name) => [name, name] as const)));
  await writeFile(path.join(dir, "cert.pem"), options.certificates.cert);
  await writeFile(path.join(dir, "key.pem"), options.certificates.key);
  const config = path.join(dir, "exim.conf");
  await writeFile(config, configuration(options, { dir, spool, port, tlsPort }));
  const log = path.join(spool, "mainlog");
  const program = await startProgram({
    name: `exim ${hostname}`,
    command: eximBinary,
    args: ["-C", config, "-bdf", "-q1m"],
    ports: [port, tlsPort],
    log,
  });
  return { port, tlsPort, log, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}

interface Place {
  readonly dir: string;
  readonly spool: string;
  readonly port: number;
  readonly tlsPort: number;
}

function configuration(options: SubmissionOptions, { dir, spool, port, tlsPort }: Place): string {
  const check = (user: string, password: string): string =>
    `\${if and{{!eq{${password}}{}}{eq{${password}}{\${lookup{${user}}lsearch{${dir}/passwords}{$value}}}}}}`;
  const ask = (port: number, recipient: string): string =>
    `\${readsocket{inet:127.0.0.1:${port}}{sender=$sender_address\\nrecipient=${recipient}\\n\\n}{5s}{ }{}}`;
  const answer = (digit: number): string => `\${if match{$acl_m_policy}{\\Naction=${digit}\\N}}`;
  const text = "${sg{$acl_m_policy}{\\N^action=|\\s+$\\N}{}}";
  return `
exim_path = ${eximBinary}
primary_hostname = ${options.hostname}
local_interfaces = 127.0.0.1
daemon_smtp_ports = ${port} : ${tlsPort}
tls_on_connect_ports = ${tlsPort}
tls_advertise_hosts = *
tls_certificate = ${dir}/cert.pem
tls_privatekey = ${dir}/key.pem
auth_advertise_hosts = \${if eq{$tls_in_cipher}{}{}{*}}
spool_directory = ${spool}
log_file_path = ${spool}/%slog
pid_file_path = ${spool}/exim.pid
deliver_drop_privilege = true
keep_environment =
rfc1413_query_timeout = 0s
message_size_limit = ${options.maxOctets ?? 200_000_000}
queue_only_load = 1000
smtp_accept_max = 50
smtp_accept_queue_per_connection = 0
accept_8bitmime = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = ${options.dsn === false ? "" : "*"}
log_selector = +all
acl_smtp_mail = mail
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
mail:
  deny !authenticated = *
    message = 530 5.7.0 Authentication required
  warn set acl_m_policy = ${ask(options.senderPolicyPort, "")}
  deny condition = ${answer(5)}
    message = \${sg{${text}}{\\N^(\\d+ [\\d.]+) \\N}{\\$1 <$sender_address>: Sender address rejected: }}
  accept
rcpt:
  deny !verify = recipient
    message = 550 5.1.1 <$local_part@$domain>: no such user here
  warn set acl_m_policy = ${ask(options.policyPort, "$local_part@$domain")}
  defer condition = ${answer(4)}
    message = ${text}
  deny condition = ${answer(5)}
    message = ${text}
  accept
data:
  accept
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${check("$auth2", "$auth3")}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${check("$auth1", "$auth2")}
  server_set_id = $auth1
begin routers
box:
  driver = accept
  domains = else.example
  local_parts = ${options.names.join(" : ")}
  transport = box
unknown:
  driver = redirect
  domains = else.example
  allow_fail
  data = :fail: no such user here
collector:
  driver = accept
  domains = firma.example
  transport = collector
elsewhere:
  driver = redirect
  data = :blackhole:
begin transports
box:
  driver = appendfile
  directory = ${options.delivered}/\${lookup{$local_part}lsearch{${dir}/names}}
  maildir_format
  envelope_to_add
  return_path_add
collector:
  driver = appendfile
  directory = ${options.delivered}/sammel
  maildir_format
  envelope_to_add
  return_path_add
  batch_max = 100
begin retry
* * F,1h,1m
`;
}
