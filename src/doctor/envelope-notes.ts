/**
 * What the mail in a collector's box says of its configuration: which fields the provider writes, what the configured
 * choice would have done with each message, and the lines that would do better. Pure.
 *
 * Nothing here is acted upon: a proposal is for a person, who knows which domains are the company's.
 */
import { domainOf, localPart } from "../core/address.ts";
import { holdWords } from "../core/hold.ts";
import { parseAddressList } from "../message/address-list.ts";
import type { Decision } from "../message/decision.ts";
import { isEnvelopeField } from "../message/envelope-fields.ts";
import type { HeaderBlock } from "../message/header.ts";
import type { LearnBase } from "../message/learn.ts";
import { sourceName, type CollectorPolicy } from "../message/policy.ts";
import { stopBeforeReading } from "../message/stop.ts";
import { toCcName, weighChoices, type Choices, type Judged } from "./envelope-choices.ts";
import { tellFields } from "./field-notes.ts";
import { ownerOfHops, surveyFields, type FieldSurvey } from "./field-survey.ts";
import type { Notes } from "./finding.ts";

/** A collector's policy, or what is fixed of one that is to be learnt. */
export type EnvelopePolicy = CollectorPolicy | (LearnBase & { readonly kind: "auto" });

/** From so few messages on a share says something. */
const fewest = 3;
const mostShown = 5;
const nearlyAll = 0.95;

/** `headers`: of messages in the box. */
export function tellEnvelope(headers: readonly HeaderBlock[], policy: EnvelopePolicy, notes: Notes): void {
  const mail = headers.filter((header) => stopBeforeReading(header, policy) === undefined);
  if (mail.length < headers.length)
    notes.info(
      "envelope-left-out",
      `${headers.length - mail.length} message(s) are loops or the mailbox's own notes, and are left out here`,
    );
  if (mail.length === 0) {
    notes.warn(
      "envelope-no-mail",
      "there is no message in the box to tell the envelope fields from",
      "Send some from outside (one in To, one as a blind copy, one to three addresses), and ask again.",
    );
    return;
  }
  const configured = new Set(
    policy.kind === "auto"
      ? []
      : policy.sources.flatMap((source) => (source.kind === "field" ? [source.name.toLowerCase()] : [])),
  );
  const wide = [...new Set([...policy.domains, ...nearbyDomains(mail)])];
  const surveys = surveyFields(mail, policy.domains, configured);
  tellFields(surveys, mail, notes);
  const { choices, missing } = weigh(mail, policy, surveys, surveyFields(mail, wide, configured), wide);
  tellMissing(missing, mail.length, policy, notes);
  if (choices.configured !== undefined)
    tellConfigured(choices.configured, choices, missing.size > 0, mail.length, notes);
  else tellLearnt(choices, mail.length, notes);
  notes.info(
    "envelope-tried",
    `tried on ${mail.length} message(s): ${shown(choices.others).map(countWords).join("; ")}`,
  );
  tellPrefix(choices.best ?? choices.configured, policy, notes);
  tellDepth(mail, policy, notes);
}

interface Weighed {
  readonly choices: Choices;
  /** Domains that the best way needs and that are not configured, each with the number of messages that name it. */
  readonly missing: ReadonlyMap<string, number>;
}

/** With the configured domains; where those tell nothing, with all that the provider's fields name. */
function weigh(
  mail: readonly HeaderBlock[],
  policy: EnvelopePolicy,
  surveys: readonly FieldSurvey[],
  wideSurveys: readonly FieldSurvey[],
  wide: readonly string[],
): Weighed {
  const configured = policy.kind === "auto" ? undefined : { name: wordsOf(policy), policy, lines: [] };
  const narrow = weighChoices(mail, policy, configured, surveys);
  if (narrow.best !== undefined || wide.length === policy.domains.length)
    return { choices: narrow, missing: foreignDomains(narrow.best ?? narrow.configured, policy) };
  const more = configured && { ...configured, policy: { ...configured.policy, domains: wide } };
  const widened = weighChoices(mail, { ...policy, domains: wide }, more, wideSurveys);
  if (widened.best === undefined) return { choices: narrow, missing: foreignDomains(narrow.configured, policy) };
  const isSameWay = widened.configured !== undefined && widened.configured.delivered === mail.length;
  const missing = foreignDomains(isSameWay ? widened.configured : widened.best, policy);
  return { choices: { ...widened, configured: narrow.configured }, missing };
}

/** Domains outside the configured ones in what decided. */
function foreignDomains(judged: Judged | undefined, { domains }: EnvelopePolicy): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { evidence } of judged?.decisions ?? []) {
    const { used } = evidence;
    if (used === undefined || !used.source.startsWith("field:")) continue;
    const named = new Set(parseAddressList(used.value).addresses.map((address) => domainOf(address)));
    for (const domain of named) if (!domains.includes(domain)) counts.set(domain, (counts.get(domain) ?? 0) + 1);
  }
  return counts;
}

/** Domains in envelope fields at the edges of the header, where providers write. */
function nearbyDomains(mail: readonly HeaderBlock[]): readonly string[] {
  const found = new Set<string>();
  for (const { fields } of mail) {
    const received = fields.flatMap(({ lower }, index) => (lower === "received" ? [index] : []));
    const top = received[1] ?? received[0] ?? 0;
    for (const [index, field] of fields.entries()) {
      if (!isEnvelopeField(field.lower) || (index > top && index < fields.length - 9)) continue;
      for (const address of parseAddressList(field.value).addresses) found.add(domainOf(address));
    }
  }
  return [...found];
}

function tellMissing(
  missing: ReadonlyMap<string, number>,
  of: number,
  { domains }: EnvelopePolicy,
  notes: Notes,
): void {
  for (const [domain, count] of missing) {
    notes.warn(
      "domain-missing",
      `${count} of ${of} message(s) are for addresses of ${domain}, which is not among \`domains\``,
      "If the domain is yours, add it; its mail is held until then. If it is the provider's own name for the box, leave it out.",
      [`domains = [${[...domains, domain].map((one) => `"${one}"`).join(", ")}]`],
    );
  }
}

function tellConfigured(
  judged: Judged,
  { best, undecided }: Choices,
  isDomain: boolean,
  of: number,
  notes: Notes,
): void {
  const { name } = judged.choice;
  const proposed = best === undefined || isSameWay(judged, best) || best.choice.lines.length === 0 ? undefined : best;
  if (judged.held === 0 && judged.misdelivered === 0) {
    const [only, ...others] = new Set(judged.decisions.flatMap(recipientsOf));
    if (only !== undefined && others.length === 0 && of >= fewest && undecided !== undefined)
      notes.warn(
        "envelope-may-be-the-box",
        `as configured (${name}), all ${of} message(s) would go to ${only}, which may be the box itself: ${undecided}`,
        "If the box is one person's, a [[mailbox]] says so; else another field must name the recipients.",
      );
    else notes.ok("envelope-good", `as configured (${name}), all ${of} message(s) would be delivered`);
    return;
  }
  const what = `as configured (${name}), of ${of} message(s) ${countsOf(judged)}${reasonWords(judged)}`;
  const [reason] = [...judged.reasons].toSorted((a, b) => b[1].count - a[1].count)[0] ?? [];
  const advice = reason === undefined ? undefined : holdWords[reason].remedy;
  const isBad = judged.misdelivered > 0 || (judged.delivered === 0 && of >= fewest);
  // With a domain missing the way itself may be right: the lines for that have been given.
  const lines = isDomain && judged.misdelivered === 0 && judged.delivered > 0 ? undefined : proposed?.choice.lines;
  const remedy =
    lines === undefined ? advice : `${proposed?.choice.name} would deliver ${proposed?.delivered} of ${of}:`;
  if (isBad) notes.error("envelope-not-all", what, remedy, lines);
  else notes.warn("envelope-not-all", what, remedy, lines);
}

/** The configured way finds the same people wherever it finds any. */
function isSameWay(judged: Judged, best: Judged): boolean {
  return judged.misdelivered === 0 && judged.held === best.held;
}

function tellLearnt({ best, undecided }: Choices, of: number, notes: Notes): void {
  if (best === undefined) {
    notes.warn(
      "envelope-unknown",
      `the mail in the box does not tell where the provider writes the envelope: ${undecided ?? "nothing fits"}`,
      "Until it does, mail is held. Set `profile` or `envelope` by hand, or let more mail come.",
    );
    return;
  }
  notes.ok("envelope-learnt", `${best.choice.name} fits: of ${of} message(s) ${countsOf(best)}`);
  notes.info("envelope-lines", "the profile is learnt from the box; to fix it, write", undefined, best.choice.lines);
}

/** The ones that deliver most, and To and Cc, which many a collector goes by. */
function shown(others: readonly Judged[]): readonly Judged[] {
  const isToCc = ({ choice }: Judged): boolean => choice.name === toCcName;
  return [...others.filter((judged) => !isToCc(judged)).slice(0, mostShown), ...others.filter(isToCc)];
}

function countWords(judged: Judged): string {
  return `${judged.choice.name}: ${countsOf(judged)}`;
}

function countsOf({ delivered, held, misdelivered }: Judged): string {
  const parts = [`${delivered} would be delivered`];
  if (held > 0) parts.push(`${held} held`);
  if (misdelivered > 0) parts.push(`${misdelivered} given to other people than the envelope names`);
  return parts.join(", ");
}

function reasonWords({ reasons }: Judged): string {
  const words = [...reasons].map(([reason, { count, detail }]) => `${count} ${reason}, such as: ${detail}`);
  return words.length === 0 ? "" : ` (${words.join("; ")})`;
}

/** `profile "exim"`, or the sources that are set by hand. */
function wordsOf(policy: CollectorPolicy): string {
  return policy.profile === "custom"
    ? policy.sources.map((source) => (source.kind === "field" ? source.name : sourceName(source))).join(", ")
    : `profile "${policy.profile}"`;
}

/** All recipients begin alike: a prefix of a virtual domain (qmail) that nobody has taken off. */
function tellPrefix(judged: Judged | undefined, { stripPrefix }: EnvelopePolicy, notes: Notes): void {
  const people = [...new Set((judged?.decisions ?? []).flatMap(recipientsOf))];
  const [first = ""] = people;
  if (people.length < fewest || stripPrefix !== undefined) return;
  const prefix = first.slice(0, first.lastIndexOf("-") + 1);
  if (prefix === "" || !people.every((local) => local.startsWith(prefix) && local.length > prefix.length)) return;
  notes.warn(
    "prefix-not-stripped",
    `all recipients begin with "${prefix}": the provider puts it before the address`,
    "If nobody's address really begins so, have it taken off:",
    [`strip_prefix = "${prefix}"`],
  );
}

/** Trusted hops that are set by hand and reach below lines of other people's servers. */
function tellDepth(mail: readonly HeaderBlock[], policy: EnvelopePolicy, notes: Notes): void {
  if (policy.kind === "auto" || policy.profile !== "custom" || policy.providerHosts.length > 0) return;
  const hops = policy.place.kind === "top" ? policy.place.trustedHops : 0;
  if (hops === 0 || ownerOfHops(mail, hops, nearlyAll * mail.length) !== undefined) return;
  notes.warn(
    "trusted-hops-mixed",
    `trusted_hops = ${hops}: the first ${hops + 1} Received fields are not all by servers of one owner, so a sender may have written what stands between them`,
    "Name the provider's servers, as they call themselves in Received fields; then only their lines are trusted:",
    ['provider_hosts = ["<the provider\'s domain>"]'],
  );
}

function recipientsOf(decision: Decision): readonly string[] {
  return decision.kind === "deliver" ? decision.recipients.map((address) => localPart(address).toLowerCase()) : [];
}
