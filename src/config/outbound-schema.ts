/** `[listener]`, `[[relay]]` and `[admin]` as they are written. */
import { z } from "zod";
import { loginShape, trustShape } from "./account-schema.ts";
import { accountName, address, domain, duration, good, host, line, listenAddress, network } from "./scalars.ts";
import { port, rate, size, textAs, wrong, type Reading } from "./scalars.ts";
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
  users: z.record(z.string().min(1), secret()).default({}).describe("Login names and their passwords."),
  max_size: size().prefault("50 MB").describe("Larger messages are refused."),
  max_recipients: z.int().min(1).max(50_000).default(1000).describe("Most recipients of one message."),
  connections: z.int().min(1).max(1000).default(20).describe("Most connections at the same time."),
  sender_domains: z
    .array(domain())
    .min(1)
    .optional()
    .describe("Domains that senders must belong to. Default: `domains`."),
  delay_notice: duration().prefault("4h").describe("When a sender is told that a message is late."),
  give_up: duration().prefault("5d").describe("When a sender is told that a message could not be delivered."),
};

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
};

export const adminShape = {
  socket: line().prefault("/run/popgate/admin.sock").describe("Unix socket for the command line."),
  web: z
    .strictObject({
      listen: listenAddress().describe('Where the web page listens, such as "127.0.0.1:8025".'),
      users: z.record(z.string().min(1), secret()).default({}).describe("Login names and their passwords."),
      tls: serverTls.optional().describe("Certificate; needed unless it listens on this machine only."),
    })
    .optional()
    .describe("The web page. Off unless it is set."),
};
