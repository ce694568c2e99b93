/**
 * Messages to measure with, made from a number: the same for every program and in every run. They lie on disk once, and
 * a box is filled with hard links to them.
 */
import { createCipheriv } from "node:crypto";
import { chmod, chown, link, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";

export interface MailSet {
  readonly name: string;
  readonly dir: string;
  /** Octets of each message, in the order of the box. */
  readonly sizes: readonly number[];
}

/** Octets of the first messages. */
export function octetsOf({ sizes }: MailSet, count = sizes.length): number {
  return sizes.slice(0, count).reduce((sum, size) => sum + size, 0);
}

/** The field by which the sink knows a message again. */
export const idField = "X-Bench-Id";
export const recipient = "anna@firma.example";
/** Whoever reads and writes the boxes. No program of Debian's runs as this user. */
export const boxOwner = { uid: 64_990, gid: 64_990 };

/** After so many messages the sizes of the mix begin anew. */
export const mixPeriod = 80;

/** Octets of each message, in the order of the box. */
export function sizesOfMix(count: number): number[] {
  // What a company's box holds: mostly short mail, some attachments, a few large ones. Ten shares of one tenth each.
  const shares = [3e3, 5e3, 8e3, 12e3, 20e3, 40e3, 80e3, 200e3, 600e3];
  return Array.from({ length: count }, (_, index) => {
    const share = shares[index % 10];
    // The last tenth: 1, 2, 4 and 10 MB in turn, the small ones more often.
    return share ?? [1e6, 1e6, 2e6, 1e6, 4e6, 1e6, 2e6, 10e6][Math.floor(index / 10) % 8] ?? 1e6;
  });
}

export async function makeMailSet(parent: string, name: string, sizes: readonly number[]): Promise<MailSet> {
  const dir = path.join(parent, name);
  await mkdir(dir, { recursive: true });
  const written: number[] = [];
  for (const [index, size] of sizes.entries()) {
    const content = message(`${name}-${index}`, size);
    const file = path.join(dir, fileName(index));
    await writeFile(file, content);
    await chown(file, boxOwner.uid, boxOwner.gid);
    written.push(content.length);
  }
  return { name, dir, sizes: written };
}

/** Empties a maildir and puts the first `count` messages of the set into it. */
export async function fillBox(box: string, set: MailSet | undefined, count = set?.sizes.length ?? 0): Promise<void> {
  await rm(box, { recursive: true, force: true });
  for (const sub of ["", "cur", "new", "tmp"]) {
    await mkdir(path.join(box, sub), { recursive: true });
    await chown(path.join(box, sub), boxOwner.uid, boxOwner.gid);
    await chmod(path.join(box, sub), 0o700);
  }
  if (set === undefined) return;
  for (let index = 0; index < count; index++)
    await link(path.join(set.dir, fileName(index)), path.join(box, "new", fileName(index)));
}

function fileName(index: number): string {
  return `${1_700_000_000 + index}.M${index}.bench`;
}

/** A message of about `size` octets with CRLF line ends, its envelope field as Exim writes it. */
export function message(id: string, size: number): Buffer {
  const header = [
    "Return-path: <kunde@kunden.example>",
    `Envelope-to: ${recipient}`,
    "Delivery-date: Tue, 03 Nov 2026 09:15:02 +0100",
    "Received: from mout.kunden.example ([192.0.2.44]:41234)",
    "\tby mx.provider.example with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384",
    `\t(Exim 4.98) (envelope-from <kunde@kunden.example>) id 1vFabc-000000${id}`,
    `\tfor ${recipient}; Tue, 03 Nov 2026 09:15:02 +0100`,
    "Received: from [10.1.2.3] (client.kunden.example [198.51.100.7])",
    "\tby mout.kunden.example (Postfix) with ESMTPSA id 4Zq1Xk",
    `\tfor <${recipient}>; Tue, 03 Nov 2026 09:15:01 +0100 (CET)`,
    `${idField}: ${id}`,
    `Message-ID: <${id}@kunden.example>`,
    "Date: Tue, 03 Nov 2026 09:15:00 +0100",
    "From: Kunde <kunde@kunden.example>",
    `To: Anna <${recipient}>`,
    `Subject: Angebot ${id}`,
    "MIME-Version: 1.0",
    "Content-Type: application/octet-stream",
    "Content-Transfer-Encoding: base64",
    "",
    "",
  ].join("\r\n");
  const rest = Math.max(80, size - header.length);
  const lines = Math.ceil(rest / 78);
  const key = Buffer.alloc(16);
  key.write(id.slice(-16));
  const noise = createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(lines * 57));
  return Buffer.from(header + noise.toString("base64").replaceAll(/.{76}/gu, "$&\r\n"), "latin1");
}
