/** The bounds of a collector's work. Each has a reason; none of them loses mail. */
export interface InboundLimits {
  /** Header blocks are read up to here; a message with a larger one is held. */
  readonly maxHeaderOctets: number;
  /** After so many messages a session is ended, so that its deletions take effect (RFC 1939 §6). */
  readonly sessionMessages: number;
  readonly sessionOctets: number;
  readonly sessionMs: number;
  /**
   * Where each login costs a wait (LOGIN-DELAY), sessions are ended by so many times the above: a cut would otherwise
   * throttle the box, and costs nothing but deletions that have to be repeated.
   */
  readonly delayedLoginFactor: number;
  /** A session is broken off after this long, whatever it does: it holds one of the few places of the poll loop. */
  readonly sessionDeadlineMs: number;
  /** Messages that may be on their way to the disk while the next ones are read: they share a flush. */
  readonly commitsInFlight: number;
  readonly octetsInFlight: number;
  /** `profile = "auto"`: how many header blocks are looked at, and how much of each. */
  readonly learnFrom: number;
  readonly topOctets: number;
}

const minute = 60_000;

export const defaultLimits: InboundLimits = {
  maxHeaderOctets: 1024 * 1024,
  sessionMessages: 500,
  sessionOctets: 256 * 1024 * 1024,
  sessionMs: 20 * minute,
  delayedLoginFactor: 20,
  sessionDeadlineMs: 60 * minute,
  commitsInFlight: 32,
  octetsInFlight: 16 * 1024 * 1024,
  learnFrom: 200,
  topOctets: 256 * 1024,
};
