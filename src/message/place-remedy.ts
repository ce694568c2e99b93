/**
 * The words for an envelope field that stands where a sender can have written it: where that is, and the line of the
 * configuration that would make it count if it is the provider's after all. A proposal for a person, never acted upon.
 */
import type { HeaderBlock, HeaderField } from "./header.ts";
import type { CollectorPolicy } from "./policy.ts";
import { isMarker } from "./zone.ts";

/** Providers that write at the end add a handful of fields; a sender's header goes on for longer. */
const maxMarkers = 8;

/** Fields that senders write: no provider's markers, whatever stands between. */
const authorField =
  /^(?:from|sender|reply-to|to|cc|bcc|date|message-id|subject|in-reply-to|references|mime-version|content-.*|resent-.*|dkim-signature|list-.*)$/u;

/** Says where the field stands and what would have to be configured. */
export function placeRemedy(header: HeaderBlock, policy: CollectorPolicy, field: HeaderField): string {
  const index = header.fields.indexOf(field);
  const isReceived = ({ lower }: HeaderField): boolean => lower === "received";
  const total = header.fields.filter(isReceived).length;
  const above = header.fields.slice(0, index).filter(isReceived).length;
  const where = `${field.name} stands at octet ${field.start}, below ${above} of ${total} Received fields`;
  const remedy = remedyLine(header, policy, index, above, total);
  return remedy === undefined
    ? `${where}; no setting makes that a place which only the provider can write to`
    : `${where}; if the provider writes it there, set ${remedy}`;
}

function remedyLine(
  header: HeaderBlock,
  policy: CollectorPolicy,
  index: number,
  above: number,
  total: number,
): string | undefined {
  const isBottom = policy.place.kind === "bottom";
  if (above === 0 && total > 0) return `place = "top"`;
  if (above > 0 && above < total)
    return isBottom ? `place = "top" and trusted_hops = ${above}` : `trusted_hops = ${above}`;
  if (header.irregular) return undefined;
  const followers = header.fields.slice(index + 1).map(({ lower }) => lower);
  if (followers.length > maxMarkers || followers.some((name) => authorField.test(name))) return undefined;
  const known = policy.place.kind === "bottom" ? policy.place.markers : [];
  const missing = [...new Set(followers.filter((name) => !isMarker(name, known)))];
  if (isBottom && missing.length === 0) return undefined;
  const markers = `markers = [${[...known, ...missing].map((name) => `"${name}"`).join(", ")}]`;
  return isBottom ? markers : `place = "bottom" and ${markers}`;
}
