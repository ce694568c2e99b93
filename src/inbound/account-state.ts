/** What one account is configured to be, and what it knows while the daemon runs. */
import type { EventSink, PopgateEvent } from "../core/events.ts";
import type { AccountName } from "../core/ids.ts";
import type { Clock, Random } from "../core/ports.ts";
import type { EnvelopePolicy } from "../message/policy.ts";
import type { Pop3Connect } from "../pop3/port.ts";
import type { Spool } from "../spool/port.ts";
import { createGuide, type AutoPolicy, type Guide } from "./envelope.ts";
import type { KeepRule } from "./keep.ts";
import type { InboundLimits } from "./limits.ts";
import { readMemory, type AccountMemory } from "./memory.ts";
import type { FailureRun, PollRules } from "./schedule.ts";
import type { FailureCount } from "./unfetchable.ts";
import { emptyTally, type Tally } from "./tally.ts";

export interface AccountOptions {
  readonly name: AccountName;
  readonly connect: Pop3Connect;
  /** For our Received field. */
  readonly server: { readonly host: string; readonly secure: boolean };
  readonly policy: EnvelopePolicy | AutoPolicy;
  readonly keep: KeepRule;
  /** What happens to mail that is in the box at the first contact: `new` leaves it there for ever. */
  readonly initial: "all" | "new";
  /** Larger messages are left at the provider. */
  readonly maxOctets: number;
  readonly rules: PollRules;
  readonly limits: InboundLimits;
}

export interface AccountPorts {
  readonly spool: Omit<Spool, typeof Symbol.asyncDispose>;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: EventSink;
}

/** So many different notices are remembered as told; then it begins anew. */
const toldAtMost = 10_000;

/** One account while the daemon runs. Its sessions follow each other; nothing here is made for two at once. */
export class AccountState {
  readonly options: AccountOptions & AccountPorts;
  memory: AccountMemory;
  guide: Guide;
  /** Of the session that runs, or ran last. */
  tally: Tally = emptyTally();
  loggedIn = false;
  /** No entry of the ledger is `present` or `deleting`. */
  ledgerAtRest = false;
  /** Messages of a rebuilt box that have been recognised so far. */
  rebuildRecognised = 0;
  /** Messages without an id that could not be fetched, by `unnamedKey`. */
  readonly brokenUnnamed = new Map<string, FailureCount>();
  failures: FailureRun | undefined;
  readonly #told = new Set<string>();

  private constructor(options: AccountOptions & AccountPorts, memory: AccountMemory) {
    this.options = options;
    this.memory = memory;
    this.guide = this.#guideFrom(memory);
  }

  /** Reads what the account remembers. */
  static async open(options: AccountOptions & AccountPorts): Promise<AccountState> {
    return new AccountState(options, readMemory(await options.spool.state(options.name)));
  }

  /** Changes what the account remembers; durable. */
  async remember(change: Partial<AccountMemory>): Promise<void> {
    const profileChanged = "learnt" in change;
    const memory = { ...this.memory, drift: this.guide.drift(), ...change };
    await this.options.spool.putState(this.options.name, memory);
    this.memory = memory;
    if (profileChanged) this.guide = this.#guideFrom(memory);
  }

  /** Makes the drift guard's knowledge durable, if it has changed. */
  async rememberDrift(): Promise<void> {
    if (this.guide.drift() !== this.memory.drift) await this.remember({});
  }

  /** Emits an event unless one with this key has been emitted since the daemon started. */
  readonly tellOnce = (key: string, event: PopgateEvent): void => {
    if (this.#told.has(key)) return;
    if (this.#told.size >= toldAtMost) this.#told.clear();
    this.#told.add(key);
    this.options.events.emit(event);
  };

  #guideFrom(memory: AccountMemory): Guide {
    const { name: account, clock, events, policy } = this.options;
    return createGuide(policy, memory, { account, clock, events });
  }
}
