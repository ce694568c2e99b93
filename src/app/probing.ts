/** The SMTP connections on which the doctor asks its questions: opened, secured and logged in exactly as delivery does it. */
import type { Credentials } from "../config/config.ts";
import { causeText, replyText } from "../core/outcome.ts";
import type { Clock } from "../core/ports.ts";
import { causeOf } from "../delivery/classify.ts";
import { SmtpFailure } from "../delivery/smtp-failure.ts";
import { defaultSmtpTimeouts } from "../delivery/smtp-limits.ts";
import { SmtpSession, type SmtpSessionOptions } from "../delivery/smtp-session.ts";
import { type DoctorTimeouts, type OpenSmtp, ProbeFailed, type SmtpProbe } from "../doctor/port.ts";
import { openCredentials } from "./credentials.ts";

export interface ProbeTarget extends Pick<SmtpSessionOptions, "host" | "port" | "tls" | "hostname" | "auth"> {
  readonly credentials: Credentials | undefined;
}

/** A way to open such connections. What each needs is closed with it. */
export function probeOf(target: ProbeTarget, timeouts: DoctorTimeouts, clock: Clock): OpenSmtp {
  return async (signal) => {
    await using stack = new AsyncDisposableStack();
    const login = target.credentials === undefined ? undefined : stack.use(openCredentials(target.credentials, clock));
    const options: SmtpSessionOptions = {
      ...target,
      credentials: login?.sasl,
      timeouts: { ...defaultSmtpTimeouts, connectMs: timeouts.connectMs, greetingMs: timeouts.replyMs },
      sessions: undefined,
    };
    const session = await told(SmtpSession.open(options, signal));
    stack.defer(async () => session.quit());
    const open = stack.move();
    const probe: SmtpProbe = {
      command: async (line, stop) => {
        try {
          return await session.command(line, stop);
        } catch (error) {
          stop.throwIfAborted();
          if (!(error instanceof Error)) throw error;
          const [verb = ""] = line.split(" ", 1);
          throw new ProbeFailed(
            "path",
            `the server ended the connection, or did not answer, at ${verb}: ${error.message}`,
          );
        }
      },
      [Symbol.asyncDispose]: async () => open.disposeAsync(),
    };
    return probe;
  };
}

/** A failure in the administrator's words. */
async function told<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof SmtpFailure)) throw error;
    const { failure } = error;
    if (failure.phase !== "auth") throw new ProbeFailed("path", causeText(causeOf(failure)));
    const { reply, message } = failure;
    throw new ProbeFailed(reply === undefined ? "login" : "refused", reply === undefined ? message : replyText(reply));
  }
}
