/**
 * A company with a box at a provider, an Exchange and a relay, all stand-ins in this process, and a configuration that is
 * right for them: each spec plants its mistake into that, and asks the doctor as the command line does.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { DoctorAround } from "../../src/app/doctoring.ts";
import { runDoctor } from "../../src/cli/doctor.ts";
import type { DoctorTimeouts } from "../../src/doctor/port.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { startPop3StandIn, type Pop3StandIn, type StandInOptions } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn, type SmtpStandIn, type SmtpStandInOptions } from "../../src/demo/smtp-stand-in.ts";
import { certificates } from "../fakes/certificates.ts";
import { exchangeKnobs, relaxedKnobs } from "../../src/demo/smtp-stand-in-knobs.ts";

export interface WorldOptions {
  readonly messages?: readonly Buffer[];
  readonly pop3?: Partial<StandInOptions>;
  /** The box's server speaks TLS. */
  readonly hasTls?: boolean;
  readonly exchange?: SmtpStandInOptions;
  readonly relay?: SmtpStandInOptions;
}

/** Pieces of the configuration; what is left out is right for the stand-ins. */
interface Written {
  readonly domains?: string;
  readonly hostname?: string;
  readonly spool?: string;
  /** `host`, `port`, `tls` of the box. */
  readonly server?: string;
  /** How recipients are found. */
  readonly envelope?: string;
  readonly password?: string;
  readonly exchange?: string;
  readonly relay?: string;
  readonly listener?: string;
  readonly more?: string;
}

interface Answer {
  readonly status: number;
  readonly findings: readonly Finding[];
  readonly summary: string;
  /** Errors and warnings. */
  readonly bad: readonly Finding[];
  /** What is said of errors and warnings, one after the other. */
  readonly words: string;
}

export interface DoctorWorld extends AsyncDisposable {
  readonly dir: string;
  readonly pop3: Pop3StandIn;
  readonly exchange: SmtpStandIn;
  readonly relay: SmtpStandIn;
  /** A line that has the listener listen on a port that was free a moment ago. */
  readonly listen: string;
  /** Writes the configuration and asks. */
  ask(written?: Written, what?: readonly string[], around?: Partial<DoctorAround>, strict?: boolean): Promise<Answer>;
}

/** No spec waits for a person. */
const timeouts: DoctorTimeouts = { connectMs: 5000, silenceMs: 300, replyMs: 5000 };

/** The only name server here. */
async function lookup(host: string): Promise<readonly string[]> {
  if (host.endsWith(".example")) return ["192.0.2.1"];
  throw Object.assign(new Error(`no ${host}`), { code: "ENOTFOUND" });
}

export async function makeDoctorWorld(options: WorldOptions = {}): Promise<DoctorWorld> {
  const stack = new AsyncDisposableStack();
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-doctor-"));
  stack.defer(async () => rm(dir, { recursive: true, force: true }));
  const { messages = [] } = options;
  const pop3 = stack.use(
    await startPop3StandIn({
      accounts: [{ user: "sammel", password: "geheim", messages }],
      ...(options.hasTls === false ? {} : { tls: { ...certificates().server, implicit: true } }),
      ...options.pop3,
    }),
  );
  const exchange = stack.use(
    await startSmtpStandIn({ ...options.exchange, knobs: { ...exchangeKnobs, ...options.exchange?.knobs } }),
  );
  const relayKnobs = { ...relaxedKnobs, auth: ["PLAIN"] as const, users: new Map([["info@firma.example", "raus"]]) };
  const relay = stack.use(
    await startSmtpStandIn({
      tls: certificates().server,
      ...options.relay,
      knobs: { ...relayKnobs, ...options.relay?.knobs },
    }),
  );
  await writeFile(path.join(dir, "ca.pem"), certificates().ca.cert);
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  await writeFile(path.join(dir, "relay-password"), "raus\n", { mode: 0o600 });
  const free = await startPop3StandIn({ accounts: [] });
  await free.close();
  const ports = { pop3: pop3.port, exchange: exchange.port, relay: relay.port };
  return {
    dir,
    pop3,
    exchange,
    relay,
    listen: `listen = ["127.0.0.1:${free.port}"]`,
    async ask(written = {}, what = [], around = {}, strict = false) {
      const config = path.join(dir, "popgate.toml");
      await writeFile(config, configText(dir, ports, written), { mode: 0o600 });
      let out = "";
      const surroundings = { env: {}, stdout: { write: (text: string) => (out += text) }, stderr: { write: fail } };
      const status = await runDoctor({ config, json: true, strict, what }, surroundings, {
        timeouts,
        lookup,
        ...around,
      });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the command prints
      const { findings, summary } = JSON.parse(out) as { findings: Finding[]; summary: string };
      const bad = findings.filter(({ severity }) => severity === "error" || severity === "warning");
      const words = bad
        .map((finding) => [finding.what, finding.remedy, ...(finding.lines ?? [])].join("\n"))
        .join("\n");
      return { status, findings, summary, bad, words };
    },
    [Symbol.asyncDispose]: async () => stack.disposeAsync(),
  };
}

function fail(text: string): never {
  throw new Error(text);
}

function configText(dir: string, ports: { pop3: number; exchange: number; relay: number }, written: Written): string {
  return `
hostname = "${written.hostname ?? "popgate.firma.example"}"
postmaster = "postmaster@firma.example"
domains = ${written.domains ?? '["firma.example"]'}

[spool]
dir = "spool"
min_free = "1 MB"
max_size = "100 MB"
${written.spool ?? ""}

[exchange]
host = "127.0.0.1"
${written.exchange ?? `port = ${ports.exchange}\ntls = "off"`}

[admin]
socket = "${path.join(dir, "admin.sock")}"

[[collector]]
name = "sammel"
${written.server ?? `host = "127.0.0.1"\nport = ${ports.pop3}\ntls = "implicit"\nca = "ca.pem"`}
user = "sammel"
password = ${written.password ?? '{ file = "password" }'}
max_size = "10 MB"
keep = "never"
${written.envelope ?? 'profile = "exim"'}

${
  written.listener === undefined
    ? ""
    : `[listener]\nallow = ["127.0.0.0/8"]\n${written.listener}\n
[[relay]]
name = "provider"
host = "127.0.0.1"
${written.relay ?? `port = ${ports.relay}\ntls = "required"\nca = "ca.pem"`}
user = "info@firma.example"
${written.relay?.includes("password") === true ? "" : 'password = { file = "relay-password" }'}
senders = ["*@firma.example"]
`
}
${written.more ?? ""}
`;
}

let serial = 0;

export interface StoredMail {
  readonly to?: string;
  /** Lines above the provider's Received field. */
  readonly top?: readonly string[];
  /** The provider's Received fields, from the top. */
  readonly received?: readonly string[];
  /** Lines that the sender's side wrote, below them. */
  readonly sender?: readonly string[];
  /** Lines at the end of the header. */
  readonly bottom?: readonly string[];
}

/** A message as a provider stores it. */
export function stored(mail: StoredMail): Buffer {
  serial += 1;
  const date = "Tue, 24 Nov 2026 09:59:00 +0100";
  const lines = [
    ...(mail.top ?? []),
    ...(mail.received ?? ["from out.else.example by mx.provider.example with esmtp (Exim 4.98)"]).map(
      (line) => `Received: ${line};\r\n\t${date}`,
    ),
    ...(mail.sender ?? []),
    "From: Kunde <kunde@else.example>",
    `To: ${mail.to ?? "undisclosed-recipients:;"}`,
    `Date: ${date}`,
    `Message-ID: <${serial}@else.example>`,
    "Subject: offer",
    ...(mail.bottom ?? []),
    "",
    "Good morning.",
    "",
  ];
  return Buffer.from(lines.join("\r\n"));
}

/** As Exim stores it. */
export function byExim(...recipients: readonly string[]): Buffer {
  return stored({ top: ["Return-path: <kunde@else.example>", `Envelope-to: ${recipients.join(", ")}`] });
}

const names = ["anna", "bernd", "chef", "dora"];

/** So many messages to several people of a domain, in turn. */
export function mails(count: number, make: (address: string) => Buffer = byExim, domain = "firma.example"): Buffer[] {
  return Array.from({ length: count }, (_, index) => make(`${names[index % names.length] ?? ""}@${domain}`));
}
