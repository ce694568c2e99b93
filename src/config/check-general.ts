/** What the keys at the top of the file must mean together: own name, domains, postmaster, aliases, spool, exchange. */
import { isIP } from "node:net";
import { domainOf, parseAddress, parseDomain, type Address } from "../core/address.ts";
import { checkTls } from "./check-tls.ts";
import type { Findings } from "./findings.ts";
import { isLoopback } from "./loopback.ts";
import type { Draft } from "./schema.ts";

export function checkGeneral(draft: Draft, findings: Findings): void {
  const { hostname, postmaster, domains } = draft;
  if (hostname !== undefined && (isIP(hostname) !== 0 || !hostname.includes(".")))
    findings.warn(
      ["hostname"],
      `"${hostname}" is not a name with a domain`,
      "RFC 5321 asks for a full name; some servers refuse mail from others",
    );
  checkRepeatedDomains(draft, findings);
  if (postmaster !== undefined && domains !== undefined && !domains.includes(domainOf(postmaster)))
    findings.warn(
      ["postmaster"],
      `${domainOf(postmaster)} is not among the domains`,
      "Make sure that Exchange takes mail for this address from popgate, or notices will not arrive",
    );
  checkAliases(draft, findings);
  checkSpool(draft, findings);
  checkExchange(draft, findings);
}

/** An address that Exchange is to deliver must be the company's own: it relays nothing for us. */
export function checkLocal(
  address: Address,
  domains: readonly string[] | undefined,
  path: readonly (string | number)[],
  findings: Findings,
): void {
  if (domains === undefined || domains.includes(domainOf(address))) return;
  findings.error(
    path,
    `${domainOf(address)} is not among the domains`,
    `If Exchange accepts mail for it, add "${domainOf(address)}" to domains`,
  );
}

function checkRepeatedDomains(draft: Draft, findings: Findings): void {
  const seen = new Set<string>();
  for (const [index, domain] of (draft.domains ?? []).entries()) {
    if (seen.has(domain)) findings.error(["domains", index], `${domain} stands here twice`, "Remove one of the two");
    seen.add(domain);
  }
}

function checkAliases(draft: Draft, findings: Findings): void {
  const seen = new Map<string, string>();
  for (const [from, to] of Object.entries(draft.aliases ?? {})) {
    const path = ["aliases", from];
    const domain = from.startsWith("*@") ? parseDomain(from.slice(2)) : aliasDomain(from);
    if (domain === undefined) {
      findings.error(path, `"${from}" is not an address`, 'Write "user@domain", or "*@domain" for all others', "key");
      continue;
    }
    const spelling = from.toLowerCase();
    const earlier = seen.get(spelling);
    if (earlier !== undefined)
      findings.error(path, `it is the same address as "${earlier}"`, "Remove one of the two", "key");
    seen.set(spelling, from);
    if (draft.domains !== undefined && !draft.domains.includes(domain))
      findings.warn(
        path,
        `${domain} is not among the domains, so this alias is never used`,
        `Add "${domain}" to domains`,
        "key",
      );
    for (const address of Array.isArray(to) ? to : [to]) checkLocal(address, draft.domains, path, findings);
  }
}

function aliasDomain(text: string): string | undefined {
  const result = parseAddress(text);
  return result.kind === "ok" ? domainOf(result.address) : undefined;
}

function checkSpool({ spool }: Draft, findings: Findings): void {
  if (spool === undefined) return;
  const least = 64 * 1024 * 1024;
  if (spool.max_size < least)
    findings.error(
      ["spool", "max_size"],
      "a spool of this size fills up with a few messages",
      'At least "64 MiB" are needed',
    );
}

function checkExchange({ exchange, domains }: Draft, findings: Findings): void {
  if (exchange === undefined) return;
  const at = ["exchange"];
  checkTls(exchange, at, findings);
  if (exchange.password !== undefined && exchange.user === undefined)
    findings.error([...at, "password"], "there is a password but no user", "Add user, or remove the password");
  if (exchange.user !== undefined && exchange.password === undefined)
    findings.error([...at, "user"], "there is a user but no password", "Add password, or remove the user");
  if (exchange.user !== undefined && exchange.tls === "opportunistic" && !isLoopback(exchange.host))
    findings.warn(
      [...at, "tls"],
      "no login is made before the server has proved itself, and nothing is delivered without the login",
      'Set tls = "required" with ca or fingerprint, or remove user and password',
    );
  if (exchange.on_reject === "redirect" && exchange.redirect_to === undefined)
    findings.error([...at, "on_reject"], "redirect needs an address", "Add redirect_to");
  if (exchange.redirect_to !== undefined) {
    if (exchange.on_reject !== "redirect")
      findings.error([...at, "redirect_to"], "it has no effect", 'Set on_reject = "redirect", or remove it');
    checkLocal(exchange.redirect_to, domains, [...at, "redirect_to"], findings);
  }
  for (const [index, pause] of (exchange.retry ?? []).entries()) {
    if (pause < 1000)
      findings.error([...at, "retry", index], "a pause of less than a second", 'Write, for example, "1m"');
  }
  if (exchange.give_up !== undefined && exchange.give_up < 3_600_000)
    findings.warn([...at, "give_up"], "mail is held after less than an hour", "A restart of Exchange can take longer");
}
