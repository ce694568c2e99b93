/**
 * What `popgate.toml` means, once it has been read and found good: every part of the program is made from this and
 * asks no further questions. Durations are milliseconds, sizes octets, domains lower-case A-labels, paths absolute.
 *
 * A `Config` is immutable. Secrets are not in it: a `Secret` knows where one is kept and reads it when it is used, so
 * that a changed password needs no restart. CA files are read when the configuration is.
 */
import type { Address, AddressKey } from "../core/address.ts";
import type { AccountName } from "../core/ids.ts";
import type { LearnBase } from "../message/learn.ts";
import type { CollectorPolicy, EnvelopePolicy } from "../message/policy.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import type { Secret } from "./secret.ts";

export interface Config {
  /** Absolute path of the file it was read from. */
  readonly file: string;
  /** Our name in EHLO and in Received fields. */
  readonly hostname: string;
  readonly postmaster: Address;
  /** The company's own domains. */
  readonly domains: readonly string[];
  readonly aliases: ReadonlyMap<AddressKey, readonly Address[]>;
  /** How many boxes are polled at the same time. */
  readonly pollParallel: number;
  readonly spool: SpoolConfig;
  readonly exchange: ExchangeConfig;
  /** Collectors and mailboxes, in the order of the file (collectors first); those switched off included. */
  readonly accounts: readonly AccountConfig[];
  readonly notice: NoticeConfig;
  readonly listener: ListenerConfig | undefined;
  readonly relays: readonly RelayConfig[];
  /** Empty: mail is not signed. */
  readonly dkim: readonly DkimKeyConfig[];
  /** Language of the human part of reports to senders. */
  readonly reportLanguage: "de" | "en" | "both";
  readonly admin: AdminConfig;
  readonly log: LogConfig;
}

interface SpoolConfig {
  readonly dir: string;
  readonly maxOctets: number;
  readonly minFreeOctets: number;
  readonly historyDays: number;
}

/** A certificate and its key, for what listens. Absolute paths; both are read when the listener starts. */
export interface ServerTlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface OAuthConfig {
  readonly tokenEndpoint: string;
  /** As configured; those of Microsoft and Google are known. */
  readonly deviceEndpoint: string | undefined;
  readonly clientId: string;
  readonly clientSecret: Secret | undefined;
  readonly refreshToken: Secret;
  readonly scope: string | undefined;
}

export type Credentials =
  | { readonly kind: "password"; readonly user: string; readonly password: Secret }
  | { readonly kind: "oauth"; readonly user: string; readonly oauth: OAuthConfig };

/** `auto`: the password itself over TLS; without TLS the strongest way that does not show it. */
type AuthChoice =
  | "auto"
  | "user"
  | "apop"
  | "plain"
  | "login"
  | "cram-md5"
  | "scram-sha-1"
  | "scram-sha-256"
  | "xoauth2"
  | "oauthbearer";

/** When a box is looked at. */
export type Schedule =
  | { readonly kind: "every"; readonly ms: number }
  | { readonly kind: "cron"; readonly pattern: string };

/** How long the provider keeps what has been brought in. */
export type KeepRule =
  | { readonly kind: "never" }
  | { readonly kind: "until-delivered" }
  | { readonly kind: "for"; readonly ms: number }
  | { readonly kind: "forever" };

/** `profile = "auto"`: all of a collector's policy but what is to be learnt from the box itself. */
export interface AutoPolicy extends LearnBase {
  readonly kind: "auto";
}

interface AccountBase {
  readonly name: AccountName;
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly credentials: Credentials;
  readonly auth: AuthChoice;
  readonly schedule: Schedule;
  /** Never log in more often than this, whatever the schedule says: the provider's rule. 0: none known. */
  readonly minIntervalMs: number;
  readonly keep: KeepRule;
  /** What happens to mail that is already in the box at the first contact: `new` leaves it there. */
  readonly initial: "all" | "new";
  /** Larger messages are left at the provider. */
  readonly maxOctets: number;
  /** How long the server may be silent. */
  readonly timeoutMs: number;
  /** A session is ended (and its deletions made good) after so many messages. */
  readonly sessionMessages: number;
  readonly pipelining: boolean;
}

export interface CollectorConfig extends AccountBase {
  readonly kind: "collector";
  /** `established` is never set here: it is learnt. */
  readonly policy: CollectorPolicy | AutoPolicy;
}

export interface MailboxConfig extends AccountBase {
  readonly kind: "mailbox";
  readonly policy: Extract<EnvelopePolicy, { readonly kind: "mailbox" }>;
}

export type AccountConfig = CollectorConfig | MailboxConfig;

export interface ExchangeConfig {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly credentials: Credentials | undefined;
  readonly connections: number;
  /** Recipients of one transaction. */
  readonly maxRecipients: number;
  /** What becomes of a recipient that Exchange refuses for good. */
  readonly onReject: { readonly kind: "hold" } | { readonly kind: "redirect"; readonly to: Address };
  /** After this long without success a message is held. */
  readonly giveUpMs: number;
  /** Pauses between attempts; the last one repeats. Never empty. */
  readonly retryMs: readonly number[];
  /** 8-bit bodies to a server without 8BITMIME: sent as they are, or held. */
  readonly eightBit: "send" | "hold";
}

interface NoticeConfig {
  /** At most one notice in this time. */
  readonly everyMs: number;
  readonly language: "de" | "en";
}

/** `host:port` to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ListenerConfig {
  readonly listen: readonly ListenAddress[];
  /** Addresses on which TLS begins at once. */
  readonly listenImplicit: readonly ListenAddress[];
  /** Networks (CIDR) whose hosts need no login. */
  readonly allow: readonly string[];
  readonly tls: ServerTlsConfig | undefined;
  /** Login names and where the hash of each one's password is kept (`core/password-hash.ts`). */
  readonly users: ReadonlyMap<string, Secret>;
  readonly maxOctets: number;
  readonly maxRecipients: number;
  /** Most connections in all, and of one client. */
  readonly connections: number;
  readonly clientConnections: number;
  /** Most messages of one client in a minute. 0: no limit. */
  readonly clientMessagesPerMinute: number;
  /** How long a client may be silent, and how long one connection may last in all. */
  readonly idleMs: number;
  readonly sessionMs: number;
  /** Where mail to the own domains goes that is not named in `atProvider`. */
  readonly ownDomains: "exchange" | "relay";
  /** Own addresses whose box is at the provider: mail to them always goes by the relays. */
  readonly atProvider: readonly SenderPattern[];
  /** Queued mail older than this, with nothing delivered meanwhile, has new mail refused by 4xx. 0: never. */
  readonly queueAgeLimitMs: number;
  /** Domains that envelope senders must belong to, unless `foreignSenders`. */
  readonly senderDomains: readonly string[];
  /** Senders of any domain are taken: mail that Exchange's rules forward keeps its own. */
  readonly foreignSenders: boolean;
  /** When a sender is told that a message is late, and when that it has failed. */
  readonly delayNoticeMs: number;
  readonly giveUpMs: number;
}

interface RateLimit {
  readonly messages: number;
  readonly perMs: number;
}

/** `kind: "all"` is `*`. */
export type SenderPattern =
  | { readonly kind: "all" }
  | { readonly kind: "domain"; readonly domain: string }
  | { readonly kind: "address"; readonly address: Address };

export interface RelayConfig {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly credentials: Credentials | undefined;
  readonly auth: AuthChoice;
  readonly senders: readonly SenderPattern[];
  readonly rates: readonly RateLimit[];
  readonly connections: number;
  /** Put into MAIL FROM instead of the sender, for providers that insist on it. */
  readonly envelopeFrom: Address | undefined;
  /** Which senders `envelopeFrom` replaces: own addresses, foreign ones (forwarded mail), the null reverse path. */
  readonly rewrite: ReadonlySet<"own" | "foreign" | "null">;
  /** Messages handed over on one connection. */
  readonly messagesPerConnection: number;
  /** Recipients of one transaction. */
  readonly maxRecipients: number;
  /** Pauses between attempts; the last one repeats. Never empty. */
  readonly retryMs: readonly number[];
}

/** A key that outbound mail of one domain is signed with from `activeFrom` on, until a later one takes its place. */
export interface DkimKeyConfig {
  readonly domain: string;
  readonly selector: string;
  /** PEM, PKCS#8 or PKCS#1. */
  readonly key: Secret;
  /** Epoch milliseconds; 0: always. */
  readonly activeFrom: number;
}

export interface AdminConfig {
  /** Path of the Unix socket. */
  readonly socket: string;
  readonly web:
    | {
        readonly listen: ListenAddress;
        /** By which browsers ask for it, beside the hostname, `localhost` and the address. */
        readonly names: readonly string[];
        readonly users: ReadonlyMap<string, Secret>;
        readonly tls: ServerTlsConfig | undefined;
      }
    | undefined;
}

interface LogConfig {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly pretty: boolean;
}
