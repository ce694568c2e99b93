/**
 * A POP3 provider that lives in this process: for the demonstration, and for specs that need a real server with faults.
 *
 * It keeps RFC 1939 strictly: one session at a time per maildrop (`[IN-USE]`), deletions at QUIT only, stable unique ids,
 * correct dot-stuffing. CAPA, RESP-CODES, PIPELINING, STLS, APOP and AUTH PLAIN are offered. Everything that providers
 * get wrong is a knob in `faults`, which may be turned at any time. It is no server for the open network: passwords are
 * compared in plain, and mail is kept in memory.
 */
import type { Socket } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { Clock } from "../core/ports.ts";
import { systemClock } from "../runtime/clock.ts";
import { listen } from "./listening.ts";
import { StandInBox, type StandInFaults } from "./pop3-stand-in-box.ts";
import { StandInSession, type StandInWorld } from "./pop3-stand-in-session.ts";

interface StandInAccount {
  readonly user: string;
  readonly password: string;
  readonly messages: readonly Buffer[];
}

export interface StandInOptions {
  readonly accounts: readonly StandInAccount[];
  /** The lines of CAPA; what the stand-in can do when left out. STLS and LOGIN-DELAY are added as they apply. */
  readonly capabilities?: readonly string[];
  /** PEM texts. `implicit`: TLS from the first octet instead of STLS. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer; readonly implicit?: boolean };
  readonly faults?: StandInFaults;
  readonly loginDelaySeconds?: number;
  readonly clock?: Clock;
  readonly host?: string;
  readonly port?: number;
}

/** A running stand-in. */
export interface Pop3StandIn extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The knobs; see `StandInFaults`. */
  readonly faults: StandInFaults;
  /** Every command received so far, of all sessions, in order; secrets are shown as `***`. */
  readonly commands: readonly string[];
  /** How many connections there have been. */
  readonly connections: number;
  /** A user's maildrop. Throws for a user that does not exist. */
  box(user: string): StandInBox;
  /** Ends all sessions and stops listening. */
  close(): Promise<void>;
}

const defaultCapabilities = [
  "TOP",
  "USER",
  "UIDL",
  "SASL PLAIN",
  "RESP-CODES",
  "AUTH-RESP-CODE",
  "PIPELINING",
  "IMPLEMENTATION popgate-stand-in",
];

/** Starts a stand-in on 127.0.0.1, on a free port unless one is given. */
export async function startPop3StandIn(options: StandInOptions): Promise<Pop3StandIn> {
  const faults = options.faults ?? {};
  const commands: string[] = [];
  const boxes = new Map(
    options.accounts.map(({ user, password, messages }) => [user, { password, box: new StandInBox(user, messages) }]),
  );
  const { tls } = options;
  const context = tls === undefined ? undefined : createSecureContext({ key: tls.key, cert: tls.cert });
  const secure =
    context === undefined
      ? undefined
      : (socket: Socket): Socket => new TLSSocket(socket, { isServer: true, secureContext: context });
  const implicit = tls?.implicit === true;
  let connections = 0;
  const { host, port, close } = await listen(options, (socket) => {
    connections += 1;
    const world: StandInWorld = {
      boxes,
      faults,
      clock: options.clock ?? systemClock,
      loginDelaySeconds: options.loginDelaySeconds,
      stamp: `<${process.pid}.${connections}@stand-in.invalid>`,
      capabilities: ({ secured, loggedIn }) => [
        ...(options.capabilities ?? defaultCapabilities),
        ...(secure !== undefined && !secured && !loggedIn ? ["STLS"] : []),
        ...(options.loginDelaySeconds === undefined ? [] : [`LOGIN-DELAY ${options.loginDelaySeconds}`]),
      ],
      log: (line) => commands.push(line),
      secure,
    };
    void new StandInSession(world, implicit && secure !== undefined ? secure(socket) : socket, implicit);
  });
  return {
    host,
    port,
    faults,
    commands,
    get connections() {
      return connections;
    },
    box(user) {
      const account = boxes.get(user);
      if (account === undefined) throw new TypeError(`the stand-in has no user ${user}`);
      return account.box;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
