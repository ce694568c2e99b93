/**
 * What a torture run's ledger makes of the reports to senders (RFC 3464): each arrives once, says of each recipient each
 * thing at most once, and says nothing that was not wished (RFC 3461 §4.1). Pure.
 */
import type { Taken, Tally } from "./ledger.ts";
import type { NumberedMail } from "./mail.ts";

export interface Reports {
  /** Different ones. */
  readonly messages: number;
  /** By recipient: Message-IDs of the reports that say so. */
  readonly failed: ReadonlyMap<string, ReadonlySet<string>>;
  readonly relayed: ReadonlyMap<string, ReadonlySet<string>>;
}

export function judgeReports(
  all: readonly Taken[],
  doubted: ReadonlySet<Taken>,
  mail: ReadonlyMap<string, NumberedMail>,
  problems: string[],
  tally: Tally,
): Reports {
  const said = {
    failed: new Map<string, Set<string>>(),
    delayed: new Map<string, Set<string>>(),
    relayed: new Map<string, Set<string>>(),
  };
  const arrived = Map.groupBy(
    all.filter(({ arrival }) => arrival.told.length > 0),
    ({ arrival }) => arrival.messageId,
  );
  for (const [messageId, copies] of arrived) {
    if (copies.slice(0, -1).some((copy) => !doubted.has(copy))) {
      tally.doubled += 1;
      problems.push(`report ${messageId}: ${copies.length} times`);
    } else tally.ambiguous += copies.length - 1;
    for (const { arrival } of copies)
      for (const { recipient, action } of arrival.told)
        said[action].set(recipient, (said[action].get(recipient) ?? new Set()).add(messageId));
  }
  for (const action of ["delayed", "relayed"] as const)
    for (const [recipient, ids] of said[action]) {
      const why = objection(action, recipient, ids, mail, said.failed.has(recipient));
      if (why === undefined) continue;
      tally.doubled += 1;
      problems.push(`${recipient}: ${why}`);
    }
  return { messages: arrived.size, failed: said.failed, relayed: said.relayed };
}

function objection(
  action: "delayed" | "relayed",
  recipient: string,
  ids: ReadonlySet<string>,
  mail: ReadonlyMap<string, NumberedMail>,
  hasFailed: boolean,
): string | undefined {
  if (ids.size > 1) return `${ids.size} reports say ${action}`;
  const wish = mail.get(/^o\d+/u.exec(recipient)?.[0] ?? "")?.wishes.get(recipient);
  if (action === "relayed" && hasFailed) return "one report says relayed, another one failed";
  if (action === "relayed" && wish?.includes("SUCCESS") !== true) return "a success was told that nobody asked for";
  if (action === "delayed" && wish !== undefined && !wish.includes("DELAY"))
    return "a delay was told that nobody wished to hear of";
  return undefined;
}
