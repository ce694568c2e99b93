/** The parts that run now, as far as an administrator sees and steers them. */
import type { EpochMs } from "../core/ports.ts";
import type { MessageRecord, Recipient } from "../spool/record.ts";
import type { OpenAccounts } from "./accounts.ts";

/** A destination as the status shows it. */
export interface DestinationView {
  /** With host and port, as events name it. */
  readonly name: string;
  /** `exchange`, or the relay's name in the configuration. */
  readonly shortName: string;
  readonly state: () => {
    readonly kind: "up" | "down" | "paused" | "spent" | "stopped";
    readonly since?: EpochMs | undefined;
    readonly until?: EpochMs | undefined;
    readonly cause?: string | undefined;
  };
  readonly running: () => number;
  /** Sends nothing there until it is called with false. */
  stop(isStopped: boolean): void;
}

export interface Live {
  readonly accounts: OpenAccounts;
  readonly destinations: readonly DestinationView[];
  /** The name of the destination that a recipient's mail would go to now. */
  destinationFor(record: MessageRecord, recipient: Recipient): string | undefined;
}
