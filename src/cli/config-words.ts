/** What a configuration means, in plain words: what `popgate check` shows. Times, sizes and lists as a person says them. */
import type {
  AccountConfig,
  Config,
  Credentials,
  KeepRule,
  RelayConfig,
  Schedule,
  SenderPattern,
} from "../config/config.ts";
import { sourceName, type Place, type Source } from "../message/policy.ts";

/** One line each; what belongs to the line above is indented. */
export function configWords(config: Config): readonly string[] {
  const { exchange, spool } = config;
  return [
    `${config.hostname} takes mail for ${list(config.domains)}; ${config.postmaster} is told of what needs a person.`,
    ...(config.aliases.size > 0 ? [`${config.aliases.size} alias(es).`] : []),
    ...config.accounts.flatMap(accountWords),
    `Delivery to ${exchange.host}:${exchange.port}, ${tlsWords(exchange.tls)}${exchange.credentials === undefined ? "" : `, as ${exchange.credentials.user}`}.`,
    `  Refused recipients: ${rejectWords(config)}. After ${durationWords(exchange.giveUpMs)} without success mail is held.`,
    `Spool in ${spool.dir}: at most ${sizeWords(spool.maxOctets)}, ${sizeWords(spool.minFreeOctets)} of the disk stay free, history of ${spool.historyDays} days.`,
    `Notices to the postmaster at most every ${durationWords(config.notice.everyMs)}, in ${config.notice.language === "de" ? "German" : "English"}.`,
    ...outboundWords(config),
  ];
}

function accountWords(account: AccountConfig): readonly string[] {
  const what = account.kind === "collector" ? "Collector" : "Mailbox";
  const off = account.enabled ? "" : " (switched off)";
  return [
    `${what} ${account.name}${off}: ${account.credentials.user} at ${account.host}:${account.port}, ${tlsWords(account.tls)}, ${credentialWords(account.credentials)}.`,
    `  Polled ${scheduleWords(account.schedule)}; ${keepWords(account.keep)}; messages up to ${sizeWords(account.maxOctets)}${account.initial === "new" ? "; what is in the box at first is left there" : ""}.`,
    ...policyWords(account).map((text) => `  ${text}`),
  ];
}

function policyWords({ policy }: AccountConfig): readonly string[] {
  switch (policy.kind) {
    case "mailbox":
      return [`Everything goes to ${list(policy.deliverTo)}.`];
    case "auto":
      return ["Recipients: the provider's field is learnt from the box; until then mail is held."];
    case "collector": {
      const from = policy.profile === "custom" ? "as configured" : `profile ${policy.profile}`;
      const nothing = policy.fallback === undefined ? "is held" : `goes to ${policy.fallback}`;
      return [
        `Recipients: ${list(policy.sources.map(sourceWords))}, ${placeWords(policy.place)} (${from}); for ${list(policy.domains)}.`,
        ...(policy.stripPrefix === undefined ? [] : [`The prefix "${policy.stripPrefix}" is taken off.`]),
        `Mail without a readable recipient ${nothing}.`,
      ];
    }
  }
}

function sourceWords(source: Source): string {
  if (source.kind === "field")
    return source.pattern === undefined ? source.name : `${source.name} ("${source.pattern}")`;
  return source.kind === "received-for" ? "the `for` of Received" : sourceName(source);
}

function placeWords(place: Place): string {
  if (place.kind === "top")
    return place.trustedHops === 0
      ? "above the Received fields"
      : `above Received field number ${place.trustedHops + 1}`;
  return place.markers.length === 0
    ? "at the end of the header"
    : `at the end of the header, before ${list(place.markers)}`;
}

function keepWords(keep: KeepRule): string {
  switch (keep.kind) {
    case "never":
      return "deleted at the provider once it is in the spool";
    case "until-delivered":
      return "deleted at the provider once it is delivered";
    case "for":
      return `deleted at the provider after ${durationWords(keep.ms)}`;
    case "forever":
      return "never deleted at the provider";
  }
}

function scheduleWords(schedule: Schedule): string {
  return schedule.kind === "every" ? `every ${durationWords(schedule.ms)}` : `at ${schedule.pattern} (cron)`;
}

function credentialWords(credentials: Credentials): string {
  return credentials.kind === "oauth" ? "OAuth" : `password ${credentials.password.origin}`;
}

function tlsWords(tls: AccountConfig["tls"]): string {
  if (tls.mode === "off") return "in the clear";
  const how = { starttls: "STARTTLS", implicit: "TLS", opportunistic: "TLS if offered" }[tls.mode];
  if (tls.fingerprints.length > 0) return `${how} with a pinned certificate`;
  return tls.ca.length > 0 ? `${how} with a CA of its own` : how;
}

function rejectWords({ exchange: { onReject } }: Config): string {
  if (onReject.kind === "redirect") return `their mail goes to ${onReject.to}`;
  return onReject.kind === "hold" ? "their mail is held" : "their mail is returned to its sender";
}

function outboundWords({ listener, relays, dkim, reportLanguage }: Config): readonly string[] {
  if (listener === undefined) return [];
  const plain = listener.listen.map(({ host, port }) => `${host}:${port}`);
  const implicit = listener.listenImplicit.map(({ host, port }) => `${host}:${port} (TLS)`);
  const who = [
    ...(listener.allow.length === 0 ? [] : [`hosts of ${list(listener.allow)}`]),
    ...(listener.users.size === 0 ? [] : [`who logs in as ${list([...listener.users.keys()])}`]),
  ];
  const senders = listener.foreignSenders ? "any domain" : list(listener.senderDomains);
  const own = { exchange: "goes to Exchange", relay: "goes by the relays" }[listener.ownDomains];
  const away =
    listener.atProvider.length === 0 ? "" : `, that to ${list(listener.atProvider.map(patternWords))} by the relays`;
  const languages = { de: "German", en: "English", both: "German and English" };
  return [
    `Outbound mail is taken at ${list([...plain, ...implicit])} from ${list(who)}; senders of ${senders}; up to ${sizeWords(listener.maxOctets)}.`,
    `  Mail to own domains ${own}${away}.`,
    `  Senders are told of a delay after ${durationWords(listener.delayNoticeMs)} and of failure after ${durationWords(listener.giveUpMs)}, in ${languages[reportLanguage]}.`,
    ...relays.map(relayWords),
    ...dkim.map(
      ({ domain, selector, activeFrom }) =>
        `Mail of ${domain} is signed (DKIM, selector ${selector})${activeFrom === 0 ? "" : ` from ${new Date(activeFrom).toISOString()}`}.`,
    ),
  ];
}

function relayWords({
  name,
  host,
  port,
  tls,
  credentials,
  senders,
  rates,
  envelopeFrom,
  rewrite,
}: RelayConfig): string {
  const login = credentials === undefined ? "" : `, as ${credentials.user}`;
  const limits = rates.map(({ messages, perMs }) => `${messages} in ${durationWords(perMs)}`);
  return [
    `Relay ${name}: ${host}:${port}, ${tlsWords(tls)}${login}, for ${list(senders.map(patternWords))}`,
    ...(limits.length === 0 ? [] : [`at most ${list(limits)}`]),
    ...(envelopeFrom === undefined ? [] : [`with ${envelopeFrom} as the sender instead of ${list([...rewrite])} ones`]),
  ]
    .join("; ")
    .concat(".");
}

function patternWords(pattern: SenderPattern): string {
  if (pattern.kind === "all") return "everybody";
  return pattern.kind === "domain" ? `*@${pattern.domain}` : pattern.address;
}

const durationUnits = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
  [1000, "second"],
] as const;

/** `5 minutes`, `1 hour 30 minutes`. */
export function durationWords(ms: number): string {
  let rest = ms;
  const parts: string[] = [];
  for (const [length, name] of durationUnits) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? "" : "s"}`);
  }
  return parts.length === 0 ? `${ms} ms` : parts.join(" ");
}

/** `10 GiB`, `150 MB`: in the unit that gives the rounder number. */
export function sizeWords(octets: number): string {
  const candidates = [
    ["TiB", 1024 ** 4],
    ["TB", 1e12],
    ["GiB", 1024 ** 3],
    ["GB", 1e9],
    ["MiB", 1024 ** 2],
    ["MB", 1e6],
    ["kB", 1000],
  ] as const;
  const exact = candidates.find(([, size]) => octets >= size && octets % size === 0);
  const [name, size] =
    exact ?? candidates.find(([name, size]) => octets >= size && !name.includes("i")) ?? (["octets", 1] as const);
  return `${Math.round((octets / size) * 10) / 10} ${name}`;
}

function list(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "nothing") : `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`;
}
