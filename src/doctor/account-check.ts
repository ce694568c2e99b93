/**
 * One account at its provider: the server, the login, the box, and for a collector what the mail in it says of the
 * envelope. Reads only: LIST, UIDL and TOP n 0; no message is fetched, marked or deleted.
 */
import { isLoopback } from "../config/loopback.ts";
import type { HeaderBlock } from "../message/header.ts";
import { type Capabilities, type Pop3Box, type Pop3Connect, Pop3Error } from "../pop3/port.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import { tellEnvelope, type EnvelopePolicy } from "./envelope-notes.ts";
import { surveyFields } from "./field-survey.ts";
import { type Finding, Notes } from "./finding.ts";
import type { DoctorPorts } from "./port.ts";
import { lookAtServer } from "./server-look.ts";
import { durationWords, sizeWords } from "./quantities.ts";

export interface AccountToCheck {
  readonly name: string;
  readonly enabled: boolean;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly user: string;
  /** Where the password is kept, in words. */
  readonly passwordOrigin: string;
  /** Time between polls; `undefined` where a calendar says when. */
  readonly everyMs: number | undefined;
  /** How long mail is to stay at the provider; `undefined`: for ever or until it is delivered. */
  readonly keepMs: number | undefined;
  readonly maxOctets: number;
  /** `mailbox`: a box of one person, whose domains are given for comparison. */
  readonly policy: EnvelopePolicy | { readonly kind: "mailbox"; readonly domains: readonly string[] };
  readonly connect: Pop3Connect;
  /** Header blocks of the newest of these messages, as far as the server gives them. */
  readonly headers: (
    box: Pop3Box,
    numbers: readonly number[],
    limits: { readonly count: number; readonly octets: number },
  ) => Promise<readonly HeaderBlock[]>;
}

/** Header blocks that are read. */
const mostHeaders = 200;
/** Of each. No honest header is longer. */
const headerOctets = 256 * 1024;

/** Never rejects but with the signal's reason. */
export async function checkAccount(
  account: AccountToCheck,
  hostname: string,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const notes = new Notes(`account ${account.name}`);
  if (!account.enabled) notes.info("account-off", "the account is switched off: it is looked at all the same");
  const { host, port, tls } = account;
  const look = await lookAtServer({ protocol: "pop3", host, port, tls, hostname }, notes, ports, signal);
  if (look === undefined) return notes.findings;
  if (tls.mode === "off" && !isLoopback(host))
    notes.warn("account-unencrypted", "the connection is not encrypted: password and mail can be read on the way");
  try {
    await using box = await account.connect(signal, undefined);
    notes.ok("account-login", `logged in as ${account.user}`);
    tellCapabilities(box.capabilities, account, notes);
    await lookIntoBox(box, account, notes);
    await box.quit();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Pop3Error)) throw error;
    tellPop3Error(error, account, notes);
  }
  return notes.findings;
}

function tellPop3Error(error: Pop3Error, { user, passwordOrigin }: AccountToCheck, notes: Notes): void {
  const { kind, message, retryAfterMs } = error;
  switch (kind) {
    case "auth":
      notes.error(
        "account-login-refused",
        `the login as ${user} is refused: ${message}`,
        `Check user name and password (the password is kept ${passwordOrigin}). Some providers want the whole address as user name, or let POP3 in only once it is switched on for the box.`,
      );
      return;
    case "in-use":
      notes.warn(
        "box-in-use",
        `the box is in use: ${message}`,
        "If popgate is polling it just now, ask again in a minute.",
      );
      return;
    case "login-delay":
      notes.warn(
        "login-too-soon",
        `too soon after the last login: ${message}`,
        `Ask again in ${durationWords(retryAfterMs ?? 15 * 60_000)}.`,
      );
      return;
    case "temporary":
      notes.warn("server-in-trouble", `the server is in trouble: ${message}`, "Ask again later.");
      return;
    default:
      notes.error("account-failed", message);
  }
}

function tellCapabilities(capabilities: Capabilities, { everyMs, keepMs }: AccountToCheck, notes: Notes): void {
  const { announced, uidl, top, pipelining, implementation, loginDelaySeconds, expire } = capabilities;
  const said = [...(uidl ? ["UIDL"] : []), ...(top ? ["TOP"] : []), ...(pipelining ? ["PIPELINING"] : [])];
  const calls = implementation === undefined ? "" : `, and calls itself ${implementation}`;
  notes.info(
    "account-offers",
    announced ? `the server offers ${said.join(", ")}${calls}` : "the server does not tell its capabilities (no CAPA)",
  );
  if (announced && !uidl)
    notes.warn(
      "no-uidl",
      "the server has no UIDL: messages are known again by their content only, and each poll reads them whole",
    );
  if (loginDelaySeconds !== undefined && everyMs !== undefined && loginDelaySeconds * 1000 > everyMs)
    notes.warn(
      "login-delay",
      `the provider wants ${durationWords(loginDelaySeconds * 1000)} between logins; the box is polled every ${durationWords(everyMs)}`,
      "popgate keeps to the longer one. To have it in the configuration:",
      [`min_interval = "${loginDelaySeconds}s"`],
    );
  const days = expire?.kind === "days" ? expire.days : undefined;
  if (days !== undefined && keepMs !== undefined && keepMs > days * 86_400_000)
    notes.info(
      "provider-deletes-mail",
      `the provider itself deletes mail after ${days} day(s), earlier than \`keep\` says`,
    );
}

async function lookIntoBox(box: Pop3Box, account: AccountToCheck, notes: Notes): Promise<void> {
  const { messages, hasUidl } = await box.list();
  const octets = messages.reduce((sum, { size }) => sum + (size ?? 0), 0);
  notes.ok("box-size", `the box holds ${messages.length} message(s), ${sizeWords(octets)}`);
  if (messages.length > 0 && !hasUidl && box.capabilities.uidl)
    notes.warn("uidl-not-answered", "the server does not answer UIDL");
  const large = messages.filter(({ size }) => size !== undefined && size > account.maxOctets);
  if (large.length > 0)
    notes.warn(
      "mail-over-max-size",
      `${large.length} message(s) are larger than max_size (${sizeWords(account.maxOctets)}) and stay at the provider`,
      "Fetch them by hand, or allow larger ones (Exchange must take them, too).",
    );
  if (messages.length === 0 && account.policy.kind === "mailbox") return;
  const numbers = messages.map(({ number }) => number);
  const headers = await account.headers(box, numbers, { count: mostHeaders, octets: headerOctets });
  if (headers.length === 0 && messages.length > 0) {
    notes.info("no-top", "the server does not know TOP: the mail in the box cannot be looked at without fetching it");
    return;
  }
  if (account.policy.kind === "mailbox") tellSeveralPeople(headers, account.policy.domains, notes);
  else tellEnvelope(headers, account.policy, notes);
}

/** A box that is one person's by configuration, and a whole domain's by its mail. */
function tellSeveralPeople(headers: readonly HeaderBlock[], domains: readonly string[], notes: Notes): void {
  const several = surveyFields(headers, domains, new Set()).find(
    ({ people, below, messages }) => people > 1 && below.get(0) === messages,
  );
  if (several !== undefined)
    notes.warn(
      "mailbox-of-several-people",
      `${several.name} names ${several.people} local addresses in this box, and all its mail goes to deliver_to`,
      "If the box collects mail for several people, make it a [[collector]].",
    );
}
