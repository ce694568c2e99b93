/** Whether a collector says where its recipients are to be found, and says it without contradiction. */
import { profileByName, profiles } from "../message/profiles.ts";
import { checkLocal } from "./check-general.ts";
import type { Findings } from "./findings.ts";
import type { KeyPath } from "./key-path.ts";
import { editDistance, nearestKey } from "./nearest-key.ts";
import type { Draft, DraftCollector } from "./schema.ts";

const byHand = ["envelope", "place", "trusted_hops", "markers", "provider_hosts"] as const;

export function checkEnvelope(collector: DraftCollector, at: KeyPath, draft: Draft, findings: Findings): void {
  if (collector.profile === "auto") {
    for (const key of byHand) {
      if (collector[key] !== undefined)
        findings.error([...at, key], 'it has no effect with profile = "auto"', "Remove it, or the profile", "key");
    }
  } else if (collector.profile !== undefined) checkProfileName(collector.profile, [...at, "profile"], findings);
  checkPlace(collector, at, findings);
  checkSources(collector, at, findings);
  if (collector.fallback !== undefined) checkLocal(collector.fallback, draft.domains, [...at, "fallback"], findings);
  for (const [index, domain] of (collector.domains ?? []).entries()) {
    if (draft.domains !== undefined && !draft.domains.includes(domain))
      findings.error([...at, "domains", index], `${domain} is not among the domains at the top`, "Add it there");
  }
}

/**
 * Without profile and envelope a collector learns its profile from the box; what is then set by hand of a place would
 * have no effect. Only for a file that is whole: what is missing may stand in a line that could not be read.
 */
export function requireEnvelope(has: (key: string) => boolean, at: KeyPath, findings: Findings): void {
  if (!has("profile") && !has("envelope") && byHand.some((key) => has(key)))
    findings.error(
      at,
      "profile or envelope is missing: it is not known where the recipients stand",
      `Set profile to ${nameList()}, or to "auto" to learn it from the box`,
    );
}

function checkProfileName(name: string, path: KeyPath, findings: Findings): void {
  if (profileByName(name) !== undefined) return;
  const names = profiles.map((profile) => profile.name);
  const near = nearestKey(name, names);
  findings.error(
    path,
    `"${name}" is not a known profile`,
    `${near === undefined ? "" : `Did you mean "${near}"? `}Known are ${nameList()}`,
  );
}

function nameList(): string {
  return [...profiles.map((profile) => `"${profile.name}"`), '"auto"'].join(", ");
}

function checkPlace(collector: DraftCollector, at: KeyPath, findings: Findings): void {
  const profile = collector.profile === undefined ? undefined : profileByName(collector.profile);
  const place = collector.place ?? profile?.place.kind ?? "top";
  if (collector.profile === "auto") return;
  if (place === "bottom" && collector.trusted_hops !== undefined)
    findings.error([...at, "trusted_hops"], 'it has no effect with place = "bottom"', "Remove it", "key");
  if (place === "top" && collector.markers !== undefined)
    findings.error(
      [...at, "markers"],
      'it has no effect with place = "top"',
      'Set place = "bottom", or remove it',
      "key",
    );
  const markers = collector.markers ?? (profile?.place.kind === "bottom" ? profile.place.markers : []);
  if (place === "bottom" && markers.length === 0)
    findings.warn(
      [...at, "place"],
      "without markers a sender's own field counts when the provider writes none",
      "Name the fields that the provider writes below it in markers",
    );
}

function checkSources(collector: DraftCollector, at: KeyPath, findings: Findings): void {
  const seen = new Set<string>();
  for (const [index, source] of (collector.envelope ?? []).entries()) {
    const path = [...at, "envelope", index];
    const name = source.kind === "field" ? `${source.name.toLowerCase()}:${source.pattern ?? ""}` : source.kind;
    if (seen.has(name)) findings.error(path, "it stands here twice", "Remove one of the two");
    seen.add(name);
    if (source.kind === "to-cc")
      findings.warn(
        path,
        "To and Cc show neither blind copies nor mailing lists",
        "Mail without own addresses there is held",
      );
    if (source.kind === "field") checkFieldName(source.name, path, findings);
  }
}

/** Any field may be named; one that is nearly a well-known one is more likely mistyped. */
function checkFieldName(name: string, path: KeyPath, findings: Findings): void {
  const known = profiles.flatMap(({ sources }) =>
    sources.flatMap((source) => (source.kind === "field" ? [source.name] : [])),
  );
  const lower = name.toLowerCase();
  if (["to", "cc", "bcc", "from", "received"].includes(lower))
    findings.error(
      path,
      `${name} is not an envelope field: the sender writes it`,
      'Write "to-cc" to go by To and Cc, or "received-for"',
    );
  const near = known.find((other) => [1, 2].includes(editDistance(lower, other.toLowerCase())));
  if (near !== undefined && !known.some((other) => other.toLowerCase() === lower))
    findings.warn(path, `"${name}" is not a field that a provider is known to write`, `Did you mean "${near}"?`);
}
