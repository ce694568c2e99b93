/** What `[[dkim]]` must mean: one key at a time for each domain, and a domain whose mail is sent at all. */
import type { Findings } from "./findings.ts";
import type { Draft } from "./schema.ts";

export function checkDkim({ dkim = [], domains, listener }: Draft, complete: boolean, findings: Findings): void {
  const begins = new Set<string>();
  const selectors = new Set<string>();
  for (const [index, { domain, selector, active_from: from }] of dkim.entries()) {
    const at = ["dkim", index];
    if (domain === undefined) continue;
    const begin = `${domain} ${from === undefined ? 0 : new Date(from).getTime()}`;
    if (begins.has(begin))
      findings.error(
        from === undefined ? at : [...at, "active_from"],
        `another key of ${domain} begins at the same time`,
        "Give each key of a domain an active_from of its own",
      );
    begins.add(begin);
    const place = `${selector?.toLowerCase() ?? ""}._domainkey.${domain}`;
    if (selector !== undefined && selectors.has(place))
      findings.error([...at, "selector"], `${place} is the place of another key`, "A new key needs a new selector");
    selectors.add(place);
    if (domains !== undefined && !domains.some((own) => domain === own || domain.endsWith(`.${own}`)))
      findings.warn([...at, "domain"], `${domain} is not among the domains`, "Only own mail should be signed");
  }
  if (complete && dkim.length > 0 && listener === undefined)
    findings.warn(["dkim", 0], "without [listener] there is no mail to sign", "Add [listener]");
}
