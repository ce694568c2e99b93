/**
 * Which header fields of a box's mail name local people, where each stands, and in how many messages: what an
 * administrator would find by reading the sources of some two hundred messages. Pure.
 *
 * A field counts when it is known as an envelope field or configured as one, or when it holds nothing but addresses, a
 * local one among them, and no author writes such a field. Of several of one name the topmost is looked at for the top,
 * the lowest for the bottom.
 */
import { domainOf } from "../core/address.ts";
import { parseAddressList } from "../message/address-list.ts";
import { isEnvelopeField, isNeverHandedOn } from "../message/envelope-fields.ts";
import type { HeaderBlock, HeaderField } from "../message/header.ts";
import { parseReceived } from "../message/received.ts";

export interface FieldSurvey {
  /** As written most recently. */
  readonly name: string;
  readonly lower: string;
  /** How many messages have it. */
  readonly messages: number;
  /** How many have it below so many Received fields, by that number; 0 is above them all. */
  readonly below: ReadonlyMap<number, number>;
  /** How many have it as one of the last fields, with nothing but a few of the provider's behind it. */
  readonly atEnd: number;
  /** Names of the fields behind it there, in lower case. */
  readonly followers: ReadonlySet<string>;
  /** How many different local addresses it names in all. */
  readonly people: number;
  /** How many messages name a local address in it. */
  readonly local: number;
}

/** Providers that write at the end add a handful of fields; an author's header goes on for longer. */
const mostFollowers = 8;

/** Fields that authors, lists and spam filters write, which may hold local addresses without being an envelope. */
const otherField =
  /^(?:from|sender|reply-to|to|cc|bcc|date|message-id|subject|in-reply-to|references|mime-version|content-.*|resent-.*|dkim-.*|arc-.*|list-.*|received|received-spf|authentication-results|return-path|return-receipt-to|disposition-notification-to|errors-to|mail-followup-to|x-envelope-from|x-original-from|x-sender|x-failed-recipients|x-spam-.*)$/u;

/** `configured`: names in lower case that the account reads. */
export function surveyFields(
  headers: readonly HeaderBlock[],
  domains: readonly string[],
  configured: ReadonlySet<string>,
): readonly FieldSurvey[] {
  const found = new Map<string, Tally>();
  for (const header of headers) {
    const seen = new Set<string>();
    for (const field of header.fields) {
      if (seen.has(field.lower) || !isCandidate(field, domains, configured)) continue;
      seen.add(field.lower);
      const tally = found.get(field.lower) ?? new Tally(field);
      found.set(field.lower, tally);
      tally.add(header, field, domains);
    }
  }
  return [...found.values()].map((tally) => tally.result()).toSorted((a, b) => b.messages - a.messages);
}

function isCandidate(field: HeaderField, domains: readonly string[], configured: ReadonlySet<string>): boolean {
  if (field.junk) return false;
  if (configured.has(field.lower) || isEnvelopeField(field.lower)) return true;
  if (otherField.test(field.lower) || isNeverHandedOn(field.lower)) return false;
  const { addresses, unreadable } = parseAddressList(field.value);
  return unreadable.length === 0 && addresses.some((address) => domains.includes(domainOf(address)));
}

class Tally {
  readonly #name: string;
  readonly #lower: string;
  readonly #below = new Map<number, number>();
  readonly #followers = new Set<string>();
  readonly #people = new Set<string>();
  #messages = 0;
  #atEnd = 0;
  #local = 0;

  constructor({ name, lower }: HeaderField) {
    this.#name = name;
    this.#lower = lower;
  }

  /** `topmost`: the first of this name in the header. */
  add(header: HeaderBlock, topmost: HeaderField, domains: readonly string[]): void {
    const { fields } = header;
    const index = fields.indexOf(topmost);
    const above = fields.slice(0, index).filter(({ lower }) => lower === "received").length;
    this.#messages += 1;
    this.#below.set(above, (this.#below.get(above) ?? 0) + 1);
    const last = fields.findLastIndex(({ lower }) => lower === this.#lower);
    const followers = fields.slice(last + 1).map(({ lower }) => lower);
    if (followers.length <= mostFollowers && !followers.some((name) => otherField.test(name)) && !header.irregular) {
      this.#atEnd += 1;
      for (const name of followers) this.#followers.add(name);
    }
    const people = parseAddressList(topmost.value).addresses.filter((one) => domains.includes(domainOf(one)));
    if (people.length > 0) this.#local += 1;
    for (const one of people) this.#people.add(one.toLowerCase());
  }

  result(): FieldSurvey {
    return {
      name: this.#name,
      lower: this.#lower,
      messages: this.#messages,
      below: this.#below,
      atEnd: this.#atEnd,
      followers: this.#followers,
      people: this.#people.size,
      local: this.#local,
    };
  }
}

/** The depth at which a field stands in most of its messages. */
export function usualDepth({ below }: FieldSurvey): number {
  return [...below].toSorted((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? 0;
}

/**
 * Whether the first `hops + 1` Received fields are by servers of one owner in nearly all messages (`nearly`: how many
 * that is): then a field between them is the provider's. Gives the owner's domain.
 */
export function ownerOfHops(headers: readonly HeaderBlock[], hops: number, nearly: number): string | undefined {
  const counts = new Map<string, number>();
  for (const header of headers) {
    const lines = header.fields.filter(({ lower }) => lower === "received").slice(0, hops + 1);
    const owners = new Set(lines.map(({ value }) => ownerOf(parseReceived(value).by)));
    const [owner] = owners;
    if (lines.length <= hops || owners.size !== 1 || owner === undefined) continue;
    counts.set(owner, (counts.get(owner) ?? 0) + 1);
  }
  return [...counts].find(([, count]) => count >= nearly)?.[0];
}

/** The last two labels of a host name, which is as near to its owner as one gets without a list of public suffixes. */
function ownerOf(host: string | undefined): string | undefined {
  if (host === undefined || !host.includes(".") || /^[\d.[\]:]+$/u.test(host)) return undefined;
  return host.split(".").slice(-2).join(".");
}
