/**
 * Decides held mail again under the present policies: after a start or a reload, since the configuration may have been
 * corrected in between, and when a profile has been learnt. What the present policy does not settle stays held.
 */
import type { MessageId } from "../core/ids.ts";
import { defaultLimits } from "../inbound/limits.ts";
import { resolveHeld, type Resolution } from "../inbound/resolve.ts";
import { SpoolError, type Spool } from "../spool/port.ts";
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

/**
 * Resolves everything that is held for a reason of the envelope. What goes wrong here keeps nobody from running: the mail
 * stays held, the spool tells its own trouble, and a fault of ours is told as an event.
 */
export async function resolveChanged(
  accounts: OpenAccounts,
  spool: Spool,
  ports: AppPorts,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || spool.counts().held === 0) return;
  try {
    // Each result has been told as an event where it changed anything.
    for await (const _ of resolveMail(accounts, spool, ports, { which: "all", dryRun: false }, signal));
  } catch (error) {
    if (signal.aborted || error instanceof SpoolError) return;
    ports.events.emit({ kind: "internal-error", where: "resolving held mail", detail: String(error) });
  }
}
