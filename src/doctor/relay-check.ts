/**
 * One relay of the provider's, for outbound mail: the connection, the login, what it offers, and whether it takes the
 * senders that mail will have. Nothing is sent: each question ends with RSET.
 */
import { isLoopback } from "../config/loopback.ts";
import { replyText } from "../core/outcome.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import { type Finding, Notes } from "./finding.ts";
import { type DoctorPorts, type OpenSmtp, ProbeFailed } from "./port.ts";
import { sizeWords } from "./quantities.ts";
import { lookAtServer } from "./server-look.ts";
import { SmtpAsking } from "./smtp-asking.ts";
import { has, sizeOf } from "./smtp-offers.ts";

export interface RelayToCheck {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly hostname: string;
  readonly user: string | undefined;
  readonly passwordOrigin: string;
  /** Senders to ask for: what stands in MAIL FROM once the relay's rules have been applied. */
  readonly senders: readonly string[];
  /** Reports go out with the null sender. */
  readonly nullSender: boolean;
  /** The largest message that the listener takes. */
  readonly maxOctets: number;
  readonly open: OpenSmtp;
}

/** A refusal each costs a connection in the end. */
const mostSenders = 10;

/** Never rejects but with the signal's reason. */
export async function checkRelay(
  relay: RelayToCheck,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const notes = new Notes(`relay ${relay.name}`);
  const look = await lookAtServer({ protocol: "smtp", ...relay }, notes, ports, signal);
  if (look === undefined) return notes.findings;
  tellOffers(look.offers, relay, notes);
  try {
    await using asking = await SmtpAsking.open(relay.open, ports.clock, signal);
    if (relay.user === undefined)
      notes.info("relay-without-login", "no login is configured: the relay must know us by our address");
    else notes.ok("relay-login", `logged in as ${relay.user}`);
    await askForSenders(asking, relay, notes);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof Error)) throw error;
    const at = error instanceof ProbeFailed ? error.at : "path";
    if (at === "path") notes.error("relay-failed", error.message);
    else if (at === "login")
      notes.error("relay-cannot-log-in", `we cannot log in as ${relay.user ?? ""}: ${error.message}`);
    else
      notes.error(
        "relay-login-refused",
        `the login as ${relay.user ?? ""} is refused: ${error.message}`,
        `Check user name and password (the password is kept ${relay.passwordOrigin}); some providers want a password made for programs.`,
      );
  }
  return notes.findings;
}

function tellOffers(offers: readonly string[], { host, maxOctets, tls, user }: RelayToCheck, notes: Notes): void {
  notes.info("relay-offers", `it offers ${offers.length === 0 ? "no extensions" : offers.join(", ")}`);
  if (tls.mode === "off" && user !== undefined && !isLoopback(host))
    notes.warn("relay-unencrypted", "the connection is not encrypted: the password can be read on the way");
  if (!has(offers, "DSN"))
    notes.info(
      "relay-no-dsn",
      "it does not offer DSN: who asks for a receipt is told by popgate itself that the message was relayed",
    );
  const size = sizeOf(offers);
  if (size !== undefined && size < maxOctets)
    notes.warn(
      "relay-size-limit",
      `it takes messages of up to ${sizeWords(size)}; the listener takes up to ${sizeWords(maxOctets)}, and larger ones than that go back to their senders`,
      "Let the listener refuse them at once, so that Outlook says so:",
      ["[listener]", `max_size = "${Math.floor(size / 1e6)} MB"`],
    );
}

async function askForSenders(asking: SmtpAsking, relay: RelayToCheck, notes: Notes): Promise<void> {
  const { senders } = relay;
  if (senders.length > mostSenders)
    notes.info("relay-senders-left-out", `the first ${mostSenders} of ${senders.length} senders are asked about`);
  for (const sender of senders.slice(0, mostSenders)) {
    const { reply } = await asking.ask(sender);
    if (reply.code < 300) notes.ok("relay-sender-taken", `it takes mail from ${sender}`);
    else
      notes.error(
        "relay-sender-refused",
        `it does not take mail from ${sender}: ${replyText(reply)}`,
        "Have the provider allow the sender, or let mail go out under the one that it allows:",
        [`envelope_from = "${relay.user?.includes("@") === true ? relay.user : "<the address of the login>"}"`],
      );
  }
  if (!relay.nullSender) return;
  const { reply } = await asking.ask("");
  if (reply.code < 300) notes.ok("relay-reports-taken", "it takes reports (the null sender)");
  else
    notes.warn(
      "relay-reports-refused",
      `it does not take reports (the null sender): ${replyText(reply)}`,
      "Delivery reports and automatic replies of your people would not go out. An address that it takes can stand in for it:",
      ['envelope_from = "<an address that it takes>"', 'rewrite = ["null"]'],
    );
}
