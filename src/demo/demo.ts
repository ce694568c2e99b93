/**
 * The demonstration: telling messages through a provider, popgate and a stand-in for Exchange, all in this process and on
 * loopback, and a table of what became of each. Ends with status 0 only if every row is as it must be.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openApp } from "../app/app.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import type { PopgateEvent } from "../core/events.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { checkRow, gatherRow, type DemoRow } from "./rows.ts";
import { composeDemo, demoMessages } from "./messages.ts";
import { boxPassword, boxUser, startProvider } from "./provider.ts";
import { exchangeKnobs } from "./smtp-stand-in-knobs.ts";
import { startSmtpStandIn } from "./smtp-stand-in.ts";
import { submit } from "./submit.ts";
import { formatTable } from "./table.ts";

export interface DemoOptions {
  readonly json: boolean;
}

const mailboxes = ["anna", "bernd", "chef", "postmaster"].map((name) => `${name}@firma.example`);

/** Resolves with the exit status. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const signal = new AbortController().signal;
  const begun = performance.now();
  const messages = demoMessages();
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-demo-"));
  try {
    await using provider = await startProvider(messages);
    await using exchange = await startSmtpStandIn({ knobs: { ...exchangeKnobs, mailboxes: new Set(mailboxes) } });
    for (const message of messages) {
      await submit(provider.smtp.port, { ...message, raw: composeDemo(message) }, signal);
    }
    const copies = provider.pop3.box(boxUser).list().length;
    const events: PopgateEvent[] = [];
    const config = await demoConfig(dir, provider.pop3.port, exchange.port);
    await using app = await openApp(config, {
      clock: systemClock,
      random: systemRandom,
      events: { emit: (event) => void events.push(event) },
    });
    await app.runOnce(signal);
    // A second round must find nothing to do.
    const taken = exchange.messages.length;
    await app.runOnce(signal);
    const rows = [];
    for (const message of messages) {
      const row = await gatherRow(message, app.spool, exchange.messages);
      rows.push({ ...row, faults: checkRow(message, row) });
    }
    const faults = [
      ...generalFaults({ copies, expectedCopies: messages.reduce((sum, { must }) => sum + must.copies, 0) }),
      ...(provider.pop3.box(boxUser).list().length === 0 ? [] : ["the box at the provider is not empty"]),
      ...(exchange.messages.length === taken ? [] : ["a second round delivered something again"]),
      ...(notices(exchange.messages) === 1
        ? []
        : [`the postmaster has ${notices(exchange.messages)} notices, not one`]),
      ...events.filter(({ kind }) => kind === "internal-error").map((event) => JSON.stringify(event)),
    ];
    const seconds = (performance.now() - begun) / 1000;
    report(rows, faults, seconds, options);
    return faults.length === 0 && rows.every((row) => row.faults.length === 0) ? 0 : 1;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function generalFaults({ copies, expectedCopies }: { copies: number; expectedCopies: number }): string[] {
  return copies === expectedCopies ? [] : [`the provider stored ${copies} copies, not ${expectedCopies}`];
}

function notices(messages: readonly { readonly recipients: readonly string[] }[]): number {
  return messages.filter(({ recipients }) => recipients.includes("postmaster@firma.example")).length;
}

function report(
  rows: readonly (DemoRow & { readonly faults: readonly string[] })[],
  faults: readonly string[],
  seconds: number,
  { json }: DemoOptions,
): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ rows, faults, seconds }, undefined, 2)}\n`);
    return;
  }
  process.stdout.write(formatTable(rows));
  for (const fault of faults) process.stdout.write(`NOT AS IT MUST BE: ${fault}\n`);
  const good = rows.filter((row) => row.faults.length === 0).length;
  process.stdout.write(
    `${good} of ${rows.length} messages as they must be; the box is drained, the postmaster has one notice; ${seconds.toFixed(1)} s\n`,
  );
}

async function demoConfig(dir: string, pop3Port: number, exchangePort: number): Promise<Config> {
  await writeFile(path.join(dir, "password"), boxPassword, { mode: 0o600 });
  const file = path.join(dir, "popgate.toml");
  await writeFile(
    file,
    `hostname = "popgate.firma.example"
postmaster = "postmaster@firma.example"
domains = ["firma.example"]

[aliases]
"verkauf@firma.example" = ["bernd@firma.example"]

[spool]
dir = "spool"

[exchange]
host = "127.0.0.1"
port = ${exchangePort}
tls = "off"

[[collector]]
name = "sammel"
host = "127.0.0.1"
port = ${pop3Port}
tls = "off"
user = "${boxUser}"
password = { file = "password" }
every = "5m"
keep = "never"
profile = "exim"
`,
  );
  const result = await loadConfig(file, process.env);
  if (result.kind === "bad") throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.config;
}
