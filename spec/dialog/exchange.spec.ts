/**
 * Exchange's side of a conversation with its smarthost, from its documentation and from published protocol logs, played
 * over a real socket against the listener with its real gatekeeper, receiver and spool. The format is that of
 * `client-script.ts`; what must have come of it:
 *
 *     expect:
 *     message                             one for each that is in the queue, in the order they came
 *     from anna@firma.example             or: from <>
 *     to kunde@else.example               or: to 500 people
 *     wish kunde@else.example SUCCESS,FAILURE rfc822;kunde@else.example
 *     ret HDRS envid x
 *     octets as sent                      what will be relayed below our own field; or: as sent, but for line ends
 *     nothing                             no message is in the queue
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { hashPassword } from "../../src/core/password-hash.ts";
import { render } from "../../src/message/render.ts";
import { createGatekeeper } from "../../src/outbound/gatekeeper.ts";
import { createReceiver, defaultMaxHeaderOctets } from "../../src/outbound/receiver.ts";
import { openListener, type Listener } from "../../src/outbound/smtp-listener.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import type { Spool } from "../../src/spool/port.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { certificates } from "../fakes/certificates.ts";
import { openMemorySpool } from "../fakes/memory-spool.ts";
import { parseClientScript, playClient, type ClientScript } from "./client-script.ts";

const folder = path.join(import.meta.dirname, "exchange");
const hostname = "popgate.firma.example";
const maxOctets = 20_000_000;
const events = { emit: (): void => undefined };

let files = "";
beforeAll(() => {
  files = mkdtempSync(path.join(tmpdir(), "popgate-exchange-"));
  const { cert, key } = certificates().server;
  writeFileSync(path.join(files, "cert.pem"), cert);
  writeFileSync(path.join(files, "key.pem"), key, { mode: 0o600 });
});
afterAll(() => rmSync(files, { recursive: true }));

const hash = await hashPassword("geheim", { ln: 10 });

/** A listener for what a script says of itself. */
async function listen(spool: Spool, { settings }: ClientScript): Promise<Listener> {
  const ports = { clock: systemClock, events };
  const gatekeeper = createGatekeeper(
    {
      allow: settings.get("from") === "login" ? [] : ["127.0.0.0/8"],
      users: new Map([["exchange", { read: async () => hash }]]),
      tls: true,
      senderDomains: ["firma.example"],
      foreignSenders: false,
      maxOctets: () => maxOctets,
      maxRecipients: Number(settings.get("max-recipients") ?? 1000),
      connections: 20,
      clientConnections: 20,
      clientMessagesPerMinute: 0,
    },
    ports,
  );
  const receiver = createReceiver(
    { hostname, maxOctets, maxHeaderOctets: defaultMaxHeaderOctets },
    { ...ports, spool, pressure: () => ({ kind: "ok" }), maxRelayOctets: () => undefined },
  );
  return openListener(
    {
      hostname,
      postmaster: mustAddress("postmaster@firma.example"),
      listen: [{ host: "127.0.0.1", port: 0 }],
      listenImplicit: [],
      tls: { certFile: path.join(files, "cert.pem"), keyFile: path.join(files, "key.pem") },
      idleMs: 60_000,
      sessionMs: 60_000,
      graceMs: 0,
      connections: 20,
    },
    { ...ports, gatekeeper, receiver },
  );
}

async function outcome(spool: Spool, script: ClientScript): Promise<string[]> {
  const records = await spool.list(undefined, 10);
  const lines = await Promise.all(records.map(async (record) => told(record, await octetsOf(spool, record, script))));
  return records.length === 0 ? ["nothing"] : lines.flat();
}

function told(record: MessageRecord, octets: string): string[] {
  const { reversePath, recipients, submission } = record;
  const people = recipients.map(({ address }) => address);
  const wishes = recipients.flatMap(({ address, dsn }) =>
    dsn === undefined ? [] : [`wish ${address} ${dsn.notify.join(",")} ${dsn.orcpt ?? ""}`.trimEnd()],
  );
  const { ret, envid } = submission ?? {};
  return [
    "message",
    `from ${reversePath.kind === "null" ? "<>" : reversePath.address}`,
    `to ${people.length > 10 ? `${new Set(people).size} people` : people.join(" ")}`,
    ...wishes,
    ...(ret === undefined && envid === undefined ? [] : [`ret ${ret ?? ""} envid ${envid ?? ""}`]),
    `octets ${octets}`,
  ];
}

/** How what will be relayed compares with what was sent. */
async function octetsOf(spool: Spool, record: MessageRecord, { messages }: ClientScript): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of render(spool.body(record.id), record.edits)) chunks.push(chunk);
  const whole = Buffer.concat(chunks).toString("latin1");
  if (!whole.startsWith(record.edits.prepend)) return "without our field";
  const relayed = whole.slice(record.edits.prepend.length);
  const sent = messages.map((message) => message.toString("latin1"));
  if (sent.includes(relayed)) return "as sent";
  const canonical = sent.map((message) => message.replaceAll(/\r\n|\r|\n/gu, "\r\n"));
  return canonical.includes(relayed) ? "as sent, but for line ends" : `changed: ${relayed}`;
}

describe("what Exchange says to a smarthost", () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith(".txt")))("%s", async (file) => {
    const script = parseClientScript(readFileSync(path.join(folder, file), "utf8"));
    expect(script.source, "where it is documented").not.toBe("");
    await using spool = await openMemorySpool({ clock: systemClock, random: systemRandom, events });
    await using listener = await listen(spool, script);
    const [address] = listener.addresses();
    await playClient(address?.port ?? 0, script);
    await listener[Symbol.asyncDispose]();
    expect(await outcome(spool, script)).toEqual(script.expected);
  });
});
