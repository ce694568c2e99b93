/**
 * One POP3 session of one account, from login to QUIT: list, plan, write down, delete, fetch, settle, quit.
 *
 * The order is what makes it safe. The ledger is written before what it speaks of is done; DELE follows the commit of
 * its message; what QUIT has not confirmed stays `deleting` and is looked at again in the next listing. A session that
 * ends at any point leaves a ledger from which the next one goes on, and nothing is brought in twice.
 *
 * Fails with `Pop3Error` or `SpoolError`. RFC 1939 §6: deletions take effect with QUIT, and only then.
 */
import type { EpochMs } from "../core/ports.ts";
import { ownNames } from "../message/returned.ts";
import { receivedField } from "../message/trace.ts";
import { Pop3Error, type Listing, type Pop3Box } from "../pop3/port.ts";
import type { LedgerEntry } from "../spool/port.ts";
import type { AccountState } from "./account-state.ts";
import { fetchMessages, type FetchEnd } from "./fetch.ts";
import { InFlight } from "./in-flight.ts";
import { createIntake, type MessageIntake } from "./intake.ts";
import { expireConflict } from "./keep.ts";
import { isMadeId } from "./ledger-entry.ts";
import { learnFromBox, learnFromHeld } from "./learning.ts";
import type { SessionPlan } from "./actions.ts";
import { awaitedMessages, planSession } from "./plan.ts";
import { createRecogniser } from "./recognise.ts";

export interface SessionEnd {
  /** There is more to fetch: another session should follow. */
  readonly more: boolean;
}

/** A rebuilt box in which something stays unfetchable is not compared by content for ever. */
const longestRebuildMs = 14 * 86_400_000;

/** `stop`: the caller's signal. `signal`: the same, or the deadline of the session. */
export async function runSession(state: AccountState, stop: AbortSignal, signal: AbortSignal): Promise<SessionEnd> {
  const { options, tally } = state;
  await using box = await options.connect(signal, state.memory.capabilities);
  state.loggedIn = true;
  // The provider's delay runs from the login. Until this is durable, the time before it is: a little early, if at all.
  state.memory = { ...state.memory, lastLoginAt: options.clock.now() };
  await noteServer(state, box);
  const listing = await box.list();
  tally.listed = listing.messages.length;
  const begun = await prepare(state, listing);
  if (begun === undefined) {
    await quit(state, box);
    return { more: false };
  }
  const { plan, entries, intake } = begun;
  const learntFromBox = await learnFromBox(state, box, plan);
  await deleteAgain(state, box, plan);
  let end: FetchEnd;
  try {
    end = await fetchMessages(plan.fetches, { box, intake, clock: options.clock, tally }, fetchLimits(state), stop);
  } finally {
    if (state.memory.rebuildingSince !== undefined) state.rebuildRecognised += tally.recognised;
  }
  if (end.kind === "broken-off") return { more: true };
  if (!learntFromBox && tally.fetched > 0) await learnFromHeld(state);
  await conclude(state, plan, entries, intake, end);
  await quit(state, box);
  return { more: end.kind === "cut" };
}

interface Begun {
  readonly plan: SessionPlan;
  readonly entries: readonly LedgerEntry[];
  readonly intake: MessageIntake;
}

/** Plans the session and writes the plan's entries. `undefined`: nothing is there and nothing was. */
async function prepare(state: AccountState, listing: Listing): Promise<Begun | undefined> {
  const { options, memory } = state;
  const { name: account, spool, clock } = options;
  const empty = listing.messages.length === 0;
  // The empty poll is the most frequent one: it reads the ledger only if something may have to be turned to `gone`.
  if (empty && state.ledgerAtRest && memory.contactedAt !== undefined) return undefined;
  const entries = await spool.entries(account);
  const firstContact = memory.contactedAt === undefined && entries.length === 0;
  if (firstContact && options.initial === "new") refuseWithoutUidl(listing);
  const now = clock.now();
  const plan = planSession(listing, entries, {
    keep: options.keep,
    initial: options.initial,
    maxOctets: options.maxOctets,
    firstContact,
    rebuildingSince: memory.rebuildingSince,
    ended: await endedOf(state, listing, entries),
    brokenUnnamed: state.brokenUnnamed,
    now,
  });
  if (plan.rebuilt) await state.remember({ rebuildingSince: now });
  // One transaction: at first contact with `initial = "new"` either all of the box is entered as skipped, or none of it.
  if (plan.ledger.length > 0) await spool.put(account, plan.ledger);
  if (plan.forget.length > 0) await spool.forget(account, plan.forget);
  state.rebuildRecognised += plan.forget.length;
  if (memory.contactedAt === undefined) await state.remember({ contactedAt: now });
  state.ledgerAtRest = empty;
  for (const { uidl, detail } of plan.notices) {
    state.tellOnce(`${uidl}: ${detail}`, { kind: "box-notice", account, uidl, detail });
  }
  tellIfUnnamed(state, listing);
  return { plan, entries, intake: intakeFor(state, listing, entries) };
}

/** Without unique ids nothing tells old mail from new: a person has to say what is wanted. */
function refuseWithoutUidl(listing: Listing): void {
  if (listing.messages.every(({ uidl }) => uidl !== undefined)) return;
  throw new Pop3Error(
    "permanent",
    'the server gives no unique ids (UIDL), so initial = "new" cannot tell old mail from new; set initial = "all"',
  );
}

/** Kept mail without ids costs its whole size in each session; it is kept all the same, since that was asked for. */
function tellIfUnnamed({ options, tellOnce }: AccountState, { hasUidl, messages }: Listing): void {
  if (hasUidl || messages.length === 0 || options.keep.kind === "never") return;
  const detail =
    "the server gives no unique ids (UIDL): mail that is kept in the box is fetched again in every session, " +
    'to be recognised by its octets; keep = "never" avoids that';
  tellOnce("no-uidl", { kind: "account-notice", account: options.name, detail });
}

async function endedOf(state: AccountState, listing: Listing, entries: readonly LedgerEntry[]) {
  const { spool, keep } = state.options;
  const ended = new Set<NonNullable<LedgerEntry["messageId"]>>();
  for (const id of awaitedMessages(listing, entries, keep)) {
    // A message that is in neither is not known to have ended: it may have been set aside as unreadable.
    if ((await spool.load(id)) === undefined && (await spool.history(id)) !== undefined) ended.add(id);
  }
  return ended;
}

function intakeFor(state: AccountState, listing: Listing, entries: readonly LedgerEntry[]): MessageIntake {
  const { options, memory, tally, brokenUnnamed } = state;
  const { name: account, spool, clock, events, keep, maxOctets, limits, server } = options;
  const listed = new Set(listing.messages.flatMap(({ uidl }) => (uidl === undefined ? [] : [uidl])));
  const own = ownNames(options.policy);
  return createIntake({
    account,
    spool,
    clock,
    events,
    guide: () => state.guide,
    own,
    keep,
    maxOctets,
    maxHeaderOctets: limits.maxHeaderOctets,
    recogniser: createRecogniser(entries, listed, memory.rebuildingSince),
    received: (id) =>
      receivedField({
        hostname: own.hostname,
        from: server.host,
        address: undefined,
        protocol: server.secure ? "POP3S" : "POP3",
        id,
        at: clock.now(),
      }),
    tally,
    brokenUnnamed,
  });
}

async function noteServer(state: AccountState, box: Pop3Box): Promise<void> {
  const { name: account, keep } = state.options;
  const { capabilities } = box;
  const before = state.memory.capabilities;
  if (JSON.stringify(capabilities) !== JSON.stringify(before)) {
    // What a server said when it refused a login stands, unless CAPA says something, or no longer says it.
    const said = capabilities.loginDelaySeconds ?? (before?.loginDelaySeconds === undefined ? undefined : 0);
    const loginDelayMs = said === undefined ? state.memory.loginDelayMs : said * 1000;
    await state.remember({ capabilities, loginDelayMs });
  }
  const conflict = expireConflict(keep, capabilities);
  if (conflict !== undefined) state.tellOnce(conflict, { kind: "account-notice", account, detail: conflict });
}

async function deleteAgain(state: AccountState, box: Pop3Box, plan: SessionPlan): Promise<void> {
  const replies = new InFlight(Math.max(1, box.window), Infinity);
  const account = state.options.name;
  const now = state.options.clock.now();
  const stubborn = plan.deletes.filter(({ why, entry }) => why === "again" && now - entry.since > stubbornAfterMs);
  if (stubborn.length > 0) {
    const detail = `${stubborn.length} message(s) are still listed a day after their deletion was asked for`;
    state.tellOnce("stubborn", { kind: "account-notice", account, detail });
  }
  for (const { number } of plan.deletes) {
    await replies.room();
    replies.add(
      box.delete(number).then((deleted) => {
        if (deleted) state.tally.deleted++;
      }),
      0,
    );
  }
  await replies.end();
}

const stubbornAfterMs = 86_400_000;

/** What is only known once all of the box has been gone through. */
async function conclude(
  state: AccountState,
  plan: SessionPlan,
  entries: readonly LedgerEntry[],
  intake: MessageIntake,
  end: FetchEnd,
): Promise<void> {
  const { options, memory, tally } = state;
  const { name: account, spool, clock, events } = options;
  if (end.kind !== "all") return;
  const now = clock.now();
  const { rebuildingSince } = memory;
  const doubtful = tally.unfetchable > 0 || plan.leaves.some(({ why }) => why === "unfetchable");
  if (rebuildingSince !== undefined) {
    const recognised = state.rebuildRecognised;
    // Told once all of it has been gone through, and not at all when nothing known was found: mail had just been removed.
    if (recognised > 0) events.emit({ kind: "box-rebuilt", account, recognised, listed: tally.listed });
    state.rebuildRecognised = 0;
    if (!doubtful || now - rebuildingSince > longestRebuildMs) await state.remember({ rebuildingSince: undefined });
  }
  if (!doubtful) {
    state.brokenUnnamed.clear();
    const gone = entries
      .filter((entry) => isMadeId(entry.uidl) && entry.state !== "gone" && !intake.seenMadeIds.has(entry.uidl))
      .filter((entry) => !intake.moved.has(entry.uidl))
      .map((entry): LedgerEntry => ({ ...entry, state: "gone", since: now }));
    if (gone.length > 0) await spool.put(account, gone);
  }
}

async function quit(state: AccountState, box: Pop3Box): Promise<void> {
  const { deleted } = state.tally;
  let reply: string;
  try {
    const end = await box.quit();
    if (end.confirmed) return;
    ({ reply } = end);
  } catch (error) {
    if (!(error instanceof Pop3Error) || error.kind === "aborted") throw error;
    reply = error.message;
  }
  if (deleted === 0) return;
  const detail = `the server did not confirm QUIT (${reply}): ${deleted} deletion(s) will be checked in the next session`;
  state.options.events.emit({ kind: "account-notice", account: state.options.name, detail });
}

function fetchLimits({ options, memory }: AccountState): {
  readonly messages: number;
  readonly octets: number;
  readonly until: EpochMs;
  readonly commitsInFlight: number;
  readonly octetsInFlight: number;
} {
  const { limits, rules, clock } = options;
  const factor = Math.max(rules.minIntervalMs, memory.loginDelayMs ?? 0) > 0 ? limits.delayedLoginFactor : 1;
  return {
    messages: limits.sessionMessages * factor,
    octets: limits.sessionOctets * factor,
    until: clock.now() + limits.sessionMs * factor,
    commitsInFlight: limits.commitsInFlight,
    octetsInFlight: limits.octetsInFlight,
  };
}
