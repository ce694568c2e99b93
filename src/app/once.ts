/** What `run --once` came to, and the exit status that says so. */
import type { PollReport } from "../inbound/report.ts";
import type { SpoolCounts } from "../spool/port.ts";

export interface OnceReport {
  readonly polls: readonly PollReport[];
  /** What is in the spool when everything due has been tried. */
  readonly counts: SpoolCounts;
  /** Messages left at the provider that will not be fetched without a person's help: too large, or not to be had. */
  readonly left: number;
}

export const onceStatus = {
  done: 0,
  failed: 1,
  badConfiguration: 2,
  notDrained: 3,
  queued: 4,
  held: 5,
} as const;

/** The lowest status that applies, and one line for each thing that is left. */
export function onceResult(report: OnceReport): { readonly status: number; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const statuses: number[] = [];
  for (const poll of report.polls) {
    const trouble = pollTrouble(poll);
    if (trouble === undefined) continue;
    statuses.push(onceStatus.notDrained);
    lines.push(`${poll.account}: ${trouble}`);
  }
  if (report.left > 0) {
    statuses.push(onceStatus.notDrained);
    lines.push(`${report.left} message(s) left at the provider: too large, or refused by its server`);
  }
  if (report.counts.queued > 0) {
    statuses.push(onceStatus.queued);
    lines.push(`${report.counts.queued} message(s) queued for a later attempt`);
  }
  if (report.counts.held > 0) {
    statuses.push(onceStatus.held);
    lines.push(`${report.counts.held} message(s) held, waiting for a person`);
  }
  return { status: statuses.length === 0 ? onceStatus.done : Math.min(...statuses), lines };
}

function pollTrouble(poll: PollReport): string | undefined {
  switch (poll.kind) {
    case "done":
      return poll.more ? "the box has more mail" : undefined;
    case "failed":
      return `not drained: ${poll.failure}: ${poll.detail}`;
    case "delayed":
      return `not polled: the provider allows the next login at ${new Date(poll.until).toISOString()}`;
    case "not-polled":
      return `not polled: ${poll.detail}`;
  }
}
