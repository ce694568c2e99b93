/** The spool as the workload uses it and as it is opened again: small chunks, no limits, and nobody listens. */
import type { EventSink } from "../../src/core/events.ts";
import type { SpoolOptions } from "../../src/spool/spool-core.ts";
import { defaultSpoolOptions } from "../../src/spool/spool.ts";

export function spoolOptions(dir: string): SpoolOptions {
  const limits = { maxOctets: 1e12, minFreeOctets: 0, historyDays: 100_000, ballastOctets: 0 };
  return { ...defaultSpoolOptions, ...limits, dir, chunkOctets: 65_536 };
}

export const quiet: EventSink = { emit: () => undefined };
