/** From the file as written, once every check has passed, to the `Config` that the program is made from. */
import { addressKey, mustAddress, parseAddress, parseDomain, type Address, type AddressKey } from "../core/address.ts";
import type {
  AdminConfig,
  Config,
  DkimKeyConfig,
  ExchangeConfig,
  ListenerConfig,
  RelayConfig,
  ServerTlsConfig,
} from "./config.ts";
import type { ConfigFiles } from "./config-files.ts";
import { resolveCollector, resolveMailbox, type Surroundings } from "./resolve-account.ts";
import { resolveCredentials, resolveTls } from "./resolve-connection.ts";
import type { Raw, RawDkim, RawListener, RawRelay } from "./schema.ts";
import type { RawSecret } from "./secret-schema.ts";

export function resolveConfig(file: string, raw: Raw, files: ConfigFiles): Config {
  const aliases = resolveAliases(raw.aliases);
  const around: Surroundings = { raw, aliases, files };
  return {
    file,
    hostname: raw.hostname,
    postmaster: raw.postmaster,
    domains: raw.domains,
    aliases,
    pollParallel: raw.poll_parallel,
    spool: {
      dir: files.path(raw.spool.dir),
      maxOctets: raw.spool.max_size,
      minFreeOctets: raw.spool.min_free,
      historyDays: raw.spool.history_days,
    },
    exchange: resolveExchange(raw.exchange, files),
    accounts: [
      ...raw.collector.map((collector, index) => resolveCollector(collector, ["collector", index], around)),
      ...raw.mailbox.map((mailbox, index) => resolveMailbox(mailbox, ["mailbox", index], around)),
    ],
    notice: { everyMs: raw.notice.every, language: raw.notice.language },
    listener: raw.listener === undefined ? undefined : resolveListener(raw.listener, raw.domains, files),
    relays: raw.relay.map((relay, index) => resolveRelay(relay, index, files)),
    dkim: raw.dkim.map((key, index) => resolveDkim(key, index, files)),
    reportLanguage: raw.report.language,
    admin: resolveAdmin(raw.admin, files),
    log: raw.log,
  };
}

function resolveAliases(raw: Raw["aliases"]): ReadonlyMap<AddressKey, readonly Address[]> {
  return new Map(Object.entries(raw).map(([from, to]) => [aliasKey(from), typeof to === "string" ? [to] : to]));
}

/** `*@domain` is a key like an address: `*` is a valid local part, and nobody's. */
function aliasKey(text: string): AddressKey {
  const result = parseAddress(text);
  return addressKey(result.kind === "ok" ? result.address : mustAddress(`*@${parseDomain(text.slice(2)) ?? ""}`));
}

function resolveExchange(raw: Raw["exchange"], files: ConfigFiles): ExchangeConfig {
  return {
    host: raw.host,
    port: raw.port ?? (raw.tls === "implicit" ? 465 : 25),
    tls: resolveTls(raw, raw.tls, files),
    credentials: resolveCredentials({ user: raw.user, password: raw.password }, ["exchange"], files),
    connections: raw.connections,
    maxRecipients: raw.max_recipients,
    onReject: resolveReject(raw),
    giveUpMs: raw.give_up,
    retryMs: raw.retry,
    eightBit: raw.eight_bit,
  };
}

function resolveReject({ on_reject: kind, redirect_to: to }: Raw["exchange"]): ExchangeConfig["onReject"] {
  return kind === "redirect" && to !== undefined ? { kind, to } : { kind: "hold" };
}

function resolveListener(raw: RawListener, domains: readonly string[], files: ConfigFiles): ListenerConfig {
  return {
    listen: raw.listen,
    listenImplicit: raw.listen_implicit,
    allow: raw.allow,
    tls: serverTls(raw.tls, files),
    users: users(raw.users, ["listener", "users"], files),
    maxOctets: raw.max_size,
    maxRecipients: raw.max_recipients,
    connections: raw.connections,
    clientConnections: raw.client_connections,
    clientMessagesPerMinute: raw.client_rate,
    idleMs: raw.idle,
    sessionMs: raw.session,
    ownDomains: raw.own_domains,
    atProvider: raw.at_provider,
    queueAgeLimitMs: raw.queue_age_limit,
    senderDomains: (raw.sender_domains ?? domains).filter((domain) => domain !== "*"),
    foreignSenders: raw.sender_domains?.includes("*") === true,
    delayNoticeMs: raw.delay_notice,
    giveUpMs: raw.give_up,
  };
}

function resolveRelay(raw: RawRelay, index: number, files: ConfigFiles): RelayConfig {
  return {
    name: raw.name,
    host: raw.host,
    port: raw.port ?? defaultRelayPort(raw.tls),
    tls: resolveTls(raw, raw.tls, files),
    credentials: resolveCredentials(raw, ["relay", index], files),
    auth: raw.auth,
    senders: raw.senders,
    rates: raw.rate === undefined ? [] : [raw.rate].flat(),
    connections: raw.connections,
    envelopeFrom: raw.envelope_from,
    rewrite: new Set(raw.rewrite),
    messagesPerConnection: raw.messages_per_connection,
    maxRecipients: raw.max_recipients,
    retryMs: raw.retry,
  };
}

function resolveDkim(raw: RawDkim, index: number, files: ConfigFiles): DkimKeyConfig {
  return {
    domain: raw.domain,
    selector: raw.selector,
    key: files.secret(["dkim", index, "key"], raw.key, "text"),
    activeFrom: raw.active_from === undefined ? 0 : new Date(raw.active_from).getTime(),
  };
}

/** RFC 6409 §3.1, RFC 8314 §3.3. */
function defaultRelayPort(tls: RawRelay["tls"]): number {
  if (tls === "implicit") return 465;
  return tls === "off" ? 25 : 587;
}

function resolveAdmin(raw: Raw["admin"], files: ConfigFiles): AdminConfig {
  const { web } = raw;
  return {
    socket: files.path(raw.socket),
    web:
      web === undefined
        ? undefined
        : {
            listen: web.listen,
            names: web.names,
            users: users(web.users, ["admin", "web", "users"], files),
            tls: serverTls(web.tls, files),
          },
  };
}

function serverTls(raw: RawListener["tls"], files: ConfigFiles): ServerTlsConfig | undefined {
  return raw === undefined ? undefined : { certFile: files.path(raw.cert), keyFile: files.path(raw.key) };
}

function users(raw: Readonly<Record<string, RawSecret>>, at: readonly string[], files: ConfigFiles) {
  return new Map(Object.entries(raw).map(([name, secret]) => [name, files.secret([...at, name], secret)]));
}
