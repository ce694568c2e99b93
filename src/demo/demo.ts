/**
 * The demonstration: telling messages through a provider, popgate and a stand-in for Exchange, in and out, all in this
 * process and on loopback, and tables of what became of each. Ends with status 0 only if every row is as it must be.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openApp, type App } from "../app/app.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { formatProblem } from "../config/problem.ts";
import { systemClock, systemRandom } from "../runtime/clock.ts";
import { collectEvents } from "./demo-events.ts";
import { composeDemo, demoMessages, type DemoMessage } from "./messages.ts";
import { outboundDemoMessages } from "./outbound-messages.ts";
import { checkOutboundRow, gatherOutboundRow, type OutboundRow } from "./outbound-rows.ts";
import { onFreePort, relayLines, relayPassword, runOutbound, startRelays, type DemoRelays } from "./outbound.ts";
import { boxPassword, boxUser, startProvider, type DemoProvider } from "./provider.ts";
import { checkRow, gatherRow, type DemoRow } from "./rows.ts";
import { exchangeKnobs } from "./smtp-stand-in-knobs.ts";
import { startSmtpStandIn, type SmtpStandIn } from "./smtp-stand-in.ts";
import { submit } from "./submit.ts";
import { formatOutboundTable, formatTable } from "./table.ts";

export interface DemoOptions {
  readonly json: boolean;
}

const mailboxes = ["anna", "bernd", "chef", "postmaster"].map((name) => `${name}@firma.example`);

/** Resolves with the exit status. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const begun = performance.now();
  const messages = demoMessages();
  const outboundMessages = outboundDemoMessages();
  const dir = await mkdtemp(path.join(tmpdir(), "popgate-demo-"));
  try {
    await using provider = await startProvider(messages);
    await using relays = await startRelays();
    await using exchange = await startSmtpStandIn({ knobs: { ...exchangeKnobs, mailboxes: new Set(mailboxes) } });
    const events = collectEvents();
    const config = await demoConfig(dir, provider.pop3.port, exchange.port, relays);
    await using app = await openApp(config, { clock: systemClock, random: systemRandom, events });
    const faults = await fetchAll({ app, messages, provider, exchange });
    const rows = [];
    for (const message of messages) {
      const row = await gatherRow(message, app.spool, exchange.messages);
      rows.push({ ...row, faults: checkRow(message, row) });
    }
    await runOutbound(outboundMessages, { app, events, relays });
    const taken = { eins: relays.eins.messages, zwei: relays.zwei.messages, exchange: exchange.messages };
    const outbound = [];
    for (const message of outboundMessages) {
      const row = await gatherOutboundRow(message, app.spool, taken);
      outbound.push({ ...row, faults: checkOutboundRow(message, row) });
    }
    const internal = events.all.filter(({ kind }) => kind === "internal-error").map((event) => JSON.stringify(event));
    const seconds = (performance.now() - begun) / 1000;
    return report({ rows, outbound, faults: [...faults, ...internal], seconds }, options);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

interface Fetching {
  readonly app: App;
  readonly messages: readonly DemoMessage[];
  readonly provider: DemoProvider;
  readonly exchange: SmtpStandIn;
}

/** The provider's box is filled and drained twice. What is wrong then with the whole, in words. */
async function fetchAll({ app, messages, provider, exchange }: Fetching): Promise<string[]> {
  const signal = new AbortController().signal;
  for (const message of messages) {
    await submit(provider.smtp.port, { ...message, raw: composeDemo(message) }, signal);
  }
  const copies = provider.pop3.box(boxUser).list().length;
  await app.runOnce(signal);
  // A second round must find nothing to do.
  const taken = exchange.messages.length;
  await app.runOnce(signal);
  const told = notices(exchange.messages);
  return [
    ...generalFaults({ copies, expectedCopies: messages.reduce((sum, { must }) => sum + must.copies, 0) }),
    ...(provider.pop3.box(boxUser).list().length === 0 ? [] : ["the box at the provider is not empty"]),
    ...(exchange.messages.length === taken ? [] : ["a second round delivered something again"]),
    ...(told === 1 ? [] : [`the postmaster has ${told} notices, not one`]),
  ];
}

function generalFaults({ copies, expectedCopies }: { copies: number; expectedCopies: number }): string[] {
  return copies === expectedCopies ? [] : [`the provider stored ${copies} copies, not ${expectedCopies}`];
}

function notices(messages: readonly { readonly recipients: readonly string[] }[]): number {
  return messages.filter(({ recipients }) => recipients.includes("postmaster@firma.example")).length;
}

interface DemoResult {
  readonly rows: readonly (DemoRow & { readonly faults: readonly string[] })[];
  readonly outbound: readonly (OutboundRow & { readonly faults: readonly string[] })[];
  /** What is wrong with the whole. */
  readonly faults: readonly string[];
  readonly seconds: number;
}

/** Prints it. The exit status: 0 only if everything is as it must be. */
function report(result: DemoResult, { json }: DemoOptions): number {
  const { rows, outbound, faults, seconds } = result;
  const good = [...rows, ...outbound].filter((row) => row.faults.length === 0).length;
  const all = rows.length + outbound.length;
  if (json) {
    process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  } else {
    process.stdout.write(`${formatTable(rows)}\nFrom Exchange to the outside, by two relays:\n\n`);
    process.stdout.write(formatOutboundTable(outbound));
    for (const fault of faults) process.stdout.write(`NOT AS IT MUST BE: ${fault}\n`);
    process.stdout.write(
      `${good} of ${all} messages as they must be; the box is drained, the postmaster has one notice; ${seconds.toFixed(1)} s\n`,
    );
  }
  return faults.length === 0 && good === all ? 0 : 1;
}

async function demoConfig(dir: string, pop3Port: number, exchangePort: number, relays: DemoRelays): Promise<Config> {
  await writeFile(path.join(dir, "password"), boxPassword, { mode: 0o600 });
  await writeFile(path.join(dir, "relay-password"), relayPassword, { mode: 0o600 });
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

${relayLines(relays)}`,
  );
  const result = await loadConfig(file, process.env);
  if (result.kind === "bad") throw new Error(result.problems.map(formatProblem).join("\n"));
  return onFreePort(result.config);
}
