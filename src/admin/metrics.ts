/**
 * The metrics page. What counts is counted as events pass; what is a state is taken from the status when the page is
 * asked for. The table says which there are (`metric-table.ts`).
 *
 * Guarantees: noting an event is cheap and never throws for what is in it; the number of series is bounded, whatever
 * comes in; a page is of one moment.
 */
import { readdirSync } from "node:fs";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { eventLevel } from "../core/event-words.ts";
import type { PopgateEvent } from "../core/events.ts";
import { holdWords } from "../core/hold.ts";
import { metricTable, type MetricTable } from "./metric-table.ts";
import type { DestinationStatus, Status } from "./schemas.ts";

export interface Metrics {
  /** Every event is to pass here. */
  note(event: PopgateEvent): void;
  page(): Promise<{ readonly type: string; readonly text: string }>;
}

export interface MetricsOptions {
  readonly version: string;
  readonly status: () => Promise<Status>;
}

export function createMetrics({ version, status }: MetricsOptions): Metrics {
  const registry = new Registry();
  const meters = new Meters(registry);
  meters.set("build", { version }, 1);
  startAtZero(meters);
  return {
    note: (event) => noteEvent(meters, event),
    async page() {
      const now = await status();
      // From here to the snapshot that `metrics` takes nothing is awaited.
      showStatus(meters, now);
      showProcess(meters);
      const text = await registry.metrics();
      return { type: registry.contentType, text };
    },
  };
}

type Names<Kind extends string> = {
  [Key in keyof MetricTable]: MetricTable[Key]["kind"] extends Kind ? Key : never;
}[keyof MetricTable];
type Labels<Key extends keyof MetricTable> = Readonly<Record<MetricTable[Key]["labels"][number], string>>;

/** Different values of one label; what is beyond counts as `other`. Reached only by names that change all the time. */
const mostValues = 200;

/** The metrics of the table, by their keys. */
class Meters {
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #seen = new Map<string, Set<string>>();

  constructor(registry: Registry) {
    for (const [key, { kind, name, labels, help, ...more }] of Object.entries(metricTable)) {
      const options = { name, help, labelNames: [...labels], registers: [registry] };
      if (kind === "gauge") this.#gauges.set(key, new Gauge(options));
      else if (kind === "counter") this.#counters.set(key, new Counter(options));
      else
        this.#histograms.set(key, new Histogram({ ...options, buckets: "buckets" in more ? [...more.buckets] : [] }));
    }
  }

  set<Key extends Names<"gauge">>(key: Key, labels: Labels<Key>, value: number): void {
    this.#gauges.get(key)?.set(labels, value);
  }

  /** Forgets what a gauge has shown: what is not there any more must not stay. */
  clear(...keys: readonly Names<"gauge">[]): void {
    for (const key of keys) this.#gauges.get(key)?.reset();
  }

  add<Key extends Names<"counter">>(key: Key, labels: Labels<Key>, by = 1): void {
    this.#counters.get(key)?.inc(this.#bounded(key, labels), by);
  }

  /** For what somebody else counts. */
  total<Key extends Names<"counter">>(key: Key, labels: Labels<Key>, value: number): void {
    const meter = this.#counters.get(key);
    meter?.reset();
    meter?.inc(labels, value);
  }

  observe<Key extends Names<"histogram">>(key: Key, labels: Labels<Key>, value: number): void {
    this.#histograms.get(key)?.observe(this.#bounded(key, labels), value);
  }

  #bounded(key: string, labels: Readonly<Record<string, string>>): Record<string, string> {
    return Object.fromEntries(
      Object.entries(labels).map(([label, value]) => {
        const name = `${key} ${label}`;
        const seen = this.#seen.get(name) ?? new Set();
        this.#seen.set(name, seen);
        if (!seen.has(value) && seen.size >= mostValues) return [label, "other"];
        seen.add(value);
        return [label, value];
      }),
    );
  }
}

/** A counter that first appears with a 1 looks to `increase()` as if nothing had happened. */
function startAtZero(meters: Meters): void {
  for (const level of ["debug", "info", "warn", "error"]) meters.add("events", { level }, 0);
  for (const reason of Object.keys(holdWords)) meters.add("holds", { reason }, 0);
  for (const report of ["failed", "delayed", "relayed"]) meters.add("reports", { report }, 0);
  for (const result of ["ok", "refused"]) meters.add("reloads", { result }, 0);
}

function noteEvent(meters: Meters, event: PopgateEvent): void {
  meters.add("events", { level: eventLevel(event) });
  switch (event.kind) {
    case "poll-finished": {
      const { account } = event;
      meters.add("polls", { account, result: "ok" });
      meters.add("fetched", { account }, event.fetched);
      return meters.add("fetchedBytes", { account }, event.octets);
    }
    case "poll-failed":
      return meters.add("polls", { account: event.account, result: event.failure });
    case "received":
      return meters.add("received", { account: event.account });
    case "duplicate":
      return meters.add("duplicates", { account: event.account });
    case "profile-drift":
      return meters.add("drifts", { account: event.account });
    case "submitted":
      meters.add("submitted", {});
      return meters.add("submittedBytes", {}, event.size);
    case "client-refused":
      return meters.add("clientRefusals", { stage: event.stage, class: classOf(Number.parseInt(event.reply, 10)) });
    case "logins-locked":
      return meters.add("lockedLogins", {});
    case "held":
      return meters.add("holds", { reason: event.reason });
    case "delivered":
    case "deferred":
    case "unconfirmed":
    case "refused":
      return noteOutcome(meters, event);
    case "expired":
      return meters.add("expired", {}, event.recipients.length);
    case "ended":
      return meters.add("ended", {});
    case "report-spooled":
      return meters.add("reports", { report: event.report });
    case "destination-down":
      return meters.add("downs", { destination: event.destination });
    case "relay-paused":
      return meters.add("pauses", { destination: event.destination, trouble: event.trouble });
    case "certificate-loaded":
      return meters.set("certificate", { file: event.file }, event.until / 1000);
    case "reloaded":
      return meters.add("reloads", { result: "ok" });
    case "reload-refused":
      return meters.add("reloads", { result: "refused" });
    case "record-set-aside":
      return meters.add("setAside", {});
    case "internal-error":
      return meters.add("internalErrors", {});
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are counted by their level only
    default:
      return undefined;
  }
}

type OutcomeEvent = Extract<PopgateEvent, { kind: "delivered" | "deferred" | "unconfirmed" | "refused" }>;

function noteOutcome(meters: Meters, event: OutcomeEvent): void {
  const { destination, recipients } = event;
  const outcome = event.kind === "refused" ? event.consequence : event.kind;
  meters.add("recipients", { destination, outcome }, recipients.length);
  meters.add("replies", { destination, class: classOf(event.code) }, recipients.length);
  if (event.kind === "delivered") meters.observe("delivery", { destination }, event.ms / 1000);
}

/** `5xx` of 550. Anything but a reply of a delivery's end is `none`. */
function classOf(code: number | undefined): "2xx" | "4xx" | "5xx" | "none" {
  const classes = { 2: "2xx", 4: "4xx", 5: "5xx" } as const;
  const first = Math.floor((code ?? 0) / 100);
  return first === 2 || first === 4 || first === 5 ? classes[first] : "none";
}

const destinationStates: readonly DestinationStatus["state"][] = ["up", "down", "paused", "stopped"];
const spoolStates: readonly Status["spool"]["health"][] = ["ok", "full", "failed"];

function showStatus(meters: Meters, status: Status): void {
  const { queue, spool, accounts, destinations, now } = status;
  meters.set("started", {}, status.startedAt / 1000);
  for (const direction of ["inbound", "outbound"] as const) {
    const { queued, held, oldestQueuedAt } = queue[direction];
    meters.set("queue", { direction, state: "queued" }, queued);
    meters.set("queue", { direction, state: "held" }, held);
    // Absent although there is queued mail: it lies far behind what is held, and is not known.
    if (queued === 0) meters.set("oldest", { direction }, 0);
    else meters.set("oldest", { direction }, oldestQueuedAt === undefined ? Number.NaN : (now - oldestQueuedAt) / 1000);
  }
  for (const reason of Object.keys(holdWords)) meters.set("held", { reason }, queue.heldByReason[reason] ?? 0);
  meters.set("stored", {}, queue.octets);
  for (const state of spoolStates) meters.set("spool", { state }, Number(spool.health === state));
  meters.set("diskFree", {}, spool.freeOctets ?? Number.NaN);
  meters.set("diskSize", {}, spool.diskOctets ?? Number.NaN);
  meters.clear("accountFailing", "accountPaused", "lastSuccess", "destination", "running");
  for (const { name: account, failing, paused, lastSuccessAt } of accounts) {
    meters.set("accountFailing", { account }, Number(failing));
    meters.set("accountPaused", { account }, Number(paused));
    if (lastSuccessAt !== undefined) meters.set("lastSuccess", { account }, lastSuccessAt / 1000);
  }
  for (const { name: destination, state: present, running } of destinations) {
    for (const state of destinationStates) meters.set("destination", { destination, state }, Number(present === state));
    meters.set("running", { destination }, running);
  }
  meters.set("listeners", {}, status.listeners.length);
  meters.set("backPressure", {}, Number(status.backPressure !== undefined));
  for (const severity of ["warning", "error"])
    meters.set("troubles", { severity }, status.troubles.filter((one) => one.severity === severity).length);
}

function showProcess(meters: Meters): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  meters.set("memory", {}, rss);
  meters.set("heap", {}, heapUsed);
  meters.set("files", {}, openFiles());
  meters.total("cpu", {}, (user + system) / 1_000_000);
}

/** Without those that looking takes. */
function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return Number.NaN;
  }
}
