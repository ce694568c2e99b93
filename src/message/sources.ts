/** Reads what one configured source says of the recipients, out of the provider's zone only (`to-cc` excepted). */
import type { Address } from "../core/address.ts";
import { parseAddressList, type AddressListResult } from "./address-list.ts";
import type { SourceEvidence } from "./decision.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import { sourceName, type Source } from "./policy.ts";
import { isHostOf, type Zone } from "./zone.ts";

export interface Reading {
  readonly source: Source;
  readonly evidence: SourceEvidence;
  readonly addresses: readonly Address[];
  /** Pieces that are no address. Of an envelope field they are a reason to hold. */
  readonly unreadable: readonly string[];
  /** The fields that were read. */
  readonly fields: readonly HeaderField[];
}

const maxValue = 1000;

/** What the source says; `undefined` when it is not there. A field that is there but empty is a reading without addresses. */
export function readSource(
  source: Source,
  header: HeaderBlock,
  zone: Zone,
  providerHosts: readonly string[],
): Reading | undefined {
  switch (source.kind) {
    case "field":
      return readField(source, zone);
    case "received-for":
      return readReceivedFor(source, zone, providerHosts);
    case "to-cc":
      return readToCc(source, header);
  }
}

function readField(source: Extract<Source, { kind: "field" }>, zone: Zone): Reading | undefined {
  const lower = source.name.toLowerCase();
  const present = zone.fields.filter((field) => field.lower === lower);
  const chosen =
    source.occurrence === "all" ? present : present.slice(...(source.occurrence === "topmost" ? [0, 1] : [-1]));
  if (chosen.length === 0) return undefined;
  return reading(
    source,
    chosen,
    chosen.map(({ value }) => listIn(value, source.pattern)),
  );
}

/**
 * The first Received field of the zone that counts decides, `for` clause or not: lines below one without (which is
 * normal for several recipients) are not asked, since a sender may have written them.
 */
function readReceivedFor(
  source: Extract<Source, { kind: "received-for" }>,
  zone: Zone,
  providerHosts: readonly string[],
): Reading | undefined {
  const hosts = source.by.length > 0 ? source.by : providerHosts;
  const line = zone.trace.find(({ clauses }) => hosts.length === 0 || isHostOf(clauses.by, hosts));
  if (line === undefined || line.clauses.for.length === 0) return undefined;
  return reading(source, [line.field], [{ addresses: line.clauses.for, unreadable: [] }]);
}

const toCcNames: ReadonlySet<string> = new Set(["to", "cc", "resent-to", "resent-cc"]);

function readToCc(source: Source, header: HeaderBlock): Reading | undefined {
  const fields = header.fields.filter(({ lower }) => toCcNames.has(lower));
  const lists = fields.map(({ value }) => parseAddressList(value));
  return lists.some(({ addresses }) => addresses.length > 0) ? reading(source, fields, lists) : undefined;
}

function reading(source: Source, fields: readonly HeaderField[], lists: readonly AddressListResult[]): Reading {
  const first = fields[0];
  return {
    source,
    fields,
    evidence: {
      source: sourceName(source),
      field: first?.name ?? "",
      offset: first?.start ?? 0,
      value: fields
        .map(({ value }) => value)
        .join(", ")
        .slice(0, maxValue),
    },
    addresses: lists.flatMap(({ addresses }) => addresses),
    unreadable: lists.flatMap(({ unreadable }) => unreadable),
  };
}

/** The list in a value. A provider that wraps addresses in words may leave them bare too. */
function listIn(value: string, pattern: string | undefined): AddressListResult {
  const inner = pattern === undefined ? undefined : matchPattern(value, pattern);
  return parseAddressList(inner ?? value);
}

/**
 * What the first `*` of a pattern stands for: the shortest text there with which all literal parts follow each other.
 * Case does not count. `undefined` if the value does not have that form.
 */
function matchPattern(value: string, pattern: string): string | undefined {
  const [prefix = "", ...rest] = pattern.toLowerCase().split("*");
  const lower = value.toLowerCase();
  // Folding cannot shift indexes here: characters whose lower case is longer or shorter would.
  if (lower.length !== value.length || !lower.startsWith(prefix)) return undefined;
  let at = prefix.length;
  let end: number | undefined;
  for (const [index, literal] of rest.entries()) {
    const isLast = index === rest.length - 1;
    const found =
      isLast && literal === "" ? lower.length : isLast ? lower.lastIndexOf(literal) : lower.indexOf(literal, at);
    if (found < at || (isLast && found + literal.length !== lower.length)) return undefined;
    end ??= found;
    at = found + literal.length;
  }
  return end === undefined ? undefined : value.slice(prefix.length, end).trim();
}
