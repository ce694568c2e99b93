/**
 * The socket under an SMTP connection, and the proof that its server owes: `net/` put into the words of an SMTP session.
 *
 * TCP and implicit TLS end here in an `SmtpFailure` of the phase `connect`; a server that has not proved itself after
 * STARTTLS in one of that phase. Throws nothing else but the signal's reason.
 */
import { TLSSocket } from "node:tls";
import type SMTPConnection from "nodemailer/lib/smtp-connection";
import { explainTlsError } from "../net/certificate.ts";
import { dial, DialError } from "../net/dial.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import { verifyPeer } from "../net/verify-peer.ts";
import { SmtpFailure } from "./smtp-failure.ts";
import type { SmtpTimeouts } from "./smtp-limits.ts";

interface SmtpTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  readonly timeouts: SmtpTimeouts;
  /** For implicit TLS; a handshake after STARTTLS is always a full one. */
  readonly sessions: TlsSessions | undefined;
}

/** Connects, with TLS where it is implicit. */
export async function dialOrFail({ host, port, tls, timeouts, sessions }: SmtpTarget, signal: AbortSignal) {
  try {
    return await dial({ host, port, tls, connectTimeoutMs: timeouts.connectMs, sessions }, signal);
  } catch (error) {
    if (!(error instanceof DialError)) throw error;
    const { kind, code, message } = error;
    throw new SmtpFailure({ phase: "connect", reply: undefined, tls: kind === "tls", code, message });
  }
}

/** After STARTTLS. With implicit TLS `dial` has seen to it. */
export function checkPeer({ _socket: socket }: SMTPConnection, { tls, host }: SmtpTarget): void {
  if (tls.mode === "implicit" || !(socket instanceof TLSSocket)) return;
  const distrust = verifyPeer(socket, tls, host);
  if (distrust === undefined) return;
  const message = explainTlsError(distrust, distrust.chain[0], host);
  throw new SmtpFailure({ phase: "starttls", reply: undefined, tls: true, code: distrust.code, message });
}
