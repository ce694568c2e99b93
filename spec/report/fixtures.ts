/** Facts for reports, a strict reader of them, and a desk on a spool in memory. */
import { simpleParser, type ParsedMail } from "mailparser";
import { mustAddress, type Address, type ReversePath } from "../../src/core/address.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import type { MessageId } from "../../src/core/ids.ts";
import type { Cause, SmtpPhase } from "../../src/core/outcome.ts";
import { createReportDesk, type ReportDesk } from "../../src/report/report-desk.ts";
import type { OriginalFacts, RecipientFacts } from "../../src/report/report-facts.ts";
import type { ReportFacts } from "../../src/report/report-mail.ts";
import type { ReportOptions } from "../../src/report/spool-report.ts";
import type { OwnedSpool } from "../../src/spool/spool.ts";
import {
  queuedRecipient,
  type DsnWishes,
  type MessageDraft,
  type MessageRecord,
  type OwedReport,
  type Recipient,
  type Submission,
} from "../../src/spool/record.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";

export const never = new AbortController().signal;
export const day = 86_400_000;
export const at = Date.UTC(2026, 10, 24, 8, 5, 9);

export function replied(code: number, enhanced: string | undefined, text: string, phase: SmtpPhase = "rcpt"): Cause {
  return { kind: "reply", phase, reply: { code, enhanced, text } };
}

const unknownUser = replied(550, "5.1.1", "No such user here");
export const refusedConnection: Cause = {
  kind: "connection",
  phase: "connect",
  code: "ECONNREFUSED",
  message: "connect ECONNREFUSED 192.0.2.7:587",
};

export function recipient(facts: Partial<RecipientFacts> = {}): RecipientFacts {
  return {
    address: mustAddress("kunde@else.example"),
    orcpt: undefined,
    happening: { kind: "bounced", cause: unknownUser },
    remote: "smtp.provider.example",
    lastAttemptAt: at - 5_000,
    ...facts,
  };
}

export function original(facts: Partial<OriginalFacts> = {}): OriginalFacts {
  return {
    id: "0123456789BCDF",
    receivedAt: at - 60_000,
    messageId: "<brief@firma.example>",
    subject: "Angebot für Köln",
    envid: undefined,
    recipients: 1,
    until: at - 60_000 + 5 * day,
    confidential: false,
    ...facts,
  };
}

export function facts(changes: Partial<ReportFacts> = {}): ReportFacts {
  return {
    kind: "failed",
    language: "de",
    hostname: "mail.firma.example",
    postmaster: mustAddress("postmaster@firma.example"),
    timeZone: "Europe/Berlin",
    to: mustAddress("anna@firma.example"),
    id: "1123456789BCDF",
    at,
    original: original(),
    recipients: [recipient()],
    returned: { kind: "headers", octets: Buffer.from("From: anna@firma.example\r\nSubject: Angebot\r\n") },
    ...changes,
  };
}

/** A report, taken apart without tolerance. */
export interface ReadReport {
  readonly header: string;
  readonly parts: readonly { readonly type: string; readonly encoding: string; readonly content: Buffer }[];
  readonly text: string;
  /** The fields of the message and of each recipient; a name that stands twice in a block is an error. */
  readonly status: readonly [Record<string, string>, ...Record<string, string>[]];
  readonly mail: ParsedMail;
}

export async function readReport(raw: Buffer): Promise<ReadReport> {
  const latin = raw.toString("latin1");
  const end = latin.indexOf("\r\n\r\n");
  const header = latin.slice(0, end);
  const boundary = /boundary="([^"]{1,70})"/u.exec(header)?.[1];
  if (boundary === undefined) throw new Error(`no boundary in ${header}`);
  const [preamble, ...rest] = latin.slice(end + 2).split(`\r\n--${boundary}`);
  const close = rest.pop();
  if (preamble !== "" || close !== "--\r\n") throw new Error("the multipart is not well-formed");
  const parts = rest.map((text) => {
    const blank = text.indexOf("\r\n\r\n");
    const head = text.slice(0, blank);
    const encoding = /^Content-Transfer-Encoding: (\S+)$/imu.exec(head)?.[1] ?? "7bit";
    const type = /^Content-Type: (.+)$/imu.exec(head)?.[1]?.trim() ?? "";
    return { type, encoding, content: decoded(Buffer.from(text.slice(blank + 4), "latin1"), encoding) };
  });
  const [human, machine] = parts;
  if (human === undefined || machine === undefined) throw new Error("a report has two parts at least");
  const blocks = machine.content
    .toString("utf8")
    .replace(/(?:\r\n)+$/u, "")
    .split("\r\n\r\n")
    .map(fields);
  const [first, ...others] = blocks;
  if (first === undefined) throw new Error("no fields");
  const mail = await simpleParser(raw);
  return { header, parts, text: human.content.toString("utf8"), status: [first, ...others], mail };
}

function decoded(content: Buffer, encoding: string): Buffer {
  const latin = content.toString("latin1");
  switch (encoding) {
    case "7bit":
    case "8bit":
      return content;
    case "base64":
      return Buffer.from(latin, "base64");
    case "quoted-printable": {
      const joined = latin.replace(/=\r\n/gu, "");
      if (/=(?![0-9A-F]{2})/u.test(joined)) throw new Error("not quoted-printable");
      const octets = joined.replace(/=([0-9A-F]{2})/gu, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      );
      return Buffer.from(octets, "latin1");
    }
    default:
      throw new Error(`what is ${encoding}?`);
  }
}

function fields(block: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of block.replace(/\r\n[ \t]+/gu, " ").split("\r\n")) {
    const match = /^([A-Z][A-Za-z-]*): (\S.*)$/u.exec(line);
    if (match === null) throw new Error(`not a field: ${JSON.stringify(line)}`);
    const [, name = "", value = ""] = match;
    if (found[name] !== undefined) throw new Error(`${name} stands twice`);
    found[name] = value;
  }
  return found;
}

interface Sent {
  readonly to?: readonly Recipient[];
  readonly from?: ReversePath;
  readonly submission?: Partial<Submission>;
  readonly owed?: readonly OwedReport[];
  readonly body?: AsyncIterable<Buffer> | Buffer | string;
  readonly draft?: Partial<MessageDraft>;
  readonly record?: Partial<MessageRecord>;
}

export interface World {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  spool: OwnedSpool;
  readonly events: PopgateEvent[];
  desk(options?: Partial<ReportOptions>): ReportDesk;
  /** Puts a submitted message in, with what has become of it. */
  send(sent?: Sent): Promise<MessageId>;
  /** The reports in the queue. */
  reports(): Promise<{ record: MessageRecord; raw: Buffer }[]>;
  restart(): Promise<void>;
}

export const anna: ReversePath = { kind: "address", address: mustAddress("anna@firma.example") };

export function bounced(address = "kunde@else.example", dsn?: DsnWishes, cause: Cause = unknownUser): Recipient {
  return { ...queuedRecipient(mustAddress(address), at), dsn, state: { kind: "bounced", at, cause }, lastCause: cause };
}

export function owing(kind: OwedReport["kind"], ...recipients: readonly string[]): OwedReport {
  return { kind, recipients: recipients.map((text): Address => mustAddress(text)), since: at };
}

export const message = "From: anna@firma.example\r\nBcc: geheim@firma.example\r\nSubject: Angebot\r\n\r\nGuten Tag\r\n";

const bcc = { start: message.indexOf("Bcc:"), end: message.indexOf("Subject:") };

/** The spool with one of its functions replaced. */
export function spoolWith(spool: OwnedSpool, changes: Partial<OwnedSpool>): OwnedSpool {
  return new Proxy(spool, {
    get(target, name) {
      const value: unknown = Reflect.get(changes, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

export async function makeWorld(): Promise<World> {
  const clock = new ManualClock(at);
  const store = new MemoryStore();
  const events: PopgateEvent[] = [];
  const sink = { emit: (event: PopgateEvent) => void events.push(event) };
  const open = async (): Promise<OwnedSpool> =>
    openMemorySpool({ clock, random: { next: () => Math.random() }, events: sink }, store);
  const world: World = {
    clock,
    store,
    spool: await open(),
    events,
    desk: (options = {}) =>
      createReportDesk({
        spool: world.spool,
        clock,
        events: sink,
        options: {
          hostname: "mail.firma.example",
          postmaster: mustAddress("postmaster@firma.example"),
          domains: ["firma.example"],
          language: "en",
          giveUpMs: 5 * day,
          ...options,
        },
      }),
    async send({ to = [bounced()], from = anna, submission = {}, owed, body = message, draft = {}, record } = {}) {
      await using ingest = world.spool.begin();
      const chunks = typeof body === "string" ? [Buffer.from(body)] : Buffer.isBuffer(body) ? [body] : body;
      for await (const chunk of chunks) await ingest.write(chunk);
      await ingest.commit(
        {
          direction: "outbound",
          origin: { kind: "smtp", client: "192.0.2.1", user: undefined, protocol: "ESMTP" },
          reversePath: from,
          recipients: to.map(({ address, dsn }) => ({ ...queuedRecipient(address, at), dsn })),
          hold: undefined,
          edits: { prepend: "Received: by mail.firma.example\r\n", cuts: [bcc] },
          removed: [],
          evidence: undefined,
          summary: { messageId: "<brief@firma.example>", from: "anna@firma.example", subject: "Angebot", date: "" },
          traits: { eightBit: false, eightBitHeader: false, longLines: false },
          contentDigest: "",
          submission: { sender: undefined, ret: undefined, envid: undefined, requireTls: false, ...submission },
          ...draft,
        },
        undefined,
      );
      const told = owed ?? [owing("failed", ...to.map(({ address }) => address))];
      const attempt = {
        at,
        destination: "relay provider smtp.provider.example:587",
        recipients: to.map(({ address }) => address),
        text: "as it went",
      };
      await world.spool.update(ingest.id, (present) => ({
        ...present,
        recipients: to,
        attempts: [attempt],
        owed: told,
        ...record,
      }));
      return ingest.id;
    },
    async reports() {
      const found = [];
      for (const record of await world.spool.list(undefined, 1_000)) {
        if (record.origin.kind !== "local") continue;
        const chunks: Buffer[] = [];
        for await (const chunk of world.spool.body(record.id)) chunks.push(chunk);
        found.push({ record, raw: Buffer.concat(chunks) });
      }
      return found;
    },
    async restart() {
      await world.spool[Symbol.asyncDispose]();
      world.spool = await open();
    },
  };
  return world;
}
