/** From a `[[collector]]` or `[[mailbox]]` as written and checked to what the program uses. */
import type { AddressKey, Address } from "../core/address.ts";
import { profileByName, type Profile } from "../message/profiles.ts";
import type { CollectorPolicy, HeaderLimits, Place, Source } from "../message/policy.ts";
import type { RawSource } from "./account-schema.ts";
import type { AutoPolicy, CollectorConfig, MailboxConfig, Schedule } from "./config.ts";
import type { ConfigFiles } from "./config-files.ts";
import type { KeyPath } from "./key-path.ts";
import { resolveCredentials, resolveTls } from "./resolve-connection.ts";
import type { Raw, RawCollector, RawMailbox } from "./schema.ts";

/** Between polls, when neither `every` nor `cron` is set. */
export const defaultPollMs = 5 * 60_000;

/** What an account needs to know of the rest of the file. */
export interface Surroundings {
  readonly raw: Raw;
  readonly aliases: ReadonlyMap<AddressKey, readonly Address[]>;
  readonly files: ConfigFiles;
}

export function resolveCollector(raw: RawCollector, at: KeyPath, around: Surroundings): CollectorConfig {
  return { kind: "collector", ...resolveBase(raw, at, around.files), policy: collectorPolicy(raw, around) };
}

export function resolveMailbox(raw: RawMailbox, at: KeyPath, around: Surroundings): MailboxConfig {
  return {
    kind: "mailbox",
    ...resolveBase(raw, at, around.files),
    policy: { kind: "mailbox", deliverTo: raw.deliver_to, limits: headerLimits(raw), hostname: around.raw.hostname },
  };
}

function resolveBase(
  raw: RawCollector | RawMailbox,
  at: KeyPath,
  files: ConfigFiles,
): Omit<CollectorConfig, "kind" | "policy"> {
  const credentials = resolveCredentials(raw, at, files);
  if (credentials === undefined) throw new TypeError("an account without credentials has passed the checks");
  return {
    name: raw.name,
    enabled: raw.enabled,
    host: raw.host,
    port: raw.port ?? (raw.tls === "implicit" ? 995 : 110),
    tls: resolveTls(raw, raw.tls, files),
    credentials,
    auth: raw.auth,
    schedule: schedule(raw),
    minIntervalMs: raw.min_interval,
    keep: raw.keep,
    initial: raw.initial,
    maxOctets: raw.max_size,
    timeoutMs: raw.timeout,
    sessionMessages: raw.session_messages,
    pipelining: raw.pipelining,
  };
}

function schedule(raw: RawCollector | RawMailbox): Schedule {
  return raw.cron === undefined
    ? { kind: "every", ms: raw.every ?? defaultPollMs }
    : { kind: "cron", pattern: raw.cron };
}

function headerLimits(raw: RawCollector | RawMailbox): HeaderLimits {
  return { maxReceived: raw.max_hops, alsoRemove: raw.also_remove.map((name) => name.toLowerCase()) };
}

function collectorPolicy(
  raw: RawCollector,
  { raw: { domains, hostname }, aliases }: Surroundings,
): CollectorPolicy | AutoPolicy {
  const base = {
    stripPrefix: raw.strip_prefix,
    domains: raw.domains ?? domains,
    aliases,
    fallback: raw.fallback,
    established: undefined,
    limits: headerLimits(raw),
    hostname,
  };
  if (raw.profile === "auto" || (raw.profile === undefined && raw.envelope === undefined))
    return { kind: "auto", ...base };
  const profile = raw.profile === undefined ? undefined : profileByName(raw.profile);
  const place = resolvePlace(raw, profile?.place);
  const providerHosts = raw.provider_hosts ?? profile?.providerHosts ?? [];
  return {
    kind: "collector",
    profile: profile?.name ?? "custom",
    ...base,
    stripPrefix: raw.strip_prefix ?? profile?.stripPrefix,
    sources:
      raw.envelope?.map((source) => resolveSource(source, place, providerHosts)) ??
      profileSources(profile, raw.provider_hosts),
    place,
    providerHosts,
    absentWhenSeveral: profile?.absentWhenSeveral ?? false,
  };
}

/** What is set by hand goes before what the profile knows. */
function resolvePlace(raw: RawCollector, known: Place | undefined): Place {
  const kind = raw.place ?? known?.kind ?? "top";
  if (kind === "top") return { kind, trustedHops: raw.trusted_hops ?? (known?.kind === "top" ? known.trustedHops : 0) };
  const markers = raw.markers?.map((name) => name.toLowerCase()) ?? (known?.kind === "bottom" ? known.markers : []);
  return { kind, markers };
}

/** Hosts set by hand also say whose Received fields count. */
function profileSources(profile: Profile | undefined, hosts: readonly string[] | undefined): readonly Source[] {
  const sources = profile?.sources ?? [];
  return hosts === undefined
    ? sources
    : sources.map((source) => (source.kind === "received-for" ? { ...source, by: hosts } : source));
}

/** The provider's last hop writes topmost where it prepends, and lowest where it appends. */
function resolveSource(source: RawSource, place: Place, providerHosts: readonly string[]): Source {
  if (source.kind === "received-for") return { kind: "received-for", by: providerHosts };
  if (source.kind === "to-cc") return source;
  return { ...source, occurrence: source.occurrence ?? (place.kind === "top" ? "topmost" : "lowest") };
}
