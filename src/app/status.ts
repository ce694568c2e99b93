/** The status: what is there, how it is, what is wrong and what to do about it. */
import { statfs } from "node:fs/promises";
import type { AccountStatus, DestinationStatus, Status, Trouble } from "../admin/schemas.ts";
import type { Config } from "../config/config.ts";
import type { PopgateEvent } from "../core/events.ts";
import { holdWords, type HoldReason } from "../core/hold.ts";
import type { Clock, EpochMs } from "../core/ports.ts";
import { packageVersion } from "../runtime/version.ts";
import type { Inspection, Queue } from "../spool/port.ts";
import type { Live } from "./live.ts";
import type { Paused } from "./paused.ts";
import { queuedByDestination, queueOf } from "./queue-counts.ts";

/** What events have told since the start. */
export interface Watch {
  note(event: PopgateEvent): void;
  readonly startedAt: EpochMs;
  readonly polls: ReadonlyMap<string, PollMemory>;
  readonly listeners: ReadonlySet<string>;
  readonly backPressure: string | undefined;
  /** Troubles of the listener and of certificates, by what they are about. */
  readonly troubles: ReadonlyMap<string, Trouble>;
}

interface PollMemory {
  readonly lastPollAt: EpochMs | undefined;
  readonly lastSuccessAt: EpochMs | undefined;
  readonly last: string;
  readonly failing: boolean;
  readonly failure: string | undefined;
  readonly since: EpochMs | undefined;
}

export interface StatusPorts {
  readonly spool: Inspection & Queue;
  readonly clock: Clock;
  readonly watch: Watch;
  readonly paused: Paused;
  readonly config: () => Config;
  readonly live: () => Live | undefined;
}

export function createWatch(clock: Clock): Watch {
  const polls = new Map<string, PollMemory>();
  const listeners = new Set<string>();
  const troubles = new Map<string, Trouble>();
  const state = { backPressure: undefined as string | undefined };
  return {
    startedAt: clock.now(),
    polls,
    listeners,
    troubles,
    get backPressure() {
      return state.backPressure;
    },
    note(event) {
      const now = clock.now();
      switch (event.kind) {
        case "poll-finished":
          polls.set(event.account, {
            lastPollAt: now,
            lastSuccessAt: now,
            last: `${event.fetched} fetched, ${event.held} held, ${event.left} left`,
            failing: false,
            failure: undefined,
            since: undefined,
          });
          break;
        case "poll-failed": {
          const before = polls.get(event.account);
          polls.set(event.account, {
            lastPollAt: now,
            lastSuccessAt: before?.lastSuccessAt,
            last: `${event.failure}: ${event.detail}`,
            failing: true,
            failure: event.failure,
            since: before?.since ?? now,
          });
          break;
        }
        case "listening":
          listeners.add(event.address);
          troubles.delete(event.address);
          break;
        case "listener-failed":
          troubles.set(event.address, {
            severity: "error",
            about: `listener ${event.address}`,
            detail: event.detail,
            remedy: "Free the address, or correct `listener`.",
            since: now,
          });
          break;
        case "web-failed":
          troubles.set(event.address, {
            severity: "error",
            about: `web page ${event.address}`,
            detail: event.detail,
            remedy: "Correct `admin.web` or free the address, then start popgate anew.",
            since: now,
          });
          break;
        case "certificate-loaded":
          troubles.delete(event.file);
          break;
        case "certificate-refused":
          troubles.set(event.file, {
            severity: "error",
            about: `certificate ${event.file}`,
            detail: event.detail,
            remedy: "Put a certificate and its key there; the old one stays in use meanwhile.",
            since: now,
          });
          break;
        case "back-pressure":
          state.backPressure = event.detail === "" ? undefined : event.detail;
          break;
        // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are not of the status
        default:
      }
    },
  };
}

export async function statusOf(ports: StatusPorts): Promise<Status> {
  const { spool, clock, watch } = ports;
  const config = ports.config();
  const health = spool.health();
  const accounts = accountsOf(ports, config);
  const live = ports.live();
  const waiting =
    live === undefined
      ? undefined
      : await queuedByDestination(spool, (record, recipient) => live.destinationFor(record, recipient));
  const destinations = destinationsOf(live, waiting);
  const queue = await queueOf(spool);
  const disk = await statfs(config.spool.dir).then(
    ({ bavail, blocks, bsize }) => ({ freeOctets: bavail * bsize, diskOctets: blocks * bsize }),
    () => ({}),
  );
  const parts = { accounts, destinations, heldByReason: queue.heldByReason };
  return {
    version: packageVersion(),
    hostname: config.hostname,
    startedAt: watch.startedAt,
    now: clock.now(),
    config: config.file,
    spool: {
      dir: config.spool.dir,
      health: health.kind,
      ...(health.kind === "ok" ? {} : { detail: health.detail }),
      ...disk,
    },
    queue,
    accounts,
    destinations,
    listeners: [...watch.listeners],
    ...(watch.backPressure === undefined ? {} : { backPressure: watch.backPressure }),
    troubles: troublesOf(ports, parts),
  };
}

function accountsOf({ watch, paused, live }: StatusPorts, config: Config): AccountStatus[] {
  const running = new Map(
    live()
      ?.accounts.loop.status()
      .map((each) => [each.name, each]),
  );
  return config.accounts.map(({ name, kind, host, enabled }) => {
    const poll = watch.polls.get(name);
    const now = running.get(name);
    return {
      name,
      kind,
      host,
      enabled,
      paused: paused.accounts.has(name),
      polling: now?.polling ?? false,
      failing: poll?.failing ?? false,
      ...present({
        nextPollAt: now?.nextPollAt === undefined ? undefined : Math.round(now.nextPollAt),
        lastPollAt: poll?.lastPollAt,
        lastSuccessAt: poll?.lastSuccessAt,
        last: poll?.last,
      }),
    };
  });
}

function destinationsOf(live: Live | undefined, waiting: ReadonlyMap<string, number> | undefined): DestinationStatus[] {
  return (live?.destinations ?? []).map(({ name, state, running }) => {
    const { kind, since, until, cause } = state();
    return {
      name,
      state: kind === "spent" ? "paused" : kind,
      running: running(),
      ...(waiting === undefined ? {} : { queued: waiting.get(name) ?? 0 }),
      ...present({ since, retryAt: until, cause: kind === "spent" ? "the configured rate is reached" : cause }),
    };
  });
}

function troublesOf(
  { spool, watch }: StatusPorts,
  {
    accounts,
    destinations,
    heldByReason,
  }: Pick<Status, "accounts" | "destinations"> & Pick<Status["queue"], "heldByReason">,
): Trouble[] {
  const troubles: Trouble[] = [...watch.troubles.values()];
  const health = spool.health();
  if (health.kind !== "ok")
    troubles.push({
      severity: "error",
      about: "spool",
      detail: health.detail,
      remedy: health.kind === "full" ? "Make room on the disk, or raise `spool.max_size`." : "Repair the disk.",
    });
  for (const { name, failing, last = "", paused } of accounts) {
    const since = watch.polls.get(name)?.since;
    if (failing && !paused)
      troubles.push({
        severity: watch.polls.get(name)?.failure === "auth" ? "error" : "warning",
        about: name,
        detail: last,
        remedy: `Look with \`popgate doctor ${name}\`.`,
        ...present({ since }),
      });
    if (paused)
      troubles.push({ severity: "warning", about: name, detail: "paused", remedy: `\`popgate resume ${name}\`.` });
  }
  for (const { name, state, cause = "", since } of destinations)
    if (state !== "up")
      troubles.push({
        severity: state === "down" ? "error" : "warning",
        about: name,
        detail: `${state}: ${cause}`,
        remedy:
          state === "stopped" ? "`popgate resume` when it may be used again." : "Its mail waits, nothing is lost.",
        ...present({ since }),
      });
  for (const [reason, count] of Object.entries(heldByReason))
    troubles.push({
      severity: "warning",
      about: `${count} held: ${reason}`,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys are reasons of holds
      detail: holdWords[reason as HoldReason].meaning,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys are reasons of holds
      remedy: holdWords[reason as HoldReason].remedy,
    });
  if (watch.backPressure !== undefined)
    troubles.push({
      severity: "error",
      about: "listener",
      detail: `new mail is refused for now: ${watch.backPressure}`,
      remedy: "It stays in Exchange; remove the cause.",
    });
  return troubles.toSorted((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
}

/** Without the keys whose value is undefined. */
function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same keys without those that are undefined
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
