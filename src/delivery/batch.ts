/**
 * Which recipients go together. Pure.
 *
 * One transaction carries one message to as many of its due recipients as the target takes. Recipients that the target
 * turned away for their number go at once in the next one. When a target refuses a whole message after the final dot,
 * that may be for one recipient's sake (Exchange's Recipient Filter does so): each of them is then tried alone.
 */
import type { Address } from "../core/address.ts";
import type { Cause, Outcome } from "../core/outcome.ts";
import type { EpochMs } from "../core/ports.ts";
import type { MessageRecord } from "../spool/record.ts";
import type { TransactionResult } from "./transport.ts";

export type Group = readonly [Address, ...Address[]];

/** The recipients that are due, in groups of at most `most`; only those of `among`, if it is given. */
export function dueGroups(record: MessageRecord, now: EpochMs, most: number, among?: ReadonlySet<Address>): Group[] {
  if (record.hold !== undefined) return [];
  const due = record.recipients.filter(
    ({ address, state }) =>
      state.kind === "queued" && state.nextAttemptAt <= now && (among === undefined || among.has(address)),
  );
  const careful = due.some(({ lastCause }) => wasCutOff(lastCause)) ? Math.min(most, fewerThanErrors) : most;
  return groupsOf(
    due.map(({ address }) => address),
    careful,
  );
}

/**
 * Exchange ends a connection after five errors, and what it has said of the recipients by then may be lost with it. Three
 * unknown ones and the refusal of DATA behind them are found out whatever happens.
 */
const fewerThanErrors = 3;

/** The connection ended while recipients were being named. */
function wasCutOff(cause: Cause | undefined): boolean {
  if (cause?.kind === "connection") return cause.phase === "mail" || cause.phase === "rcpt" || cause.phase === "data";
  return cause?.kind === "reply" && cause.reply.code === 421 && (cause.phase === "rcpt" || cause.phase === "data");
}

function groupsOf(addresses: readonly Address[], most: number): Group[] {
  const groups: Group[] = [];
  for (let begin = 0; begin < addresses.length; begin += most) {
    const [first, ...rest] = addresses.slice(begin, begin + most);
    if (first !== undefined) groups.push([first, ...rest]);
  }
  return groups;
}

/** What of a transaction's recipients has to be tried again at once, and in which groups. The others' outcomes stand. */
export function followUp(group: Group, result: TransactionResult): Group[] {
  // A target that takes nobody at all would be asked for ever.
  const tooMany = result.tooMany.length < group.length ? result.tooMany : [];
  const alone = group.length > 1 ? result.outcomes.filter(({ outcome }) => refusedAtDot(outcome)) : [];
  return [...groupsOf(tooMany, group.length), ...alone.map(({ recipient }): Group => [recipient])];
}

/** 550 5.1.x, 550 5.7.x and plain 550 or 554 after the dot: it may be about one of several recipients. */
function refusedAtDot(outcome: Outcome): boolean {
  if (outcome.kind !== "refused" || outcome.cause.kind !== "reply" || outcome.cause.phase !== "dot") return false;
  const { code, enhanced } = outcome.cause.reply;
  if (enhanced !== undefined) return /^5\.[17]\./u.test(enhanced);
  return code === 550 || code === 551 || code === 553;
}
