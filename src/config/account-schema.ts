/**
 * `[[collector]]` and `[[mailbox]]` as they are written: names, kinds and defaults of their keys. The descriptions are
 * the reference: documentation and JSON schema are made from them.
 */
import { z } from "zod";
import {
  readDuration,
  accountName,
  address,
  domain,
  duration,
  fieldName,
  fingerprint,
  good,
  host,
  line,
} from "./scalars.ts";
import { port, size, textAs, wrong, type Reading } from "./scalars.ts";
import type { KeepRule } from "./config.ts";
import { secret } from "./secret-schema.ts";

export const authNames = [
  "auto",
  "user",
  "apop",
  "plain",
  "login",
  "cram-md5",
  "scram-sha-1",
  "scram-sha-256",
  "xoauth2",
  "oauthbearer",
] as const;

/** `min_tls` as written and as node:tls calls it. */
export const tlsVersions = { "1.0": "TLSv1", "1.2": "TLSv1.2", "1.3": "TLSv1.3" } as const;

/** Keys that say how a server is known, the same for every connection that popgate makes. */
export const trustShape = {
  ca: z
    .union([line(), z.array(line()).min(1)])
    .optional()
    .describe("PEM file with the certificate authority to trust instead of the system's, or several."),
  fingerprint: z
    .union([fingerprint(), z.array(fingerprint()).min(1)])
    .optional()
    .describe("SHA-256 of the server's certificate (sha256:…) or key (spki-sha256:…): then no other one is accepted."),
  min_tls: z.enum(["1.0", "1.2", "1.3"]).default("1.2").describe("Oldest TLS version that is accepted."),
  servername: host().optional().describe("Name to expect in the certificate, where it is not `host`."),
};

const oauth = z.strictObject({
  token_endpoint: z
    .url({ protocol: /^https?$/u, error: "it is not a URL" })
    .describe("Where access tokens are fetched, such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token."),
  device_endpoint: z
    .url({ protocol: /^https?$/u, error: "it is not a URL" })
    .optional()
    .describe("Where `popgate login` asks for a code. Known for Microsoft and Google."),
  client_id: line().describe("The application's id at the provider."),
  client_secret: secret().optional().describe("The application's secret, where it has one."),
  refresh_token: secret().describe(
    "The token that access tokens are made from. `popgate login` puts it into `{ file = … }`, which need not be there before.",
  ),
  scope: line().optional().describe("What to ask for; several are separated by a space."),
});

/** Keys that say who we are to the server. */
export const loginShape = {
  password: secret()
    .optional()
    .describe("Password: { file = … }, { env = … }, { command = […] } or { credential = … }."),
  oauth: oauth.optional().describe("OAuth 2 with a refresh token, instead of a password."),
  auth: z
    .enum(authNames)
    .default("auto")
    .describe(
      "How to log in. `auto`: the password itself over TLS, which costs one round trip; without TLS the strongest way that does not show it.",
    ),
};

function readKeep(text: string): Reading<KeepRule> {
  if (text === "never" || text === "until-delivered" || text === "forever") return good({ kind: text });
  const time = readDuration(text);
  if (time.kind === "ok")
    return time.value > 0 ? good({ kind: "for", ms: time.value }) : wrong("no time at all", 'Write "never"');
  return wrong(`"${text}" is not a rule`, 'Allowed are "never", "until-delivered", "forever" and a time such as "14d"');
}

const connectionShape = {
  name: accountName().describe("What the account is called in logs and commands."),
  enabled: z.boolean().default(true).describe("Whether the box is polled."),
  host: host().describe("The provider's POP3 server."),
  port: port().optional().describe('Default: 995 with tls = "implicit", else 110.'),
  tls: z
    .enum(["implicit", "starttls", "off"])
    .default("implicit")
    .describe("`implicit`: TLS from the start; `starttls`: by STLS, never without; `off`: in the clear."),
  user: line().describe("Login name."),
  ...trustShape,
  ...loginShape,
  every: duration().optional().describe('Time between polls. Default "5m", unless `cron` is set.'),
  cron: line()
    .optional()
    .describe('Times of polls as five cron fields, such as "*/10 7-19 * * MON-FRI". Instead of `every`.'),
  min_interval: duration()
    .prefault("0s")
    .describe("The provider's minimum time between logins; kept to across restarts."),
  keep: textAs(readKeep, "rule or time")
    .prefault("until-delivered")
    .describe(
      "How long mail stays at the provider: `never` (deleted once it is in the spool), `until-delivered` (deleted once Exchange has it), a time such as `14d`, or `forever`.",
    ),
  initial: z
    .enum(["all", "new"])
    .default("all")
    .describe(
      "What to do with mail that is in the box at first contact: fetch it, or leave it and fetch what comes later.",
    ),
  max_size: size().prefault("150 MB").describe("Larger messages are left at the provider and reported."),
  timeout: duration().prefault("60s").describe("How long the server may be silent."),
  session_messages: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe("Messages per session: deletions become final when a session ends."),
  pipelining: z.boolean().default(true).describe("Send several commands at once where the server offers it."),
  max_hops: z.int().min(10).max(500).default(50).describe("More Received fields than this mean a mail loop."),
  also_remove: z.array(fieldName()).default([]).describe("Further header fields to remove before delivery."),
};

const occurrences = ["topmost", "lowest", "all"] as const;

/** One entry of `envelope`; `received-for` takes its hosts from `provider_hosts`. */
export type RawSource =
  | {
      readonly kind: "field";
      readonly name: string;
      readonly pattern: string | undefined;
      readonly occurrence: (typeof occurrences)[number] | undefined;
    }
  | { readonly kind: "received-for" }
  | { readonly kind: "to-cc" };

function readSource(text: string): Reading<RawSource> {
  const lower = text.trim().toLowerCase();
  if (lower === "received-for" || lower === "to-cc") return good({ kind: lower });
  const match = /^([!-9;-~]+)(?::\s*(.*))?$/u.exec(text.trim());
  const name = match?.[1];
  const pattern = match?.[2] === undefined || match[2] === "" ? undefined : match[2];
  if (name === undefined) return wrong(`"${text}" is not a header field`, 'Write its name, "received-for" or "to-cc"');
  if (pattern !== undefined && !pattern.includes("*"))
    return wrong(`the pattern "${pattern}" has no *`, "The * stands where the address is");
  return good({ kind: "field", name, pattern, occurrence: undefined });
}

const sourceTable = z
  .strictObject({
    field: fieldName().describe("Name of the header field."),
    pattern: z
      .string()
      .regex(/\*/u, "it has no *")
      .optional()
      .describe("What stands around the address, with * in its place: `GMX delivery to *`."),
    occurrence: z.enum(occurrences).optional().describe("Which one counts if the field stands more than once."),
  })
  .transform((table): RawSource => ({
    kind: "field",
    name: table.field,
    pattern: table.pattern,
    occurrence: table.occurrence,
  }));

export const collectorShape = {
  ...connectionShape,
  profile: z
    .string()
    .optional()
    .describe(
      "What is known of the provider: a profile's name, or `auto` to learn it from the box, as without `envelope` and profile.",
    ),
  envelope: z
    .array(z.union([textAs(readSource, "field name"), sourceTable]))
    .min(1)
    .optional()
    .describe("Where the recipients stand, in order of preference: names of header fields, `received-for`, `to-cc`."),
  place: z
    .enum(["top", "bottom"])
    .optional()
    .describe("Where the provider writes the field: above the Received fields, or at the end of the header."),
  trusted_hops: z
    .int()
    .min(0)
    .max(20)
    .optional()
    .describe('With place = "top": Received fields of the provider\'s own above it.'),
  markers: z
    .array(fieldName())
    .optional()
    .describe('With place = "bottom": the provider\'s fields that may follow it.'),
  provider_hosts: z
    .array(host())
    .optional()
    .describe("Names by which the provider's servers call themselves in Received fields."),
  strip_prefix: z
    .string()
    .min(1)
    .optional()
    .describe("What the provider puts before the address (qmail: `mbox-prefix-`)."),
  fallback: address()
    .optional()
    .describe("Who gets mail whose recipients cannot be found. Without it, such mail is held."),
  domains: z
    .array(domain())
    .min(1)
    .optional()
    .describe("Those of the company's domains that this box is for. Default: all."),
};

export const mailboxShape = {
  ...connectionShape,
  deliver_to: z.array(address()).min(1).describe("Who gets the mail of this box."),
};
