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
  /** A relay refuses the login, or a sender, or says that the allowance is spent. */
  | "relay-auth"
  | "relay-sender"
  | "relay-quota"
  /** A relay has been down for `lastingMs`. */
  | "relay-down"
  | "unroutable"
  | "dkim"
  | "listener"
  | "certificate"
  | "web"
  | "back-pressure"
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
/** A certificate that ends sooner is told of. */
const certificateDays = 21;
const mostTroubles = 1000;
/** Messages in boxes may be many: they must not keep out what concerns whole accounts. */
const mostAboutMessages = 500;
const longestKey = 300;

/** Failures that a success of the same account or relay refutes. */
const refutable: ReadonlySet<TroubleKind> = new Set([
  "login",
  "tls",
  "permanent",
  "lasting",
  "relay-auth",
  "relay-quota",
  "relay-down",
]);

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
    if (event.kind === "destination-up") return this.#refute(event.destination);
    if (event.kind === "relay-resumed" && event.sender === undefined) return this.#refute(event.destination);
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
      case "relay-paused":
        return make(`relay-${event.trouble}`, event.destination, event.cause, event.sender);
      case "destination-down":
        return this.#relayDown(event.destination, event.cause, since, make);
      case "unroutable":
        return make("unroutable", "", `${event.sender}: ${event.detail}`, event.sender);
      case "dkim-failed":
        return make(
          "dkim",
          "",
          `${event.selector} ${event.domain}: ${event.detail}`,
          `${event.selector} ${event.domain}`,
        );
      case "listener-failed":
        return make("listener", "", `${event.address}: ${event.detail}`, event.address);
      case "web-failed":
        return make("web", "", `${event.address}: ${event.detail}`, event.address);
      case "certificate-refused":
        return make("certificate", "", `${event.file}: ${event.detail}`, event.file);
      case "certificate-loaded":
        return event.until - since < certificateDays * dayMs
          ? make("certificate", "", `${event.file}: ${new Date(event.until).toISOString()}`, event.file)
          : undefined;
      case "certificate-expiring":
        return make("certificate", "", `${event.file}: ${new Date(event.until).toISOString()}`, event.file);
      case "back-pressure":
        return event.detail === "" ? undefined : make("back-pressure", "", event.detail, alike(event.detail));
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
    return this.#lasts(account, now) ? make("lasting", account, detail) : undefined;
  }

  /** Exchange's own downtime is nothing that a mail to Exchange could tell of. */
  #relayDown(
    name: string,
    cause: string,
    now: EpochMs,
    make: (kind: TroubleKind, account: string, detail: string) => Trouble,
  ): Trouble | undefined {
    if (!name.startsWith("relay ") || !this.#lasts(name, now)) return undefined;
    return make("relay-down", name, cause);
  }

  /** Whether it has been failing for hours. */
  #lasts(name: string, now: EpochMs): boolean {
    const since = this.#failingSince.get(name) ?? now;
    this.#failingSince.set(name, since);
    return now - since >= lastingMs;
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
