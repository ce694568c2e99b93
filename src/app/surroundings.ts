/** What the parts of the composition root are given. */
import type { EventSink } from "../core/events.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { TlsSessions } from "../net/tls-sessions.ts";
import type { Spool } from "../spool/port.ts";

export interface AppPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

export interface PartSurroundings extends AppPorts {
  readonly spool: Spool;
  readonly sessions: TlsSessions;
}
