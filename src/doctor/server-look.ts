/**
 * Looks at a mail server from outside, before any login: name, TCP, greeting, TLS and certificate, capabilities. Each
 * step that goes wrong is told in words with what to write into the configuration, and ends the look.
 *
 * What the configuration demands is demanded here, too: nothing goes on over a connection that it would refuse. RFC 1939,
 * 2449, 2595, 3207, 5321.
 */
import { isIP } from "node:net";
import { plaintextPortHint } from "../net/certificate.ts";
import { explainConnectionError, hostPort } from "../net/connection-trouble.ts";
import { dial, DialError, upgrade } from "../net/dial.ts";
import { tellCertificate, tellDistrust } from "./certificate-notes.ts";
import type { Notes } from "./finding.ts";
import { DialogueEnded, LineDialogue } from "./line-dialogue.ts";
import { addressesOf } from "./names.ts";
import type { DoctorPorts, ServerTarget } from "./port.ts";
import { answersInClear, securePort, speaksTls } from "./wrong-port.ts";

/** A server that can be gone on with. */
export interface ServerLook {
  readonly greeting: string;
  /** Lines of CAPA or EHLO, as they stand once the connection is as secure as it gets. */
  readonly offers: readonly string[];
}

/** `undefined` when there is no use in trying to log in: then it has been told why. Rejects only with the signal's reason. */
export async function lookAtServer(
  target: ServerTarget,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<ServerLook | undefined> {
  if (!(await isKnown(target, notes, ports, signal))) return undefined;
  try {
    return await look(target, notes, ports, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DialError) await tellDialError(error, target, notes, ports, signal);
    else if (error instanceof DialogueEnded) await tellNoReply(error, target, notes, ports, signal);
    else throw error;
    return undefined;
  }
}

/** The name leads to an address. */
async function isKnown(
  { host, port }: ServerTarget,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<boolean> {
  const bare = host.replace(/^\[(.*)\]$/u, "$1");
  if (isIP(bare) !== 0) return true;
  try {
    const addresses = await addressesOf(bare, ports, signal);
    notes.ok("server-address", `${host} is ${addresses.join(", ")}`);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    notes.error("server-not-found", explainConnectionError(error, host, port, []));
    return false;
  }
}

async function look(
  target: ServerTarget,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<ServerLook | undefined> {
  const { timeouts, clock } = ports;
  const dialTarget = { ...target, connectTimeoutMs: timeouts.connectMs };
  let socket = await dial(dialTarget, signal);
  if (target.tls.mode === "implicit") tellCertificate(socket, target, notes, clock.now());
  let dialogue = new LineDialogue(socket, signal);
  try {
    const greeting = await dialogue.greeting(target.protocol, timeouts.silenceMs);
    if (!isGreeting(greeting, target, notes)) return undefined;
    let offers = await askOffers(dialogue, target, timeouts.replyMs);
    if (target.tls.mode === "starttls" || target.tls.mode === "opportunistic") {
      const go = await askForTls(dialogue, target, offers, timeouts.replyMs, notes);
      if (go === "refused") return undefined;
      if (go === "agreed") {
        socket = await upgrade(dialogue.release(), dialTarget, signal);
        tellCertificate(socket, target, notes, clock.now());
        dialogue = new LineDialogue(socket, signal);
        offers = await askOffers(dialogue, target, timeouts.replyMs);
      }
    }
    const [first = ""] = greeting;
    await leave(dialogue, target, timeouts.replyMs);
    return { greeting: first, offers };
  } finally {
    dialogue[Symbol.dispose]();
  }
}

function isGreeting(lines: readonly string[], { protocol, host, port, tls }: ServerTarget, notes: Notes): boolean {
  const text = lines.join(" / ");
  const where = `${hostPort(host, port)}${tls.mode === "implicit" ? " (TLS)" : ""}`;
  if (protocol === "pop3" ? text.startsWith("+OK") : text.startsWith("220")) {
    notes.ok("greeting", `${where} greets: ${text.slice(0, 200)}`);
    return true;
  }
  const other = otherProtocol(text, protocol);
  if (other === undefined) notes.error("turned-away", `${where} turns us away: ${text}`);
  else
    notes.error(
      "wrong-protocol",
      `${where} is ${other}, not ${protocol === "pop3" ? "POP3" : "SMTP"}: the port is wrong`,
    );
  return false;
}

function otherProtocol(greeting: string, protocol: ServerTarget["protocol"]): string | undefined {
  if (greeting.startsWith("* ")) return "an IMAP server";
  if (protocol === "pop3" && /^\d{3}[ -]/u.test(greeting)) return "an SMTP server";
  return protocol === "smtp" && /^(?:\+OK|-ERR)/u.test(greeting) ? "a POP3 server" : undefined;
}

/** Capabilities; none from a server that does not know the question. */
async function askOffers(
  dialogue: LineDialogue,
  { protocol, hostname }: ServerTarget,
  ms: number,
): Promise<readonly string[]> {
  if (protocol === "pop3") {
    const lines = await dialogue.pop3("CAPA", ms, true);
    return lines[0]?.startsWith("+OK") === true ? lines.slice(1, -1) : [];
  }
  const lines = await dialogue.smtp(`EHLO ${hostname}`, ms);
  return lines[0]?.startsWith("250") === true ? lines.slice(1).map((line) => line.slice(4)) : [];
}

async function askForTls(
  dialogue: LineDialogue,
  target: ServerTarget,
  offers: readonly string[],
  ms: number,
  notes: Notes,
): Promise<"agreed" | "refused" | "clear"> {
  const { protocol, tls } = target;
  const command = protocol === "pop3" ? "STLS" : "STARTTLS";
  const isOffered = offers.some((line) => line.toUpperCase() === command);
  if (tls.mode === "opportunistic" && !isOffered) {
    notes.info("starttls-not-offered", `${command} is not offered: the connection stays unencrypted`);
    return "clear";
  }
  const [reply = ""] = protocol === "pop3" ? await dialogue.pop3(command, ms) : await dialogue.smtp(command, ms);
  if (/^(?:\+OK|2)/u.test(reply)) return "agreed";
  const port = securePort(protocol);
  notes.error(
    "starttls-refused",
    `the server does not do ${command}, which the configuration demands: ${reply}`,
    `Try the port that speaks TLS from the start. Without any TLS mail and passwords can be read on the way.`,
    ['tls = "implicit"', `port = ${port}`],
  );
  return "refused";
}

/** QUIT, for good manners. */
async function leave(dialogue: LineDialogue, { protocol }: ServerTarget, ms: number): Promise<void> {
  try {
    await (protocol === "pop3" ? dialogue.pop3("QUIT", ms) : dialogue.smtp("QUIT", ms));
  } catch (error) {
    if (!(error instanceof DialogueEnded)) throw error;
  }
}

async function tellDialError(
  error: DialError,
  target: ServerTarget,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<void> {
  if (tellDistrust(error, target, notes)) return;
  const isHandshake = target.tls.mode === "implicit" && error.code !== "ECONNREFUSED";
  const clear = isHandshake ? await answersInClear(target, ports, signal) : undefined;
  if (clear === undefined) {
    notes.error("connection-failed", error.message);
    return;
  }
  const command = target.protocol === "pop3" ? "STLS" : "STARTTLS";
  const where = hostPort(target.host, target.port);
  if (clear.hasTls)
    notes.error(
      "starttls-expected",
      `${where} begins in plain text and then offers ${command}, while TLS is expected from the start`,
      undefined,
      [`tls = "${target.protocol === "pop3" ? "starttls" : "required"}"`],
    );
  else
    notes.error(
      "no-tls-at-port",
      `${where} speaks plain text only and offers no ${command}, while TLS is expected from the start`,
      "The port is most likely wrong.",
      [`port = ${securePort(target.protocol)}`],
    );
}

async function tellNoReply(
  error: DialogueEnded,
  target: ServerTarget,
  notes: Notes,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<void> {
  const where = hostPort(target.host, target.port);
  if (target.tls.mode !== "implicit" && (error.why === "tls" || (await speaksTls(target, ports, signal))))
    notes.error("tls-expected", `${where} speaks TLS from the start, while plain text is expected`, undefined, [
      'tls = "implicit"',
    ]);
  else if (target.tls.mode !== "implicit" && error.why === "silence")
    notes.error("no-greeting", plaintextPortHint(where));
  else notes.error("dialogue-failed", `${where}: ${error.message}`);
}
