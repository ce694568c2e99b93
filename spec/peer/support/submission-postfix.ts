/** Real Postfix as the provider's submission server, with a real Dovecot to check the logins. */
import path from "node:path";
import { startDovecot } from "./dovecot.ts";
import { startPostfix } from "./postfix.ts";
import { freePorts } from "./program.ts";
import type { Submission, SubmissionOptions } from "./submission.ts";

export async function startPostfixSubmission(options: SubmissionOptions): Promise<Submission> {
  const { dir, owner, certificates, hostname } = options;
  const home = path.join(dir, `postfix-${hostname}`);
  const [port = 0, tlsPort = 0] = options.ports ?? (await freePorts(2));
  // Short: sockets lie below it.
  const sasl = path.join(dir, `sasl-${port}`);
  const stack = new AsyncDisposableStack();
  const users = Object.fromEntries(
    Object.entries(options.logins).map(([name, password]) => [name, { password, maildir: options.delivered }]),
  );
  const { cert, key } = certificates;
  stack.use(
    await startDovecot({
      dir: sasl,
      owner,
      cert,
      key,
      users,
      extra: `service auth {\n  unix_listener ${sasl}/auth {\n    mode = 0666\n  }\n}`,
    }),
  );
  const boxes = [...options.names.map((name) => `${name}@else.example=${name}/`), "@firma.example=sammel/"];
  const postfix = stack.use(
    await startPostfix({
      dir,
      owner,
      hostname,
      domain: "else.example",
      box: { kind: "users", maildir: options.delivered, names: options.names },
      port,
      services: { lines: `127.0.0.1:${tlsPort} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`, ports: [tlsPort] },
      extra: `
virtual_mailbox_domains = else.example, firma.example
virtual_mailbox_maps = inline:{ ${boxes.join(", ")} }
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = ${sasl}/dovecot/key.pem, ${sasl}/dovecot/cert.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${sasl}/auth
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = reject_unlisted_recipient, check_policy_service inet:127.0.0.1:${options.policyPort}, permit_sasl_authenticated, reject
smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:${options.senderPolicyPort}
smtputf8_enable = yes
message_size_limit = ${options.maxOctets ?? 200_000_000}
${options.dsn === false ? "smtpd_discard_ehlo_keywords = dsn" : ""}
`,
    }),
  );
  return {
    port,
    tlsPort,
    log: path.join(home, "mail.log"),
    [Symbol.asyncDispose]: async () => {
      await postfix[Symbol.asyncDispose]();
      await stack.disposeAsync();
    },
  };
}
