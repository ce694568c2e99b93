/**
 * What the admin interface asks of the running program. The composition root implements it; `admin` knows nothing of the
 * parts behind it. `by`: who asks, for the log and for the message's own notes.
 */
import type {
  Action,
  ActionResult,
  Audit,
  EventMessage,
  Explanation,
  Finding,
  MessageDetail,
  MessageFilter,
  MessagePage,
  PollResult,
  ResolutionResult,
  ResolveRequest,
  Statistics,
  Status,
} from "./schemas.ts";

export interface Operations {
  status(): Promise<Status>;
  /** Hour by hour, since the program started. */
  statistics(): Promise<Statistics>;
  /** What every message of queue and history has come to, and what does not add up. */
  audit(signal: AbortSignal): Promise<Audit>;
  messages(filter: MessageFilter, signal: AbortSignal): Promise<MessagePage>;
  message(id: string): Promise<MessageDetail | undefined>;
  /** By queue id, Message-ID, or an address (its latest messages). Newest first; empty when nothing is known. */
  explain(query: string, signal: AbortSignal): Promise<readonly Explanation[]>;
  /** The octets as stored; with `rendered`, as they are handed over. `undefined`: no such message, or it has ended. */
  raw(id: string, rendered: boolean): Promise<AsyncIterable<Buffer> | undefined>;
  act(ids: readonly string[], action: Action, by: string): Promise<readonly ActionResult[]>;
  resolve(request: ResolveRequest, by: string, signal: AbortSignal): AsyncIterable<ResolutionResult>;
  /** All accounts without a name. `undefined`: no such account. */
  poll(account: string | undefined, by: string, signal: AbortSignal): Promise<readonly PollResult[] | undefined>;
  /**
   * Looks at accounts, Exchange, relays, listener and host, and changes nothing. `undefined`: somebody else has it looked
   * at now, and a server must not be asked twice at the same time.
   */
  doctor(signal: AbortSignal): Promise<readonly Finding[] | undefined>;
  /** False: no such account. It lasts until `resume`, over restarts too. */
  pauseAccount(name: string, paused: boolean, by: string): Promise<boolean>;
  pauseDestination(name: string, paused: boolean, by: string): Promise<boolean>;
  /** Says why the configuration cannot be taken, if it cannot. */
  reload(
    by: string,
  ): Promise<{ readonly kind: "ok" } | { readonly kind: "refused"; readonly errors: readonly string[] }>;
  backup(dir: string, by: string): Promise<void>;
  /** Every event from now on; the listener must not throw. */
  onEvent(listener: (event: EventMessage) => void): Disposable;
}
