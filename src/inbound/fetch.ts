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

/**
 * Messages asked for behind the one that is being read announce at most about so many octets: what 40 ms hold at
 * 1 Gbit/s. They wait at the server and on the line, not in our memory; but what is asked for cannot be taken back.
 */
const octetsAhead = 4 * 1024 * 1024;
/** What a message is taken for whose size the server does not tell. */
const untoldOctets = 128 * 1024;

/**
 * Keeps RETR outstanding until a limit of the session is met: as many as the box takes, and as `octetsAhead` allows, but
 * always the next one. Asks anew when half of them have been read, so that several commands go in one packet.
 */
function requestAhead(actions: readonly FetchAction[], ports: FetchPorts, limits: FetchLimits) {
  const { box, clock } = ports;
  const ahead: Requested[] = [];
  let next = 0;
  let octets = 0;
  let waiting = 0;
  const met = (): boolean => next >= limits.messages || octets >= limits.octets || clock.now() >= limits.until;
  return {
    next(): Requested | undefined {
      const window = Math.max(1, box.window);
      const most = ahead.length > window / 2 ? 0 : window;
      while (ahead.length < most && (ahead.length < 2 || waiting < octetsAhead)) {
        const action = actions[next];
        if (action === undefined || met()) break;
        next++;
        octets += action.size ?? 0;
        // The first of them is read next.
        if (ahead.length > 0) waiting += action.size ?? untoldOctets;
        const reply = box.retrieve(action.number);
        // Awaited when its turn comes; if the session ends before that, its failure is the session's.
        reply.catch(() => undefined);
        ahead.push({ action, reply });
      }
      const request = ahead.shift();
      const [first] = ahead;
      // It is the first now.
      if (first !== undefined) waiting -= first.action.size ?? untoldOctets;
      return request;
    },
    left: (): boolean => next < actions.length,
  };
}
