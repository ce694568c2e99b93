/** Real Dovecot as the provider's POP3 server: plain with STLS on one port, implicit TLS on another. */
import { writeFile, mkdir, chmod } from "node:fs/promises";
import path from "node:path";
import type { Owner } from "./maildir.ts";
import { freePorts, startProgram, type Program } from "./program.ts";

export interface DovecotOptions {
  readonly dir: string;
  readonly owner: Owner;
  readonly cert: string;
  readonly key: string;
  /** User name to password and maildir. */
  readonly users: Readonly<Record<string, { readonly password: string; readonly maildir: string }>>;
  /** Further lines of configuration. */
  readonly extra?: string;
}

export interface Dovecot extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly program: Program;
  readonly log: string;
}

export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const dir = path.join(options.dir, "dovecot");
  await mkdir(path.join(dir, "run"), { recursive: true });
  await chmod(dir, 0o755);
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const users = Object.entries(options.users)
    .map(([name, user]) => {
      const mail = `userdb_mail=maildir:${user.maildir}`;
      return `${name}:{PLAIN}${user.password}:${options.owner.uid}:${options.owner.gid}::${user.maildir}::${mail}`;
    })
    .join("\n");
  const log = path.join(dir, "dovecot.log");
  await writeFile(path.join(dir, "users"), `${users}\n`, { mode: 0o644 });
  await writeFile(path.join(dir, "cert.pem"), options.cert);
  await writeFile(path.join(dir, "key.pem"), options.key, { mode: 0o600 });
  const config = path.join(dir, "dovecot.conf");
  await writeFile(
    config,
    `
base_dir = ${dir}/run
state_dir = ${dir}/run
log_path = ${log}
protocols = pop3
listen = 127.0.0.1
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256
ssl = yes
ssl_cert = <${dir}/cert.pem
ssl_key = <${dir}/key.pem
default_login_user = dovenull
default_internal_user = dovecot
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u ${dir}/users
}
userdb {
  driver = passwd-file
  args = username_format=%u ${dir}/users
}
service pop3-login {
  inet_listener pop3 {
    port = ${port}
  }
  inet_listener pop3s {
    port = ${tlsPort}
    ssl = yes
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
${options.extra ?? ""}
`,
  );
  const program = await startProgram({
    name: "dovecot",
    command: "/usr/sbin/dovecot",
    args: ["-F", "-c", config],
    ports: [port, tlsPort],
    log,
  });
  return { port, tlsPort, program, log, [Symbol.asyncDispose]: async () => program[Symbol.asyncDispose]() };
}
