/** What the SMTP stand-in has taken. */
import type { EpochMs } from "../core/ports.ts";

/** A message that counts as taken. */
export interface ReceivedMessage {
  /** The address in MAIL FROM; empty for the null reverse path. */
  readonly reversePath: string;
  /** Parameters of MAIL as sent, upper case. */
  readonly mailParameters: readonly string[];
  readonly recipients: readonly string[];
  /** What was sent, without dot-stuffing and final dot. Empty without `keepRaw`. */
  readonly raw: Buffer;
  readonly size: number;
  /** SHA-256 in hex. */
  readonly digest: string;
  readonly at: EpochMs;
  readonly connection: number;
}
