/**
 * Which fields the provider wrote. A sender can put any field into a message, so an envelope field counts only where
 * nobody but the provider can have written it.
 *
 * - `top`: everything above the first Received field, since whoever takes a message in by SMTP puts one on top of what
 *   the client sent (RFC 5321 §4.4). With `trustedHops = n` the provider's inner servers write n more, and the zone
 *   ends above the (n+1)-th. It ends sooner where the provider's host names are known and a Received field is by
 *   another host, and above the first where there are not as many as that. A message without any has no zone.
 * - `bottom`: the lowest candidate field (and further ones of the same name directly above it), if nothing but the
 *   provider's marker fields follows. Where parsers disagree about the end of the header block there is no zone. This
 *   place is safe as long as the provider never leaves its field out: a sender's would then stand lowest. The `for`
 *   clause of the provider's Received field is what tells.
 *
 * `trace` are the Received fields that the provider itself wrote; their `for` clause must agree.
 */
import type { ByteRange } from "./decision.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import type { Place } from "./policy.ts";
import { parseReceived, type ReceivedClauses } from "./received.ts";

interface TraceField {
  readonly field: HeaderField;
  readonly clauses: ReceivedClauses;
}

export interface Zone {
  /** The fields that the provider wrote, in order; Received fields among them. */
  readonly fields: readonly HeaderField[];
  /** The provider's own Received fields, topmost first, the one that ends a top zone included. */
  readonly trace: readonly TraceField[];
  /** Octets; `undefined` for an empty zone. */
  readonly range: ByteRange | undefined;
}

export interface ZoneQuestion {
  readonly place: Place;
  readonly providerHosts: readonly string[];
  /** Lower-case names of the configured envelope fields. */
  readonly names: ReadonlySet<string>;
}

/** Finds the provider's zone. */
export function findZone(header: HeaderBlock, question: ZoneQuestion): Zone {
  const { place, providerHosts } = question;
  const received = receivedIndexes(header, (place.kind === "top" ? place.trustedHops : 0) + 1);
  const trace = received
    .map((index) => traceField(header.fields[index]))
    .filter((line) => line !== undefined)
    .filter(({ clauses }) => providerHosts.length === 0 || isHostOf(clauses.by, providerHosts));
  const fields = place.kind === "top" ? topFields(header, question, received) : bottomFields(header, question);
  const first = fields[0];
  const last = fields.at(-1);
  const range = first === undefined || last === undefined ? undefined : { start: first.start, end: last.end };
  return { fields, trace, range };
}

/** True when `host` is one of `domains` or below one of them: whole labels, so that `evilgmx.net` is not `gmx.net`. */
export function isHostOf(host: string | undefined, domains: readonly string[]): boolean {
  if (host === undefined) return false;
  return domains.some((domain) => {
    const lower = domain.toLowerCase().replace(/^\*?\./u, "");
    return host === lower || host.endsWith(`.${lower}`);
  });
}

/** True when the name is a marker; one that ends in `*` stands for all names that begin so. */
export function isMarker(lower: string, markers: readonly string[]): boolean {
  return markers.some((marker) => {
    const name = marker.toLowerCase();
    return name.endsWith("*") ? lower.startsWith(name.slice(0, -1)) : lower === name;
  });
}

/** Indexes of the first `count` Received fields. */
function receivedIndexes(header: HeaderBlock, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < header.fields.length && found.length < count; i++) {
    if (header.fields[i]?.lower === "received") found.push(i);
  }
  return found;
}

/** A Received field with its clauses. */
function traceField(field: HeaderField | undefined): TraceField | undefined {
  return field === undefined ? undefined : { field, clauses: parseReceived(field.value) };
}

function topFields(header: HeaderBlock, question: ZoneQuestion, received: readonly number[]): readonly HeaderField[] {
  const { place, providerHosts } = question;
  const hops = place.kind === "top" ? place.trustedHops : 0;
  if (received.length <= hops) return header.fields.slice(0, received[0] ?? 0);
  let end = received[0] ?? 0;
  const isProviders = (index: number | undefined): boolean => {
    if (providerHosts.length === 0) return true;
    const value = index === undefined ? "" : (header.fields[index]?.value ?? "");
    return isHostOf(parseReceived(value).by, providerHosts);
  };
  for (let i = 0; i < hops; i++) {
    // The zone reaches down to the provider's entry: below it, and below a line of somebody else, the sender wrote.
    if (!isProviders(received[i]) || !isProviders(received[i + 1])) break;
    end = received[i + 1] ?? end;
  }
  return header.fields.slice(0, end);
}

function bottomFields(header: HeaderBlock, question: ZoneQuestion): readonly HeaderField[] {
  const { place, names } = question;
  if (place.kind !== "bottom" || header.irregular) return [];
  const { fields } = header;
  let start = fields.length - 1;
  while (start >= 0 && isFollower(fields[start], place.markers, names)) start--;
  const name = fields[start]?.lower;
  if (name === undefined || !names.has(name)) return [];
  while (fields[start - 1]?.lower === name) start--;
  return fields.slice(start);
}

function isFollower(field: HeaderField | undefined, markers: readonly string[], names: ReadonlySet<string>): boolean {
  return field !== undefined && !names.has(field.lower) && isMarker(field.lower, markers);
}
