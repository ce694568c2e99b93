/**
 * `popgate.toml` as it is written: every key with its kind, its default and what it is for. Defaults stand here and
 * nowhere else. What keys mean together is the business of the checks; what becomes of them, of `resolve.ts`.
 *
 * Two forms of one schema: `strictSchema` asks for every key that must be there, `lenientSchema` for none, so that what
 * is there can be checked although something else is missing.
 */
import { z } from "zod";
import { collectorShape, loginShape, mailboxShape, trustShape } from "./account-schema.ts";
import { adminShape, listenerShape, dkimShape, relayShape } from "./outbound-schema.ts";
import { address, domain, duration, host, line, port, size } from "./scalars.ts";

const generalShape = {
  hostname: host().describe("Our own name, as Exchange and the world are to see it: a name with a domain."),
  postmaster: address().describe("Who is told of what popgate cannot decide."),
  domains: z
    .array(domain())
    .min(1)
    .describe("The company's mail domains. No other address ever gets mail from a collector."),
  aliases: z
    .record(z.string(), z.union([address(), z.array(address()).min(1)]))
    .default({})
    .describe("Addresses replaced by others before delivery; `*@domain` stands for all others of a domain."),
  poll_parallel: z.int().min(1).max(64).default(4).describe("How many boxes are polled at the same time."),
};

const spoolShape = {
  dir: line().prefault("/var/lib/popgate/spool").describe("Directory of the spool; on a local disk."),
  max_size: size().prefault("10 GiB").describe("How much mail the spool may hold."),
  min_free: size().prefault("500 MB").describe("Nothing new is taken in when the disk has less than this left."),
  history_days: z
    .number()
    .min(0.01)
    .max(3650)
    .default(30)
    .describe("How long it can be looked up what became of a message; 0.25 is six hours."),
};

const exchangeShape = {
  host: host().describe("The Exchange server, or any SMTP server in its place."),
  port: port().optional().describe('Default: 25; 465 with tls = "implicit".'),
  tls: z
    .enum(["off", "opportunistic", "required", "implicit"])
    .default("opportunistic")
    .describe("`opportunistic`: if it is offered; `required`: never without STARTTLS; `implicit`: from the start."),
  ...trustShape,
  user: line().optional().describe("Login name, where Exchange asks for one."),
  password: loginShape.password,
  connections: z.int().min(1).max(50).default(4).describe("Most connections at the same time."),
  max_recipients: z.int().min(1).max(5000).default(200).describe("Most recipients in one transaction."),
  on_reject: z
    .enum(["hold", "redirect"])
    .default("hold")
    .describe("What becomes of mail for a recipient that is refused for good."),
  redirect_to: address().optional().describe('Who gets it with on_reject = "redirect".'),
  give_up: duration().prefault("5d").describe("Mail that could not be delivered for so long is held."),
  retry: z
    .array(duration())
    .min(1)
    .prefault(["1m", "2m", "5m", "10m", "15m", "30m", "1h"])
    .describe("Pauses between attempts; the last one repeats."),
  eight_bit: z
    .enum(["send", "hold"])
    .default("send")
    .describe("What to do with 8-bit mail if the server does not offer 8BITMIME."),
};

const noticeShape = {
  every: duration().prefault("1h").describe("At most one notice in this time."),
  language: z.enum(["de", "en"]).default("en").describe("Language of notices."),
};

const reportShape = {
  language: z
    .enum(["de", "en", "both"])
    .default("both")
    .describe("Language of what senders are told of mail that is late or could not be delivered."),
};

const logShape = {
  level: z.enum(["debug", "info", "warn", "error"]).default("info").describe("What is logged."),
  pretty: z.boolean().default(false).describe("Lines for people instead of JSON."),
};

const sectionText = {
  spool: "Where mail is kept until it is delivered.",
  exchange: "Where mail is delivered to.",
  collector: "A box that holds mail for many.",
  mailbox: "A box of one person, or a few.",
  notice: "What the postmaster is told.",
  listener: "Where Exchange hands over outbound mail.",
  relay: "A provider's server for outbound mail.",
  dkim: "A key to sign outbound mail with.",
  report: "What senders are told.",
  admin: "How an administrator reaches the running program.",
  log: "What is logged, and how.",
};

const common = {
  ...generalShape,
  spool: z.strictObject(spoolShape).prefault({}).describe(sectionText.spool),
  notice: z.strictObject(noticeShape).prefault({}).describe(sectionText.notice),
  report: z.strictObject(reportShape).prefault({}).describe(sectionText.report),
  log: z.strictObject(logShape).prefault({}).describe(sectionText.log),
  admin: z.strictObject(adminShape).prefault({}).describe(sectionText.admin),
};

export const strictSchema = z.strictObject({
  ...common,
  exchange: z.strictObject(exchangeShape).describe(sectionText.exchange),
  collector: z.array(z.strictObject(collectorShape)).default([]).describe(sectionText.collector),
  mailbox: z.array(z.strictObject(mailboxShape)).default([]).describe(sectionText.mailbox),
  listener: z.strictObject(listenerShape).optional().describe(sectionText.listener),
  relay: z.array(z.strictObject(relayShape)).default([]).describe(sectionText.relay),
  dkim: z.array(z.strictObject(dkimShape)).default([]).describe(sectionText.dkim),
});

export const lenientSchema = z
  .strictObject({
    ...common,
    exchange: z.strictObject(exchangeShape).partial(),
    collector: z.array(z.strictObject(collectorShape).partial()).default([]),
    mailbox: z.array(z.strictObject(mailboxShape).partial()).default([]),
    listener: z.strictObject(listenerShape).partial(),
    relay: z.array(z.strictObject(relayShape).partial()).default([]),
    dkim: z.array(z.strictObject(dkimShape).partial()).default([]),
  })
  .partial();

export type Raw = z.output<typeof strictSchema>;
export type RawCollector = Raw["collector"][number];
export type RawMailbox = Raw["mailbox"][number];
export type RawRelay = Raw["relay"][number];
export type RawDkim = Raw["dkim"][number];
export type RawListener = NonNullable<Raw["listener"]>;

/** As far as it could be read. */
export type Draft = z.output<typeof lenientSchema>;
export type DraftCollector = NonNullable<Draft["collector"]>[number];
export type DraftMailbox = NonNullable<Draft["mailbox"]>[number];
export type DraftListener = NonNullable<Draft["listener"]>;
export type DraftRelay = NonNullable<Draft["relay"]>[number];

/** The JSON schema (draft 2020-12) of the file as it is written, for editors and for the reference. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(strictSchema, { io: "input" });
}
