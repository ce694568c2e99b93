/** The real POP3 client for an account of the stand-in. */
import { randomBytes } from "node:crypto";
import { pop3Connect } from "../../src/pop3/connect.ts";
import { defaultLimits, defaultTimeouts } from "../../src/pop3/options.ts";
import type { Pop3Connect } from "../../src/pop3/port.ts";
import { systemClock } from "../../src/runtime/clock.ts";

/** User `box`, password `secret`. */
export function connectTo(port: number): Pop3Connect {
  return pop3Connect(
    {
      host: "127.0.0.1",
      port,
      tls: { mode: "off", ca: [], fingerprints: [], minVersion: "TLSv1.2", servername: undefined },
      credentials: { user: "box", secret: { kind: "password", read: async () => "secret" } },
      auth: "user",
      limits: defaultLimits,
      timeouts: defaultTimeouts,
      pipelining: true,
      needUidl: false,
      utf8: false,
    },
    { clock: systemClock, randomBytes },
  );
}
