/**
 * Exchange, as the target of what is collected: the connection, what it offers, whether it takes mail for each local
 * domain from us, and whether it refuses unknown people at once. Nothing is sent: each question ends with RSET.
 *
 * The remedies are cmdlets of the Exchange Management Shell (documentation of Set-ReceiveConnector, New-AcceptedDomain,
 * Set-TransportConfig, Set-RecipientFilterConfig, Enable-ExchangeCertificate). `<connector>` is the administrator's to name.
 */
import { replyText, type SmtpReply } from "../core/outcome.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import { type Finding, Notes } from "./finding.ts";
import { type DoctorPorts, type OpenSmtp, ProbeFailed } from "./port.ts";
import { durationWords, sizeWords } from "./quantities.ts";
import { lookAtServer } from "./server-look.ts";
import { SmtpAsking } from "./smtp-asking.ts";
import { has, sizeOf } from "./smtp-offers.ts";

export interface ExchangeToCheck {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly hostname: string;
  /** Whom we log in as, if at all. */
  readonly user: string | undefined;
  /** Those that are to be taken. */
  readonly domains: readonly string[];
  /** The largest message that any account fetches. */
  readonly maxOctets: number;
  readonly open: OpenSmtp;
}

const connector = '"<connector>"';
/** What a refusal at a LAN takes without a tarpit is a fraction of this. */
const tarpitFromMs = 1500;
const skewMs = 5 * 60_000;

/** Never rejects but with the signal's reason. */
export async function checkExchange(
  exchange: ExchangeToCheck,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const notes = new Notes("exchange");
  const look = await lookAtServer({ protocol: "smtp", ...exchange }, notes, ports, signal);
  if (look === undefined) return notes.findings;
  tellOffers(look.offers, exchange, notes);
  tellClock(look.greeting, ports.clock.now(), notes);
  try {
    await using asking = await SmtpAsking.open(exchange.open, ports.clock, signal);
    if (exchange.user !== undefined) notes.ok("exchange-login", `logged in as ${exchange.user}`);
    await askForDomains(asking, exchange, notes, ports, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    tellFailure(error, exchange, notes);
  }
  return notes.findings;
}

function tellFailure(error: Error, { user }: ExchangeToCheck, notes: Notes): void {
  const at = error instanceof ProbeFailed ? error.at : "path";
  const lines = [`Set-ReceiveConnector ${connector} -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS`];
  if (at === "path") notes.error("exchange-failed", error.message);
  else if (at === "login")
    notes.error(
      "exchange-cannot-log-in",
      `we cannot log in as ${user ?? ""}: ${error.message}`,
      "The connector must offer logins, and a connection that is encrypted:",
      lines,
    );
  else
    notes.error(
      "exchange-login-refused",
      `the login as ${user ?? ""} is refused: ${error.message}`,
      "Check the password, and that the connector takes such logins:",
      lines,
    );
}

function tellOffers(offers: readonly string[], { maxOctets }: ExchangeToCheck, notes: Notes): void {
  notes.info("exchange-offers", `it offers ${offers.length === 0 ? "no extensions" : offers.join(", ")}`);
  const size = sizeOf(offers);
  if (size !== undefined && size < maxOctets)
    notes.warn(
      "exchange-size-limit",
      `it takes messages of up to ${sizeWords(size)}; messages of up to ${sizeWords(maxOctets)} are fetched, and larger ones than that will be held`,
      "Raise both limits (the organisation has one of its own, which shows only after a message was taken), or lower max_size:",
      [
        `Set-ReceiveConnector ${connector} -MaxMessageSize ${megabytes(maxOctets)}`,
        `Set-TransportConfig -MaxReceiveSize ${megabytes(maxOctets)}`,
      ],
    );
  if (!has(offers, "8BITMIME"))
    notes.warn("exchange-no-8bitmime", "it does not offer 8BITMIME: messages with 8-bit text are sent all the same");
}

/** Exchange's MB are of 2^20 octets. */
function megabytes(octets: number): string {
  return `${Math.ceil(octets / 1024 ** 2)}MB`;
}

/** Exchange greets with the time of day. */
function tellClock(greeting: string, now: number, notes: Notes): void {
  const date = /\bat (\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4})/u.exec(greeting)?.[1];
  const theirs = date === undefined ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return;
  const apart = Math.abs(now - theirs);
  if (apart > skewMs)
    notes.warn(
      "exchange-clock-apart",
      `its clock and this machine's are ${durationWords(Math.round(apart / 60_000) * 60_000)} apart`,
      "Let both be set by the same time server; certificates and logs depend on it.",
    );
  else notes.ok("exchange-clock", "its clock agrees with this machine's");
}

async function askForDomains(
  asking: SmtpAsking,
  { domains }: ExchangeToCheck,
  notes: Notes,
  { random }: DoctorPorts,
  signal: AbortSignal,
): Promise<void> {
  let accepted: string | undefined;
  for (const domain of domains) {
    signal.throwIfAborted();
    const { at, reply } = await asking.ask("", `postmaster@${domain}`);
    if (at === "mail") return tellMailRefused(reply, notes);
    if (tellDomain(domain, reply, notes)) accepted ??= domain;
  }
  if (accepted === undefined) return;
  const nobody = `popgate-${Math.floor(random.next() * 1e12).toString(36)}@${accepted}`;
  const { reply, ms } = await asking.ask("", nobody);
  tellUnknown(nobody, reply, ms, notes);
}

function tellMailRefused(reply: SmtpReply, notes: Notes): void {
  const words = `it takes no mail from us: ${replyText(reply)}`;
  if (reply.code === 421 || (reply.code < 500 && reply.enhanced?.startsWith("4.3.") === true)) {
    notes.warn(
      "exchange-back-pressure",
      words,
      "It is short of disk or memory (back pressure). Mail waits in the spool until it recovers.",
    );
    return;
  }
  if (reply.code < 500) {
    notes.warn("exchange-refuses-for-now", words, "It refuses for now; mail waits in the spool.");
    return;
  }
  notes.error(
    "exchange-takes-no-mail",
    words,
    "Let the Receive connector that answers here take mail from this machine without a login:",
    [`Set-ReceiveConnector ${connector} -PermissionGroups AnonymousUsers -RemoteIPRanges <this machine's address>`],
  );
}

/** True when mail for the domain is taken. */
function tellDomain(domain: string, reply: SmtpReply, notes: Notes): boolean {
  const text = replyText(reply);
  if (reply.code < 300) {
    notes.ok("exchange-domain-taken", `it takes mail for ${domain}`);
    return true;
  }
  if (reply.code < 500) {
    notes.warn(
      "exchange-domain-not-now",
      `it does not take mail for ${domain} now: ${text}`,
      "Mail waits in the spool until it does.",
    );
    return false;
  }
  if (isAboutPerson(reply)) {
    notes.ok("exchange-domain-taken", `it takes mail for ${domain}`);
    notes.info("exchange-no-postmaster", `postmaster@${domain} has no mailbox there: ${text}`);
    return true;
  }
  notes.error(
    "exchange-domain-refused",
    `it refuses mail for ${domain}: ${text}`,
    "Make the domain an accepted one, or take it out of `domains`:",
    [`New-AcceptedDomain -Name ${domain} -DomainName ${domain} -DomainType Authoritative`],
  );
  return false;
}

/** The person is unknown, not the domain. A server without enhanced codes says it in words only. */
function isAboutPerson({ enhanced, text }: SmtpReply): boolean {
  if (/relay|accepted domain/iu.test(text)) return false;
  if (enhanced !== undefined) return enhanced.startsWith("5.1.");
  return /\b(?:user|recipient|mailbox|address)\b/iu.test(text);
}

function tellUnknown(address: string, reply: SmtpReply, ms: number, notes: Notes): void {
  if (reply.code < 300) {
    notes.info(
      "exchange-takes-unknown",
      `it takes mail for people who do not exist (${address}), and returns it later to senders that may be forged`,
      "With recipient validation it would be held here instead, and the postmaster told. On a Mailbox server the answer comes only after the message, for all its recipients; popgate then asks again for each.",
      ["Set-RecipientFilterConfig -Enabled $true -RecipientValidationEnabled $true"],
    );
    return;
  }
  if (reply.code >= 500) notes.ok("exchange-refuses-unknown", `it refuses unknown people at once: ${replyText(reply)}`);
  else notes.info("exchange-unknown-undecided", `it does not say whether a person is unknown: ${replyText(reply)}`);
  if (ms >= tarpitFromMs)
    notes.info(
      "exchange-tarpit",
      `it waits ${durationWords(Math.round(ms / 500) * 500)} before each refusal (tarpit)`,
      "On a connector that only popgate uses the wait does nobody good:",
      [`Set-ReceiveConnector ${connector} -TarpitInterval 00:00:00`],
    );
}
