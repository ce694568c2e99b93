/**
 * What accounts run into and a person should know of, gathered from the events of the running daemon.
 *
 *   event ──note──▶ fresh ──notice is durable──▶ told ──a day, and it is seen again──▶ fresh
 *                     └──a poll succeeds──▶ forgotten, where it was the poll that failed
 *
 * Guarantees: each trouble of an account once, however often it is seen, and at most daily while it lasts. A trouble of
 * the line is told only when no poll has succeeded for hours. Memory is bounded: what is beyond it is counted.
 */
import type { PopgateEvent } from "../core/events.ts";
import type { EpochMs } from "../core/ports.ts";

export type TroubleKind =
  | "login"
  | "tls"
  | "permanent"
  /** No poll has succeeded for `lastingMs`, whatever the reasons. */
  | "lasting"
  | "drift"
  | "undecided"
  | "rebuilt"
  | "account"
  /** About one message in a box. */
  | "box"
  | "spool-full"
  | "spool-failed"
  | "set-aside";

export interface Trouble {
  readonly key: string;
  readonly kind: TroubleKind;
  /** Empty where it is popgate's own. */
  readonly account: string;
  /** Servers' words among it. */
  readonly detail: string;
  /** When it was first seen since it was last told. */
  readonly since: EpochMs;
}

/** When each trouble was told last, by its key. */
export type ToldTroubles = readonly (readonly [key: string, at: EpochMs])[];

const dayMs = 86_400_000;
const lastingMs = 4 * 3_600_000;
const mostTroubles = 1000;
/** Messages in boxes may be many: they must not keep out what concerns whole accounts. */
const mostAboutMessages = 500;
const longestKey = 300;

/** Failures of a poll that a success refutes. */
const refutable: ReadonlySet<TroubleKind> = new Set(["login", "tls", "permanent", "lasting"]);

export class Troubles {
  readonly #fresh = new Map<string, Trouble>();
  readonly #told = new Map<string, EpochMs>();
  readonly #failingSince = new Map<string, EpochMs>();
  #beyond = 0;

  /** So many more were seen than could be remembered. */
  get beyond(): number {
    return this.#beyond;
  }

  note(event: PopgateEvent, now: EpochMs): void {
    if (event.kind === "poll-finished") return this.#refute(event.account);
    const trouble = this.#troubleOf(event, now);
    if (trouble === undefined || this.#fresh.has(trouble.key) || this.#wasTold(trouble.key, now)) return;
    const room = trouble.kind === "box" ? mostAboutMessages : mostTroubles;
    if (this.#fresh.size >= room) this.#beyond += 1;
    else this.#fresh.set(trouble.key, trouble);
  }

  /** What is to be told: whole accounts first, single messages last. */
  news(now: EpochMs): readonly Trouble[] {
    const news = [...this.#fresh.values()].filter(({ key }) => !this.#wasTold(key, now));
    return [...news.filter(({ kind }) => kind !== "box"), ...news.filter(({ kind }) => kind === "box")];
  }

  /** The notice that tells of them is durable. */
  tell(news: readonly Trouble[], now: EpochMs): void {
    for (const [key, at] of this.#told) if (!isRecent(at, now)) this.#told.delete(key);
    for (const { key } of news) {
      this.#fresh.delete(key);
      // The newest stand last, so that the oldest are forgotten when there are too many.
      this.#told.delete(key);
      this.#told.set(key, now);
    }
    for (const key of this.#told.keys()) {
      if (this.#told.size <= mostTroubles) break;
      this.#told.delete(key);
    }
    this.#beyond = 0;
  }

  /** For keeping across restarts. */
  get told(): ToldTroubles {
    return [...this.#told];
  }

  /** What an earlier process has told. */
  recall(told: ToldTroubles): void {
    for (const [key, at] of told) this.#told.set(key, Math.max(at, this.#told.get(key) ?? 0));
  }

  #wasTold(key: string, now: EpochMs): boolean {
    const at = this.#told.get(key);
    return at !== undefined && isRecent(at, now);
  }

  #refute(account: string): void {
    this.#failingSince.delete(account);
    for (const trouble of this.#fresh.values())
      if (trouble.account === account && refutable.has(trouble.kind)) this.#fresh.delete(trouble.key);
  }

  #troubleOf(event: PopgateEvent, since: EpochMs): Trouble | undefined {
    const make = (kind: TroubleKind, account: string, detail: string, about: string = ""): Trouble => ({
      key: `${kind} ${account} ${about}`.slice(0, longestKey),
      kind,
      account,
      detail,
      since,
    });
    switch (event.kind) {
      case "poll-failed":
        return this.#pollFailure(event.account, event.failure, event.detail, since, make);
      case "profile-drift":
        return make("drift", event.account, `${event.source}: ${event.detail}`);
      case "profile-undecided":
        return make("undecided", event.account, event.detail);
      case "box-rebuilt":
        return make("rebuilt", event.account, `${event.recognised} / ${event.listed}`);
      case "account-notice":
        return make("account", event.account, event.detail, alike(event.detail));
      case "box-notice":
        return make("box", event.account, `${event.uidl}: ${event.detail}`, `${event.uidl} ${alike(event.detail)}`);
      case "spool-full":
      case "spool-failed":
        return make(event.kind, "", event.detail);
      case "record-set-aside":
        return make("set-aside", "", `${event.key}: ${event.detail}`, event.key);
      // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- all other events need nobody
      default:
        return undefined;
    }
  }

  #pollFailure(
    account: string,
    failure: string,
    detail: string,
    now: EpochMs,
    make: (kind: TroubleKind, account: string, detail: string) => Trouble,
  ): Trouble | undefined {
    if (failure === "auth") return make("login", account, detail);
    if (failure === "tls" || failure === "permanent") return make(failure, account, detail);
    // The spool's trouble is not the account's.
    if (failure === "spool") return undefined;
    const since = this.#failingSince.get(account) ?? now;
    this.#failingSince.set(account, since);
    return now - since >= lastingMs ? make("lasting", account, detail) : undefined;
  }
}

/** A clock that was set back must not keep a trouble untold for longer than a day either. */
function isRecent(at: EpochMs, now: EpochMs): boolean {
  return Math.abs(now - at) < dayMs;
}

/** The same words with other numbers are the same trouble. */
function alike(detail: string): string {
  return detail.replace(/\d+/gu, "#");
}
