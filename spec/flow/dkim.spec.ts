/** A message signed by its sender, through provider, popgate and into Exchange's stand-in: the signature still verifies. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { dkimVerify } from "mailauth";
import DKIM from "nodemailer/lib/dkim";
import { expect, test } from "vitest";
import { startPop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { configText, popgate } from "../fakes/popgate-process.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 1024,
  publicKeyEncoding: { type: "spki", format: "der" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

async function signed(message: string): Promise<Buffer> {
  const signer = new DKIM({ domainName: "kunde.example", keySelector: "s", privateKey });
  const chunks: Buffer[] = [];
  for await (const chunk of signer.sign(Buffer.from(message, "latin1"))) chunks.push(Buffer.from(chunk as Buffer));
  return Buffer.concat(chunks);
}

async function verdict(message: Buffer): Promise<(string | undefined)[]> {
  const resolver = async (): Promise<string[][]> => [[`v=DKIM1; k=rsa; p=${publicKey.toString("base64")}`]];
  const { results } = await dkimVerify(message, { resolver, minBitLength: 1024 });
  return results.map(({ status }) => status.result);
}

test("blind copy, 8-bit body, lines of dots: fields removed, signature whole", async () => {
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-dkim-"));
  try {
    const message = await signed(
      "From: s@kunde.example\r\nTo: list@kunde.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n folded\r\n" +
        "Date: Tue, 24 Nov 2026 08:00:00 +0100\r\nMessage-ID: <1@kunde.example>\r\n" +
        "Content-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe \r\n.\r\n..\r\n\r\n",
    );
    const received = "Received: by mx.provider.example; Tue, 24 Nov 2026 08:00:01 +0100\r\n";
    const fields = `Return-path: <s@kunde.example>\r\nEnvelope-to: chef@firma.example\r\n${received}`;
    const stored = Buffer.concat([Buffer.from(fields), message]);
    await using pop3 = await startPop3StandIn({
      accounts: [{ user: "sammel", password: "geheim", messages: [stored] }],
    });
    await using exchange = await startSmtpStandIn();
    await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
    const config = path.join(dir, "popgate.toml");
    const accounts = `[[collector]]\nname = "sammel"\nhost = "127.0.0.1"\nport = ${pop3.port}\ntls = "off"\nuser = "sammel"\npassword = { file = "password" }\nevery = "5m"\nkeep = "never"\nprofile = "exim"\n`;
    await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
    const run = await popgate(["run", "--once", "--config", config]);
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const raw = exchange.messages[0]?.raw ?? Buffer.alloc(0);
    expect(exchange.messages[0]?.recipients).toEqual(["chef@firma.example"]);
    expect(raw.toString("latin1")).not.toMatch(/envelope-to|return-path|chef@/iu);
    expect(await verdict(raw)).toEqual(["pass"]);
    // The check can fail.
    expect(await verdict(Buffer.from(raw.toString("latin1").replace("Gr\xfc", "Gr\xe4"), "latin1"))).not.toContain(
      "pass",
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
