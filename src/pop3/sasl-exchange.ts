/**
 * AUTH (RFC 5034): one SASL exchange over the wire.
 *
 * The initial response goes along with AUTH only to a server that announced the mechanism, and when the line stays
 * within the 255 octets of RFC 5034 §4; XOAUTH2 always takes two steps, since Microsoft's servers know no other way.
 * Servers that say `+OK` where `+` is due are understood as long as the mechanism cannot be through, and text where an
 * empty challenge is due is passed over.
 *
 * Rejects with `Pop3Error`, after cancelling the exchange (`*`) where it was our side that could not go on.
 */
import { aborted } from "./failure.ts";
import { Pop3Error } from "./port.ts";
import type { Pop3Reply } from "./reply.ts";
import { SaslError, type SaslMechanism } from "../sasl/choose.ts";
import type { Pop3Wire } from "./wire.ts";

/** RFC 5034 §4, CRLF included. */
const maxAuthLine = 255;
/** More challenges than any mechanism has. */
const maxSteps = 8;

/** How many answers of ours a mechanism needs before `+OK` can mean success. */
const answersNeeded = new Map([
  ["LOGIN", 2],
  ["SCRAM-SHA-1", 2],
  ["SCRAM-SHA-256", 2],
]);

/** Runs the exchange; the reply is the server's last word on it, +OK or -ERR. */
export async function authenticate(
  wire: Pop3Wire,
  mechanism: SaslMechanism,
  announced: boolean,
  signal: AbortSignal,
): Promise<Pop3Reply> {
  let waiting = await mechanism.initial();
  // An access token can take its time.
  if (signal.aborted) throw aborted(signal);
  let answers = 0;
  let line = `AUTH ${mechanism.name}`;
  if (waiting !== undefined && announced && mechanism.name !== "XOAUTH2") {
    const direct = `${line} ${waiting.length === 0 ? "=" : waiting.toString("base64")}`;
    if (direct.length + 2 <= maxAuthLine) {
      line = direct;
      waiting = undefined;
      answers = 1;
    }
  }
  const needed = answersNeeded.get(mechanism.name) ?? 1;
  let reply = await wire.command(line, true);
  for (let step = 0; step < maxSteps; step += 1) {
    if (reply.status === "error") return reply;
    if (reply.status === "ok" && answers >= needed) {
      conclude(mechanism);
      return reply;
    }
    const answer = waiting ?? (await respond(wire, mechanism, reply));
    waiting = undefined;
    answers += 1;
    reply = await wire.command(answer.toString("base64"), true);
  }
  throw new Pop3Error("protocol", `the server does not come to an end of AUTH ${mechanism.name}`);
}

async function respond(wire: Pop3Wire, mechanism: SaslMechanism, challenge: Pop3Reply): Promise<Buffer> {
  try {
    return await mechanism.respond(Buffer.from(challenge.raw.trim(), "base64"));
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    await wire.command("*", true);
    const said = mechanism.complaint === undefined ? "" : ` (the server: ${mechanism.complaint})`;
    const kind = mechanism.complaint === undefined ? "protocol" : "auth";
    throw new Pop3Error(kind, `AUTH ${mechanism.name}: ${error.message}${said}`, { cause: error });
  }
}

function conclude(mechanism: SaslMechanism): void {
  try {
    mechanism.finish();
  } catch (error) {
    if (!(error instanceof SaslError)) throw error;
    throw new Pop3Error("permanent", `AUTH ${mechanism.name}: ${error.message}`, { cause: error });
  }
}
