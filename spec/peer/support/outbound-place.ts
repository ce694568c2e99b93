/**
 * What every spec of outbound mail needs: a folder, certificates, a policy server, the company's server in Exchange's
 * place, popgate's port, and the maildirs of both sides.
 */
import path from "node:path";
import { writeFile } from "node:fs/promises";
import { hashPassword } from "../../../src/core/password-hash.ts";
import { makeCertificates, type Certificates } from "./certificates.ts";
import type { Company, StartCompany } from "./company.ts";
import { compose, type TestMail } from "./mail.ts";
import { maildirOwner, makeMaildir, readMaildir, type Owner } from "./maildir.ts";
import { startPolicyServer, type PolicyServer } from "./policy-server.ts";
import { freePorts, makeWorkplace } from "./program.ts";
import { startEximSubmission } from "./submission-exim.ts";
import { startPostfixSubmission } from "./submission-postfix.ts";
import type { Submission, SubmissionOptions } from "./submission.ts";

/** People of the company, and people outside who have a mailbox at the provider. */
const staff = ["anna", "bernd", "chef", "postmaster"];
const outside = ["kunde", "lieferant", "amt", "müller"];
export const relayPassword = "geheim";

export interface OutboundPlace extends AsyncDisposable {
  readonly dir: string;
  readonly owner: Owner;
  readonly certificates: Certificates;
  /** What the providers think of recipients, and of senders. */
  readonly policy: PolicyServer;
  readonly senderPolicy: PolicyServer;
  /** Where popgate is to listen. */
  readonly listen: number;
  readonly company: Company;
  /** Lines of `[listener]` that say who may send. */
  readonly who: string;
  /** Starts a provider's server; it ends with the place. */
  provider(kind: "postfix" | "exim", more?: Partial<SubmissionOptions>): Promise<Submission>;
  /** What somebody outside has at a provider; `sammel`: what came there for the company. */
  outside(name: string): Promise<Buffer[]>;
  /** What somebody in the company has. */
  inside(name: string): Promise<Buffer[]>;
}

/** `login`: the company logs in at popgate, over TLS; without, popgate knows it by its address. */
export async function openOutboundPlace(name: string, start: StartCompany, login: boolean): Promise<OutboundPlace> {
  const stack = new AsyncDisposableStack();
  const { dir } = stack.use(await makeWorkplace(`out-${name}`));
  const owner = maildirOwner();
  const certificates = makeCertificates(dir);
  const [inboxes, outboxes] = [path.join(dir, "inside"), path.join(dir, "outside")];
  for (const each of [inboxes, outboxes]) await makeMaildir(each, owner);
  for (const each of staff) await makeMaildir(path.join(inboxes, each), owner);
  for (const each of [...outside, "sammel"]) await makeMaildir(path.join(outboxes, each), owner);
  const policy = stack.use(await startPolicyServer());
  const senderPolicy = stack.use(await startPolicyServer());
  const [listen = 0] = await freePorts(1);
  const credentials = { user: "exchange", password: "ex-geheim", caFile: certificates.caFile };
  await writeFile(path.join(dir, "exchange.hash"), await hashPassword(credentials.password), { mode: 0o600 });
  await writeFile(path.join(dir, "password"), `${relayPassword}\n`, { mode: 0o600 });
  const company = stack.use(
    await start({
      dir,
      owner,
      names: staff,
      maildirs: inboxes,
      smarthost: listen,
      ...(login ? { login: credentials } : {}),
    }),
  );
  return {
    dir,
    owner,
    certificates,
    policy,
    senderPolicy,
    listen,
    company,
    who: login ? 'users = { exchange = { file = "exchange.hash" } }' : 'allow = ["127.0.0.0/8"]',
    async provider(kind, more) {
      const options: SubmissionOptions = {
        dir,
        owner,
        certificates,
        hostname: `${kind}.provider.example`,
        logins: { m123: relayPassword },
        names: outside,
        delivered: outboxes,
        policyPort: policy.port,
        senderPolicyPort: senderPolicy.port,
        ...more,
      };
      return stack.use(await (kind === "postfix" ? startPostfixSubmission(options) : startEximSubmission(options)));
    },
    outside: async (who) => readMaildir(path.join(outboxes, who)),
    inside: async (who) => readMaildir(path.join(inboxes, who)),
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

/** Whether this is that mail, octet for octet from its first line on (a maildir has no CR), but for a Bcc field. */
export function isSame(raw: Buffer, mail: TestMail): boolean {
  const text = raw.toString("utf8").replaceAll("\r\n", "\n");
  const begin = text.indexOf(`X-Test-Id: ${mail.id}\n`);
  const sent = compose(mail)
    .replaceAll("\r\n", "\n")
    .replace(/^Bcc: .*\n/mu, "");
  return begin >= 0 && text.slice(begin) === sent;
}

/** The header block. */
export function headerOf(raw: Buffer): string {
  return raw.toString("latin1").replaceAll("\r\n", "\n").split("\n\n")[0] ?? "";
}
