/**
 * An SMTP server that lives in this process: stands in for Exchange or for a provider's mail exchanger, in the
 * demonstration and in specs. It is strict where RFC 5321 is, and everything that real servers do to a client is a knob
 * (`smtp-stand-in-knobs.ts`), which may be turned at any time. It is no server for the open network.
 */
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../core/ports.ts";
import { systemClock } from "../runtime/clock.ts";
import { listen } from "./listening.ts";
import type { ReceivedMessage } from "./received-message.ts";
import { relaxedKnobs, type SmtpStandInKnobs } from "./smtp-stand-in-knobs.ts";
import type { SmtpStandInWorld } from "./smtp-stand-in-answers.ts";
import { SmtpStandInSession } from "./smtp-stand-in-session.ts";

export interface SmtpStandInOptions {
  readonly knobs?: Partial<SmtpStandInKnobs>;
  /** PEM texts. `implicit`: TLS from the first octet instead of STARTTLS. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer; readonly implicit?: boolean };
  readonly clock?: Clock;
  readonly host?: string;
  readonly port?: number;
  /** Called for each message before the reply to its final dot. */
  readonly onMessage?: (message: ReceivedMessage) => void | Promise<void>;
}

export interface SmtpStandIn extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly knobs: SmtpStandInKnobs;
  /** Turns knobs; running sessions feel it. */
  set(knobs: Partial<SmtpStandInKnobs>): void;
  readonly messages: readonly ReceivedMessage[];
  /** `C:` and `S:` lines of all connections, each after the connection's number. Secrets are shown as `***`. */
  readonly transcript: readonly string[];
  readonly connections: { readonly total: number; readonly open: number; readonly most: number };
  /** Resolves when so many messages have been taken. */
  received(count: number, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Starts a stand-in on 127.0.0.1, on a free port unless one is given. */
export async function startSmtpStandIn(options: SmtpStandInOptions = {}): Promise<SmtpStandIn> {
  let knobs: SmtpStandInKnobs = { ...relaxedKnobs, ...options.knobs };
  const messages: ReceivedMessage[] = [];
  const transcript: string[] = [];
  const count = { total: 0, open: 0, most: 0 };
  const waiting = new Set<() => void>();
  const clock = options.clock ?? systemClock;
  const ending = new AbortController();
  const { tls } = options;
  const context = tls === undefined ? undefined : createSecureContext({ key: tls.key, cert: tls.cert });
  const secure =
    context === undefined
      ? undefined
      : (socket: Socket): Socket => new TLSSocket(socket, { isServer: true, secureContext: context });
  const listening = await listen(options, (socket) => {
    count.total += 1;
    count.open += 1;
    count.most = Math.max(count.most, count.open);
    socket.on("close", () => (count.open -= 1));
    const connection = count.total;
    const world: SmtpStandInWorld = {
      connection,
      clock,
      signal: ending.signal,
      knobs: () => knobs,
      isCrowded: () => count.open > knobs.maxConnections,
      secure: tls?.implicit === true ? undefined : secure,
      log: (line) => transcript.push(`${connection} ${line}`),
      async take(message) {
        await options.onMessage?.(message);
        messages.push(message);
        for (const look of waiting) look();
      },
    };
    void new SmtpStandInSession(world, socket, tls?.implicit === true ? secure : undefined);
  });
  const close = async (): Promise<void> => {
    ending.abort(new Error("the stand-in is closed"));
    await listening.close();
  };
  return {
    host: listening.host,
    port: listening.port,
    messages,
    transcript,
    connections: count,
    get knobs() {
      return knobs;
    },
    set(more) {
      knobs = { ...knobs, ...more };
    },
    async received(wanted, signal) {
      while (messages.length < wanted) {
        signal.throwIfAborted();
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        const onAbort = (): void => resolve();
        signal.addEventListener("abort", onAbort, { once: true });
        await promise;
        signal.removeEventListener("abort", onAbort);
        waiting.delete(resolve);
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
