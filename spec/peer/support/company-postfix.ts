/** Real Postfix in Exchange's place: popgate is its relayhost. It tries again every second or two. */
import type { Company, CompanyOptions } from "./company.ts";
import { sendAll } from "./mail.ts";
import { startPostfix } from "./postfix.ts";

export async function startPostfixCompany(options: CompanyOptions): Promise<Company> {
  const { dir, owner, names, maildirs, smarthost, login } = options;
  const relayhost = `[127.0.0.1]:${smarthost}`;
  // The certificate is for `localhost`, and Postfix is given an address.
  const secured =
    login === undefined
      ? "smtp_tls_security_level = none"
      : `smtp_tls_security_level = verify
smtp_tls_verify_cert_match = localhost
smtp_tls_CAfile = ${login.caFile}
smtp_sasl_auth_enable = yes
smtp_sasl_mechanism_filter = login
smtp_sasl_security_options = noanonymous
smtp_sasl_password_maps = inline:{ { ${relayhost} = ${login.user}:${login.password} } }`;
  const postfix = await startPostfix({
    dir,
    owner,
    hostname: "exchange.firma.example",
    domain: "firma.example",
    box: { kind: "users", maildir: maildirs, names },
    extra: `
transport_maps =
default_transport = smtp
relayhost = ${relayhost}
local_header_rewrite_clients =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
default_destination_concurrency_failed_cohort_limit = 1000
smtputf8_enable = yes
${secured}
`,
  });
  return {
    port: postfix.port,
    log: postfix.log,
    submit: async (mails, connections) => sendAll(postfix.port, mails, connections),
    [Symbol.asyncDispose]: async () => postfix[Symbol.asyncDispose](),
  };
}
