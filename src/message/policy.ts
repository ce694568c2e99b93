/**
 * What an account knows about its provider: where the envelope of a message is to be found in what the provider stored.
 * Plain data, made from the configuration (or learned), read by `recipients.ts`. Nothing here does anything.
 */
import type { Address, AddressKey } from "../core/address.ts";

/**
 * Where a provider writes its envelope field. A sender can write any field into a message, so a field counts only in
 * the zone that nobody but the provider can have written.
 */
export type Place =
  /**
   * Above the first Received field, or above the (n+1)-th with `trustedHops = n`: for providers that prepend, and for
   * those whose inner hops add Received fields of their own above the envelope field.
   */
  | { readonly kind: "top"; readonly trustedHops: number }
  /**
   * The last fields of the header block, followed by nothing but the provider's known marker fields: names in lower case,
   * one that ends in `*` for all names that begin so.
   */
  | { readonly kind: "bottom"; readonly markers: readonly string[] };

/** One way to learn the recipients. */
export type Source =
  /**
   * A field that the provider adds. `name` is matched whole and without case. `pattern`, where a provider wraps the
   * address in words, has one `*` for the part that holds the address list (`GMX delivery to *`, `* via *` takes the
   * first). `occurrence` says which one counts when the field stands more than once in the zone: the provider's last
   * hop writes topmost; `all` takes every one of them together.
   */
  | {
      readonly kind: "field";
      readonly name: string;
      readonly pattern: string | undefined;
      readonly occurrence: "topmost" | "lowest" | "all";
    }
  /** The `for <address>` clause of a Received field in the zone. `by`: only lines of these hosts (suffix match on labels). */
  | { readonly kind: "received-for"; readonly by: readonly string[] }
  /** The local addresses of To, Cc, Resent-To and Resent-Cc. Cannot see blind copies or lists: only by explicit choice. */
  | { readonly kind: "to-cc" };

/** `field:envelope-to`, `received-for`, `to-cc`: a source's stable name, for the drift profile and for evidence. */
export type SourceName = string;

export function sourceName(source: Source): SourceName {
  return source.kind === "field" ? `field:${source.name.toLowerCase()}` : source.kind;
}

/** How the recipients of a collector box (one box for a whole domain) are found. */
export interface CollectorPolicy {
  readonly kind: "collector";
  /** Name of the profile that this policy was made from, or `custom`. For evidence only. */
  readonly profile: string;
  /** In order of preference. The first one present in the zone decides, even if its content is of no use. */
  readonly sources: readonly Source[];
  readonly place: Place;
  /** Host names (or parent domains) by which the provider's own servers call themselves in Received fields. */
  readonly providerHosts: readonly string[];
  /** Taken off the front of a local part if it stands there (qmail virtual domains: `mbox-prefix-`). */
  readonly stripPrefix: string | undefined;
  /** The company's own domains: lower case, A-labels. No other address ever becomes a recipient. */
  readonly domains: readonly string[];
  /** What an address is replaced by, before duplicates are dropped. `*@domain` keys are catch-alls of last resort. */
  readonly aliases: ReadonlyMap<AddressKey, readonly Address[]>;
  /** Who gets what has no readable recipient, instead of its being held. */
  readonly fallback: Address | undefined;
  /**
   * Drift guard: the source that has given the recipients so far, once that is established. A message without it is
   * held rather than judged by a weaker source.
   */
  readonly established: SourceName | undefined;
  /** The provider is known to leave the field out when a message has several recipients (Dovecot LMTP). */
  readonly absentWhenSeveral: boolean;
  readonly limits: HeaderLimits;
  /** Our own name in Received fields: seen again, the message has been here before. */
  readonly hostname: string;
}

/** A box of one person (or of a few): the recipients are configured, nothing is read from the message. */
export interface MailboxPolicy {
  readonly kind: "mailbox";
  readonly deliverTo: readonly Address[];
  readonly limits: HeaderLimits;
  readonly hostname: string;
}

export type EnvelopePolicy = CollectorPolicy | MailboxPolicy;

export interface HeaderLimits {
  /** Received fields beyond this number mean a loop. RFC 5321 §6.3 asks for at least 100 in general; Exchange stops at 30. */
  readonly maxReceived: number;
  /** Further field names (lower case) to remove before delivery, beyond the known envelope fields. */
  readonly alsoRemove: readonly string[];
}
