/**
 * The POP3 client: connects, secures and logs in, and hands out an open box (RFC 1939, 2449, 2595, 5034, 3206, 6856).
 *
 * It rejects with `Pop3Error` and leaves no socket behind then. The signal governs the whole session, not just the way
 * into it. What is learnt of the server (that it hangs up on CAPA, say) is remembered for the next connection.
 */
import { dial, type DialTarget } from "../net/dial.ts";
import { toPop3Error } from "./failure.ts";
import { CapaUnbearable, logIn } from "./login.ts";
import type { Pop3Options, Pop3Ports, ServerMemory } from "./options.ts";
import type { Capabilities, Pop3Box, Pop3Connect } from "./port.ts";
import { Pop3Session } from "./session.ts";
import { Pop3Wire } from "./wire.ts";

/** A client for one account. */
export function pop3Connect(options: Pop3Options, ports: Pop3Ports): Pop3Connect {
  const memory: ServerMemory = { capa: "ask", eager: true, apop: true, login: "untried" };
  return async (signal, known) => {
    try {
      return await open(options, ports, memory, signal, known, memory.capa !== "never");
    } catch (error) {
      if (!(error instanceof CapaUnbearable)) throw toPop3Error(error, signal);
    }
    memory.capa = memory.capa === "suspect" ? "never" : "suspect";
    try {
      return await open(options, ports, memory, signal, known, false);
    } catch (error) {
      throw toPop3Error(error, signal);
    }
  };
}

async function open(
  options: Pop3Options,
  ports: Pop3Ports,
  memory: ServerMemory,
  signal: AbortSignal,
  known: Capabilities | undefined,
  mayAsk: boolean,
): Promise<Pop3Box> {
  const { host, port, tls, timeouts } = options;
  const target: DialTarget = { host, port, tls, connectTimeoutMs: timeouts.connectMs, sessions: ports.sessions };
  const socket = await dial(target, signal);
  const wire = new Pop3Wire(socket, {
    clock: ports.clock,
    signal,
    greetingTimeoutMs: timeouts.greetingMs,
    commandTimeoutMs: timeouts.commandMs,
    dataTimeoutMs: timeouts.dataMs,
    maxLineOctets: options.limits.lineOctets,
  });
  try {
    const login = await logIn({ wire, options, ports, memory, target, signal, known, mayAsk });
    return new Pop3Session(wire, login, options, memory);
  } catch (error) {
    wire[Symbol.dispose]();
    throw error;
  }
}
