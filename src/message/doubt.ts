/** Which envelope fields of a message were seen and not believed, each with the reason in words: for `explain`. */
import { maxEvidence, type Evidence } from "./decision.ts";
import { isEnvelopeField } from "./envelope-fields.ts";
import type { HeaderBlock, HeaderField } from "./header.ts";
import type { CollectorPolicy } from "./policy.ts";
import type { Reading } from "./sources.ts";
import type { Zone } from "./zone.ts";

/** Lists the envelope fields that did not decide. */
export function notBelieved(
  header: HeaderBlock,
  policy: CollectorPolicy,
  zone: Zone,
  reading: Reading | undefined,
): Evidence["ignored"] {
  const configured = new Set(
    policy.sources.flatMap((source) => (source.kind === "field" ? [source.name.toLowerCase()] : [])),
  );
  const inZone = new Set(zone.fields);
  const used = new Set(reading?.fields);
  const why = (field: HeaderField): string => {
    if (!inZone.has(field)) return "stands outside the part of the header that the provider wrote";
    if (!configured.has(field.lower)) return "is not among the configured sources";
    return reading?.evidence.field.toLowerCase() === field.lower
      ? "another field of this name counts"
      : "a source configured before it decided";
  };
  return header.fields
    .filter((field) => (isEnvelopeField(field.lower) || configured.has(field.lower)) && !used.has(field))
    .slice(0, maxEvidence)
    .map((field) => ({ what: `${field.name} at octet ${field.start}: ${field.value.slice(0, 200)}`, why: why(field) }));
}
