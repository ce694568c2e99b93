/**
 * What the doctor asks of the world: the ways to the servers, as the program itself would go them, and what only the
 * composition root may touch. Everything that it opens is closed again; nothing at a server is changed by it.
 */
import type { SmtpReply } from "../core/outcome.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { TlsPolicy } from "../net/tls-policy.ts";

/** Milliseconds. Shorter than in the daemon: a person waits. */
export interface DoctorTimeouts {
  /** DNS, TCP and TLS together. */
  readonly connectMs: number;
  /** For a greeting; a server that is silent for so long is asked whether it speaks TLS. */
  readonly silenceMs: number;
  /** For any other reply: a tarpit must fit in. */
  readonly replyMs: number;
}

export const defaultDoctorTimeouts: DoctorTimeouts = { connectMs: 15_000, silenceMs: 10_000, replyMs: 40_000 };

export interface DoctorPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeouts: DoctorTimeouts;
  /** Addresses of a host name. Rejects as node:dns does. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
}

/** A server to be looked at. */
export interface ServerTarget {
  readonly protocol: "pop3" | "smtp";
  readonly host: string;
  readonly port: number;
  readonly tls: TlsPolicy;
  /** Our name in EHLO. */
  readonly hostname: string;
}

/** An SMTP connection on which mail could be sent now: secured and logged in as delivery would do it. */
export interface SmtpProbe extends AsyncDisposable {
  /** One command, one reply, whatever it is. Rejects with an `Error` when the connection is lost. */
  command(line: string, signal: AbortSignal): Promise<SmtpReply>;
}

/** Why there is no such connection. */
export class ProbeFailed extends Error {
  override readonly name = "ProbeFailed";
  /**
   * `refused`: the server refused the credentials. `login`: they could not be had, or not be shown to this server.
   * `path`: anything before that.
   */
  readonly at: "path" | "login" | "refused";
  constructor(at: ProbeFailed["at"], message: string) {
    super(message);
    this.at = at;
  }
}

/** Opens a probe. Rejects with `ProbeFailed`, or with the signal's reason. */
export type OpenSmtp = (signal: AbortSignal) => Promise<SmtpProbe>;
