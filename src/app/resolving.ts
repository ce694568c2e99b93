/**
 * Decides held mail again under the present policies: after a start or a reload, since the configuration may have been
 * corrected in between, and when a profile has been learnt. What the present policy does not settle stays held.
 */
import type { MessageId } from "../core/ids.ts";
import { defaultLimits } from "../inbound/limits.ts";
import { resolveHeld, type Resolution } from "../inbound/resolve.ts";
import type { Spool } from "../spool/port.ts";
import type { OpenAccounts } from "./accounts.ts";
import type { AppPorts } from "./surroundings.ts";

/** Which messages, and whether it is only to be said what would be done. */
export interface ResolvingChoice {
  readonly which: "all" | readonly MessageId[];
  readonly dryRun: boolean;
}

export function resolveMail(
  accounts: OpenAccounts,
  spool: Spool,
  { clock, events }: AppPorts,
  choice: ResolvingChoice,
  signal: AbortSignal,
): AsyncGenerator<Resolution> {
  const byName = new Map(accounts.all.map((account) => [account.name, account]));
  return resolveHeld(
    {
      spool,
      clock,
      events,
      policyOf: async (name) => byName.get(name)?.policy(),
      maxHeaderOctets: defaultLimits.maxHeaderOctets,
      ...choice,
    },
    signal,
  );
}

/** Resolves everything that is held for a reason of the envelope. Stops quietly when the signal is aborted. */
export async function resolveChanged(
  accounts: OpenAccounts,
  spool: Spool,
  ports: AppPorts,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || spool.counts().held === 0) return;
  try {
    for await (const resolution of resolveMail(accounts, spool, ports, { which: "all", dryRun: false }, signal)) {
      // Each result has been told as an event where it changed anything.
      void resolution;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
