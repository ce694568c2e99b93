/** `[listener]`, `[[relay]]` and `[admin]` as they are written. */
import { z } from "zod";
import { authNames, loginShape, trustShape } from "./account-schema.ts";
import { defaultAdminSocket } from "./admin-socket.ts";
import { accountName, address, domain, duration, good, host, line, listenAddress, network } from "./scalars.ts";
import { port, rate, readDomain, size, textAs, wrong, type Reading } from "./scalars.ts";
import { parseAddress, parseDomain } from "../core/address.ts";
import type { SenderPattern } from "./config.ts";
import { secret } from "./secret-schema.ts";

const serverTls = z.strictObject({
  cert: line().describe("PEM file with the certificate and those that lead to its authority."),
  key: line().describe("PEM file with its private key."),
});

export const listenerShape = {
  listen: z.array(listenAddress()).default([]).describe('Where to listen, such as "0.0.0.0:25".'),
  listen_implicit: z.array(listenAddress()).default([]).describe("Where to listen with TLS from the start."),
  allow: z.array(network()).default([]).describe("Networks whose hosts may send without logging in."),
  tls: serverTls.optional().describe("Certificate for STARTTLS and implicit TLS."),
  users: z
    .record(z.string().min(1), secret())
    .default({})
    .describe("Login names and the hashes of their passwords, as `popgate passwd` makes them."),
  max_size: size().prefault("50 MB").describe("Larger messages are refused."),
  max_recipients: z.int().min(1).max(50_000).default(1000).describe("Most recipients of one message."),
  connections: z.int().min(1).max(20_000).default(100).describe("Most connections at the same time."),
  client_connections: z.int().min(1).max(20_000).default(50).describe("Most of them from one address."),
  client_rate: z
    .int()
    .min(0)
    .default(0)
    .describe("Most messages from one address in a minute. 0: as many as it likes."),
  idle: duration().prefault("10m").describe("A client that is silent for so long is disconnected."),
  session: duration().prefault("2h").describe("How long one connection may last in all."),
  own_domains: z
    .enum(["exchange", "relay"])
    .default("exchange")
    .describe("Where mail to `domains` goes: to Exchange, or by the relay to the provider."),
  at_provider: z
    .array(textAs(readSender, "sender"))
    .default([])
    .describe("Own addresses whose box is at the provider: their mail always goes by the relay."),
  queue_age_limit: duration()
    .prefault("12h")
    .describe('With older mail still queued, new mail is refused for now and stays in Exchange. "0s": never.'),
  sender_domains: z
    .array(textAs(readSenderDomain, "domain"))
    .min(1)
    .optional()
    .describe(
      'Domains that senders must belong to. Default: `domains`. `"*"`: any, for mail that rules in Exchange forward.',
    ),
  delay_notice: duration().prefault("4h").describe("When a sender is told that a message is late."),
  give_up: duration().prefault("5d").describe("When a sender is told that a message could not be delivered."),
};

/** `*` stands for any. */
function readSenderDomain(text: string): Reading<string> {
  return text === "*" ? good(text) : readDomain(text);
}

function readSender(text: string): Reading<SenderPattern> {
  const hint = 'Write "user@domain", "*@domain" or "*"';
  if (text === "*") return good({ kind: "all" });
  if (text.startsWith("*@")) {
    const name = parseDomain(text.slice(2));
    return name === undefined ? wrong(`"${text}" is not a sender`, hint) : good({ kind: "domain", domain: name });
  }
  const result = parseAddress(text);
  return result.kind === "ok"
    ? good({ kind: "address", address: result.address })
    : wrong(`"${text}" is not a sender`, hint);
}

export const relayShape = {
  name: accountName().describe("What the relay is called in logs and commands."),
  host: host().describe("The provider's server for outbound mail."),
  port: port().optional().describe('Default: 587; 465 with tls = "implicit"; 25 with tls = "off".'),
  tls: z
    .enum(["off", "opportunistic", "required", "implicit"])
    .default("required")
    .describe("`required`: never without STARTTLS; `implicit`: from the start."),
  user: line().optional().describe("Login name."),
  ...trustShape,
  ...loginShape,
  // Those two are ways of POP3.
  auth: z
    .enum(authNames)
    .exclude(["user", "apop"])
    .default("auto")
    .describe(
      "How to log in. `auto`: the password itself over TLS; without TLS the strongest way that does not show it.",
    ),
  senders: z
    .array(textAs(readSender, "sender"))
    .min(1)
    .prefault(["*"])
    .describe("Whose mail goes this way: `*`, `*@domain` or addresses."),
  rate: z
    .union([rate(), z.array(rate()).min(1)])
    .optional()
    .describe('The provider\'s limits, such as "30/minute" or ["30/minute", "2000/day"].'),
  connections: z.int().min(1).max(50).default(2).describe("Most connections at the same time."),
  envelope_from: address().optional().describe("Sender of the envelope, where the provider insists on one."),
  rewrite: z
    .array(z.enum(["own", "foreign", "null"]))
    .min(1)
    .prefault(["own", "foreign", "null"])
    .describe("Which senders `envelope_from` replaces: own ones, those of forwarded mail, the empty one of reports."),
  messages_per_connection: z.int().min(1).max(10_000).default(100).describe("Messages sent on one connection."),
  max_recipients: z.int().min(1).max(10_000).default(100).describe("Recipients of one transaction."),
  retry: z
    .array(duration())
    .min(1)
    .prefault(["1m", "2m", "5m", "10m", "15m", "30m", "1h"])
    .describe("Pauses between attempts; the last one repeats."),
};

export const dkimShape = {
  domain: domain().describe("Mail whose author (From) is of this domain is signed."),
  selector: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/u, "it is not a selector")
    .describe("Name of the key in DNS: `<selector>._domainkey.<domain>`."),
  key: secret().describe("The private key, PEM."),
  active_from: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })])
    .optional()
    .describe("From when on it signs, until a later one of its domain does. Default: always."),
};

export const adminShape = {
  socket: line().prefault(defaultAdminSocket).describe("Unix socket for the command line."),
  web: z
    .strictObject({
      listen: listenAddress().describe('Where the web page listens, such as "127.0.0.1:8025".'),
      names: z
        .array(host())
        .default([])
        .describe("Further names by which browsers ask for it, beside `hostname`, localhost and the address."),
      users: z
        .record(z.string().min(1), secret())
        .default({})
        .describe("Login names and the hashes of their passwords, as `popgate passwd` makes them."),
      tls: serverTls.optional().describe("Certificate; needed unless it listens on this machine only."),
    })
    .optional()
    .describe("The web page. Off unless it is set."),
};
