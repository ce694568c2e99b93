/** Second looks at a port that did not answer as expected: does it speak TLS after all, or plain text? */
import { dial, DialError } from "../net/dial.ts";
import { PeerDistrusted } from "../net/verify-peer.ts";
import { DialogueEnded, LineDialogue } from "./line-dialogue.ts";
import type { DoctorPorts, ServerTarget } from "./port.ts";

/** RFC 8314 §3.2 and §3.3. */
export function securePort(protocol: ServerTarget["protocol"]): number {
  return protocol === "pop3" ? 995 : 465;
}

/** True when the port speaks TLS from the first octet. */
export async function speaksTls(target: ServerTarget, ports: DoctorPorts, signal: AbortSignal): Promise<boolean> {
  const tls = { ...target.tls, mode: "implicit" as const };
  try {
    const socket = await dial({ ...target, tls, connectTimeoutMs: ports.timeouts.connectMs }, signal);
    socket.destroy();
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof DialError)) throw error;
    return error.cause instanceof PeerDistrusted;
  }
}

/** Whether the port greets in plain text, and then has a way into TLS; `undefined` when it does not greet. */
export async function answersInClear(
  target: ServerTarget,
  ports: DoctorPorts,
  signal: AbortSignal,
): Promise<{ readonly hasTls: boolean } | undefined> {
  const { connectMs, silenceMs, replyMs } = ports.timeouts;
  const tls = { ...target.tls, mode: "off" as const };
  try {
    using dialogue = new LineDialogue(await dial({ ...target, tls, connectTimeoutMs: connectMs }, signal), signal);
    const [greeting = ""] = await dialogue.greeting(target.protocol, silenceMs);
    if (!/^(?:\+OK|220)/u.test(greeting)) return undefined;
    const lines =
      target.protocol === "pop3"
        ? await dialogue.pop3("CAPA", replyMs, true)
        : await dialogue.smtp(`EHLO ${target.hostname}`, replyMs);
    return { hasTls: lines.some((line) => /^(?:\d{3}[ -])?STARTTLS$|^STLS$/iu.test(line)) };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof DialError || error instanceof DialogueEnded) return undefined;
    throw error;
  }
}
