/**
 * Fetches the messages of a plan through one session: several RETR ahead where the server pipelines (RFC 2449 §6.6),
 * several commits in flight, DELE after the commit.
 *
 * Guarantees
 * - DELE for a message is sent only after `settle` for it has resolved: the message is durable then.
 * - Before it returns or throws, no commit is under way any more.
 * - When the session breaks, the message being read at that moment is told to `failed`, no other.
 * - Deletions are awaited after the last body: their replies stand behind bodies that must be read first.
 *
 * Fails with `Pop3Error` when the session is over, with `SpoolError` when nothing more can be taken in.
 */
import type { Clock, EpochMs } from "../core/ports.ts";
import { Pop3Error, type Pop3Box, type Retrieval } from "../pop3/port.ts";
import { InFlight } from "./in-flight.ts";
import type { MessageIntake } from "./intake.ts";
import type { FetchAction } from "./actions.ts";
import type { Tally } from "./tally.ts";

export interface FetchLimits {
  /** After so much the session is to be ended, and another one begun. */
  readonly messages: number;
  readonly octets: number;
  readonly until: EpochMs;
  readonly commitsInFlight: number;
  readonly octetsInFlight: number;
}

export type FetchEnd =
  /** Everything that was planned has been gone through. */
  | { readonly kind: "all" }
  /** A limit of the session was met; there is more. */
  | { readonly kind: "cut" }
  /** A message had to be left in the middle: this session cannot go on. */
  | { readonly kind: "broken-off" };

interface Requested {
  readonly action: FetchAction;
  readonly reply: Promise<Retrieval>;
}

export interface FetchPorts {
  readonly box: Pop3Box;
  readonly intake: MessageIntake;
  readonly clock: Clock;
  readonly tally: Tally;
}

/** `stop` is the caller's signal; the deadline of the session is the box's own affair. */
export async function fetchMessages(
  actions: readonly FetchAction[],
  ports: FetchPorts,
  limits: FetchLimits,
  stop: AbortSignal,
): Promise<FetchEnd> {
  const commits = new InFlight(limits.commitsInFlight, limits.octetsInFlight);
  const deletions = new InFlight(Infinity, Infinity);
  const requests = requestAhead(actions, ports, limits);
  let current: FetchAction | undefined;
  try {
    for (;;) {
      const request = requests.next();
      if (request === undefined) break;
      current = request.action;
      const retrieval = await request.reply;
      if (retrieval.kind === "refused") {
        current = undefined;
        await ports.intake.failed(request.action, retrieval.reply);
        continue;
      }
      await commits.room();
      stop.throwIfAborted();
      const result = await ports.intake.read(request.action, retrieval.body);
      if (result.kind === "oversize") {
        await commits.settled();
        await ports.intake.oversize(request.action, result.octets);
        return { kind: "broken-off" };
      }
      current = undefined;
      const { number } = request.action;
      const settled = ports.intake.settle(result.message).then((then) => {
        if (then === "delete") deletions.add(deleteOne(ports, number), 0);
      });
      commits.add(settled, result.message.ingest.size);
    }
    await commits.end();
    await deletions.end();
    return requests.left() ? { kind: "cut" } : { kind: "all" };
  } catch (error) {
    await commits.settled();
    if (current !== undefined && blames(error, stop)) await ports.intake.failed(current, error.message);
    throw error;
  } finally {
    await commits.settled();
  }
}

/**
 * A session that we were told to stop, or that ended for the sake of the account, says nothing about the message; one
 * that met its own deadline (`aborted` without the caller's signal) does.
 */
function blames(error: unknown, stop: AbortSignal): error is Pop3Error {
  if (stop.aborted || !(error instanceof Pop3Error)) return false;
  return ["connection", "protocol", "temporary", "aborted"].includes(error.kind);
}

async function deleteOne({ box, tally }: FetchPorts, number: number): Promise<void> {
  // False: refused. The ledger says `deleting`, and the next listing shows what became of it.
  if (await box.delete(number)) tally.deleted++;
}

/** Keeps as many RETR outstanding as the box can use, until a limit of the session is met. */
function requestAhead(actions: readonly FetchAction[], ports: FetchPorts, limits: FetchLimits) {
  const { box, clock } = ports;
  const ahead: Requested[] = [];
  let next = 0;
  let octets = 0;
  const met = (): boolean => next >= limits.messages || octets >= limits.octets || clock.now() >= limits.until;
  return {
    next(): Requested | undefined {
      while (ahead.length < Math.max(1, box.window)) {
        const action = actions[next];
        if (action === undefined || met()) break;
        next++;
        octets += action.size ?? 0;
        const reply = box.retrieve(action.number);
        // Awaited when its turn comes; if the session ends before that, its failure is the session's.
        reply.catch(() => undefined);
        ahead.push({ action, reply });
      }
      return ahead.shift();
    },
    left: (): boolean => next < actions.length,
  };
}
