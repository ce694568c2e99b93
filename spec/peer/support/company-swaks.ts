/**
 * Swaks in Exchange's place: each message in a conversation of its own, straight to popgate, with what swaks can do
 * (STARTTLS, AUTH LOGIN, pipelining; no DSN). Mail from popgate is taken by a Postfix beside it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startPostfixCompany } from "./company-postfix.ts";
import type { Company, CompanyOptions } from "./company.ts";
import { compose, type TestMail } from "./mail.ts";

export async function startSwaksCompany(options: CompanyOptions): Promise<Company> {
  const target = await startPostfixCompany(options);
  return {
    port: target.port,
    log: target.log,
    async submit(mails) {
      const left = [...mails];
      const next = async (): Promise<void> => {
        for (let mail = left.shift(); mail !== undefined; mail = left.shift()) await swaks(options, mail);
      };
      await Promise.all([next(), next(), next()]);
    },
    [Symbol.asyncDispose]: async () => target[Symbol.asyncDispose](),
  };
}

async function swaks({ dir, smarthost, login }: CompanyOptions, mail: TestMail): Promise<void> {
  const file = path.join(dir, `swaks-${mail.id}.eml`);
  // Swaks makes CRLF of every line feed, stuffs dots, and adds the last line end.
  await writeFile(file, compose(mail).replaceAll("\r\n", "\n").replace(/\n$/u, ""));
  const secured =
    login === undefined
      ? {}
      : {
          "--tls-ca-path": login.caFile,
          "--auth": "LOGIN",
          "--auth-user": login.user,
          "--auth-password": login.password,
        };
  const values = {
    "--server": "localhost",
    "--port": String(smarthost),
    "--ehlo": "exchange.firma.example",
    "--from": mail.from === "" ? "<>" : mail.from,
    "--to": mail.rcpt.join(","),
    "--data": `@${file}`,
    "--timeout": "20",
    ...secured,
  };
  const flags = ["--pipeline", "--suppress-data", ...(login === undefined ? [] : ["--tls", "--tls-verify"])];
  const args = [...Object.entries(values).flat(), ...flags];
  const child = spawn("/usr/bin/swaks", args, { stdio: ["ignore", "pipe", "pipe"] });
  let transcript = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (transcript += chunk.toString()));
  await once(child, "close");
  if (child.exitCode !== 0) throw new Error(`swaks ended with ${child.exitCode}:\n${transcript}`);
}
