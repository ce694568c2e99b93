/**
 * Where a worker gets its messages from. What is given out is claimed: nobody else is given the same recipients of the
 * same message until the claim is disposed. The longest due come first.
 *
 * `inbound-source.ts` gives what is due for Exchange from outside; `dispatcher.ts` shares the outbound mail out among the
 * destinations.
 */
import type { Address } from "../core/address.ts";
import type { MessageId } from "../core/ids.ts";
import type { EpochMs } from "../core/ports.ts";
import type { MessageRecord } from "../spool/record.ts";

/** One message to hand over. Disposing gives the claim back. */
export interface Work extends Disposable {
  readonly record: MessageRecord;
  /** The recipients to try; `undefined`: all that are due. */
  readonly recipients: ReadonlySet<Address> | undefined;
  readonly isLarge: boolean;
}

/** What a worker has room for. */
export interface WorkWanted {
  /** Messages, large ones included. */
  readonly room: number;
  readonly largeRoom: number;
  /** Messages that are not to be taken now. */
  readonly passesOver: (id: MessageId) => boolean;
  /** To be taken only when there is no other: the last trial's, which must not be every trial. */
  readonly lastly: MessageId | undefined;
}

export interface WorkSource {
  /** At most as many as there is room for; none when there is nothing to do now. */
  next(wanted: WorkWanted, signal: AbortSignal): Promise<readonly Work[]>;
  /** When there can be something that is not there now; `undefined`: only after a change. */
  nextAt(): Promise<EpochMs | undefined>;
  /** Somebody has messages under way that may become this worker's. */
  isBusy(): boolean;
  /** Calls `listener` when there may be something new. */
  onChange(listener: () => void): Disposable;
}
