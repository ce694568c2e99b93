/** The metrics page: what events and the status make of it, its names, and how much of it there can be. */
import { describe, expect, it } from "vitest";
import { metricTable } from "../../src/admin/metric-table.ts";
import { createMetrics } from "../../src/admin/metrics.ts";
import type { Status } from "../../src/admin/schemas.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import { holdWords } from "../../src/core/hold.ts";
import { parseMessageId, type MessageId } from "../../src/core/ids.ts";
import type { Outcome } from "../../src/core/outcome.ts";
import { delivered, makeWorld, replied } from "../delivery/fixtures.ts";
import { account } from "../spool/support.ts";
import { goodStatus, openInterface } from "./interface.ts";

const exchange = "exchange mail.firma.example:25";
const id = (): MessageId => {
  const parsed = parseMessageId("0LBQ5XFG7T4N2K");
  if (parsed === undefined) throw new TypeError();
  return parsed;
};
const common = { message: id(), account: account(), recipients: ["a@firma.example", "b@firma.example"] };

/** The samples of a page: `name{label="value"}` to value. */
async function samples(
  events: readonly PopgateEvent[],
  status: Partial<Status> = {},
): Promise<ReadonlyMap<string, number>> {
  const metrics = createMetrics({ version: "1.2.3", status: async () => ({ ...goodStatus, ...status }) });
  for (const event of events) metrics.note(event);
  return samplesOf((await metrics.page()).text);
}

function samplesOf(page: string): ReadonlyMap<string, number> {
  const lines = page.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const [, name = "", value = ""] = /^(\S+?(?:\{.*\})?) (\S+)$/u.exec(line) ?? [];
      return [name, Number(value)];
    }),
  );
}

describe("events", () => {
  const cases: readonly [name: string, event: PopgateEvent, expected: Readonly<Record<string, number>>][] = [
    [
      "a poll",
      {
        kind: "poll-finished",
        account: account(),
        listed: 9,
        fetched: 3,
        octets: 4711,
        deleted: 0,
        left: 0,
        held: 0,
        ms: 5,
      },
      {
        'popgate_polls_total{account="box",result="ok"}': 1,
        'popgate_fetched_messages_total{account="box"}': 3,
        'popgate_fetched_bytes_total{account="box"}': 4711,
        'popgate_events_total{level="info"}': 1,
      },
    ],
    [
      "a failed poll",
      { kind: "poll-failed", account: account(), failure: "auth", detail: "no", retryAt: 0 },
      { 'popgate_polls_total{account="box",result="auth"}': 1, 'popgate_events_total{level="warn"}': 1 },
    ],
    [
      "a message taken in",
      { kind: "received", ...common, account: account(), uidl: "u", size: 5, source: "x" },
      { 'popgate_received_messages_total{account="box"}': 1 },
    ],
    [
      "a copy",
      { kind: "duplicate", account: account(), uidl: "u", of: id(), detail: "" },
      { 'popgate_duplicates_total{account="box"}': 1 },
    ],
    [
      "a provider that has changed",
      { kind: "profile-drift", account: account(), source: "x", detail: "" },
      { 'popgate_profile_drifts_total{account="box"}': 1 },
    ],
    [
      "a hold",
      { kind: "held", message: id(), account: undefined, recipient: undefined, reason: "loop", detail: "" },
      { 'popgate_holds_total{reason="loop"}': 1, 'popgate_holds_total{reason="refused"}': 0 },
    ],
    [
      "a submission",
      { kind: "submitted", message: id(), client: "192.0.2.1", user: "x", from: "", recipients: ["a"], size: 99 },
      { popgate_submitted_messages_total: 1, popgate_submitted_bytes_total: 99 },
    ],
    [
      "a client refused",
      { kind: "client-refused", client: "192.0.2.1", user: undefined, stage: "rcpt", reply: "550 5.7.1 no" },
      { 'popgate_client_refusals_total{stage="rcpt",class="5xx"}': 1 },
    ],
    [
      "a client locked out",
      { kind: "logins-locked", client: "192.0.2.1", failures: 5, until: 0 },
      { popgate_logins_locked_total: 1 },
    ],
    [
      "a delivery",
      { kind: "delivered", ...common, destination: exchange, reply: "250 words", code: 250, ms: 300 },
      {
        [`popgate_recipients_total{destination="${exchange}",outcome="delivered"}`]: 2,
        [`popgate_smtp_replies_total{destination="${exchange}",class="2xx"}`]: 2,
        [`popgate_delivery_duration_seconds_bucket{le="0.25",destination="${exchange}"}`]: 0,
        [`popgate_delivery_duration_seconds_bucket{le="0.5",destination="${exchange}"}`]: 1,
        [`popgate_delivery_duration_seconds_sum{destination="${exchange}"}`]: 0.3,
        [`popgate_delivery_duration_seconds_count{destination="${exchange}"}`]: 1,
      },
    ],
    [
      "a deferral",
      { kind: "deferred", ...common, destination: exchange, cause: "mail: 451 no", code: 451, nextAttemptAt: 0 },
      {
        [`popgate_recipients_total{destination="${exchange}",outcome="deferred"}`]: 2,
        [`popgate_smtp_replies_total{destination="${exchange}",class="4xx"}`]: 2,
      },
    ],
    [
      "an attempt of which nothing is known",
      {
        kind: "unconfirmed",
        ...common,
        destination: exchange,
        cause: "dot: lost (ECONNRESET)",
        nextAttemptAt: 0,
      },
      {
        [`popgate_recipients_total{destination="${exchange}",outcome="unconfirmed"}`]: 2,
        [`popgate_smtp_replies_total{destination="${exchange}",class="none"}`]: 2,
      },
    ],
    [
      "a refusal",
      { kind: "refused", ...common, destination: exchange, cause: "rcpt: 550 no", code: 550, consequence: "bounced" },
      {
        [`popgate_recipients_total{destination="${exchange}",outcome="bounced"}`]: 2,
        [`popgate_smtp_replies_total{destination="${exchange}",class="5xx"}`]: 2,
      },
    ],
    [
      "an expiry",
      { kind: "expired", message: id(), recipients: ["a", "b", "c"], cause: "" },
      { popgate_expired_recipients_total: 3 },
    ],
    ["an end", { kind: "ended", message: id(), account: undefined }, { popgate_ended_messages_total: 1 }],
    [
      "a report",
      { kind: "report-spooled", message: id(), of: id(), report: "delayed", recipients: ["a"] },
      { 'popgate_reports_total{report="delayed"}': 1, 'popgate_reports_total{report="failed"}': 0 },
    ],
    [
      "a destination down",
      { kind: "destination-down", destination: exchange, cause: "", probeAt: 0 },
      { [`popgate_destination_downs_total{destination="${exchange}"}`]: 1 },
    ],
    [
      "a relay paused",
      { kind: "relay-paused", destination: "relay x:587", trouble: "quota", sender: undefined, cause: "", until: 0 },
      { 'popgate_relay_pauses_total{destination="relay x:587",trouble="quota"}': 1 },
    ],
    [
      "a certificate",
      { kind: "certificate-loaded", file: "/etc/x.pem", subject: "x", until: 1_800_000_000_000 },
      { 'popgate_certificate_not_after_timestamp_seconds{file="/etc/x.pem"}': 1_800_000_000 },
    ],
    ["a new configuration", { kind: "reloaded", config: "x" }, { 'popgate_reloads_total{result="ok"}': 1 }],
    [
      "a bad configuration",
      { kind: "reload-refused", config: "x", errors: [] },
      { 'popgate_reloads_total{result="refused"}': 1, 'popgate_events_total{level="error"}': 1 },
    ],
    ["a damaged record", { kind: "record-set-aside", key: "x", detail: "" }, { popgate_set_aside_records_total: 1 }],
    ["an error of ours", { kind: "internal-error", where: "", detail: "" }, { popgate_internal_errors_total: 1 }],
    ["anything else", { kind: "stopping", reason: "" }, { 'popgate_events_total{level="info"}': 1 }],
  ];

  it.each(cases)("%s is counted", async (_name, event, expected) => {
    const found = await samples([event]);
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, found.get(name)]))).toEqual(expected);
    // And twice when it comes twice.
    const twice = await samples([event, event]);
    for (const [name, value] of Object.entries(expected))
      expect([name, twice.get(name)]).toEqual([name, name.includes("timestamp") ? value : value * 2]);
  });

  it.each([
    [421, "4xx"],
    [554, "5xx"],
    [undefined, "none"],
    [354, "none"],
    [0, "none"],
  ])("a deferral by %s is of the class %s", async (code, expected) => {
    const event = { kind: "deferred", ...common, destination: exchange, cause: "550", code, nextAttemptAt: 0 } as const;
    const found = await samples([event]);
    expect(found.get(`popgate_smtp_replies_total{destination="${exchange}",class="${expected}"}`)).toBe(2);
  });

  it("as delivery tells them are counted by the class of the reply", async () => {
    const outcomes: Outcome[] = [
      delivered,
      replied("deferred", 451, "4.7.1"),
      replied("refused", 550, "5.1.1"),
      {
        kind: "deferred",
        cause: { kind: "connection", phase: "rcpt", code: "ECONNRESET", message: "550 is no reply" },
      },
    ];
    const world = await makeWorld({}, (transaction) => ({
      outcomes: transaction.recipients.map((recipient, number) => ({
        recipient,
        outcome: outcomes[number] ?? delivered,
      })),
    }));
    await world.add(["a@firma.example", "b@firma.example", "c@firma.example", "d@firma.example"]);
    await world.drain();
    const found = await samples(world.events);
    for (const each of ["2xx", "4xx", "5xx", "none"])
      expect([each, found.get(`popgate_smtp_replies_total{destination="exchange",class="${each}"}`)]).toEqual([
        each,
        1,
      ]);
  });
});

describe("the status", () => {
  it("is shown as it is when asked", async () => {
    const found = await samples([]);
    const expected = {
      'popgate_build_info{version="1.2.3"}': 1,
      popgate_start_time_seconds: 1,
      'popgate_queue_messages{direction="inbound",state="queued"}': 2,
      'popgate_queue_messages{direction="inbound",state="held"}': 2,
      'popgate_queue_messages{direction="outbound",state="queued"}': 1,
      'popgate_queue_messages{direction="outbound",state="held"}': 0,
      'popgate_queue_oldest_age_seconds{direction="inbound"}': 30,
      'popgate_queue_oldest_age_seconds{direction="outbound"}': 10,
      'popgate_held_messages{reason="envelope-missing"}': 2,
      'popgate_held_messages{reason="loop"}': 0,
      popgate_spool_stored_bytes: 4711,
      'popgate_spool_state{state="ok"}': 1,
      'popgate_spool_state{state="failed"}': 0,
      popgate_spool_disk_free_bytes: 5000,
      popgate_spool_disk_size_bytes: 20_000,
      'popgate_account_failing{account="box"}': 1,
      'popgate_account_paused{account="box"}': 0,
      'popgate_account_last_success_timestamp_seconds{account="box"}': 50,
      [`popgate_destination_state{destination="${exchange}",state="down"}`]: 1,
      [`popgate_destination_state{destination="${exchange}",state="up"}`]: 0,
      [`popgate_destination_running_messages{destination="${exchange}"}`]: 1,
      popgate_listeners: 1,
      popgate_back_pressure: 0,
      'popgate_troubles{severity="error"}': 1,
      'popgate_troubles{severity="warning"}': 0,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, found.get(name)]))).toEqual(expected);
    expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(1_000_000);
    expect(found.get("process_heap_bytes")).toBeGreaterThan(1_000_000);
    expect(found.get("process_open_fds")).toBeGreaterThan(3);
    expect(found.get("process_cpu_seconds_total")).toBeGreaterThan(0);
  });

  it("shows troubles of the spool, and refused mail", async () => {
    const found = await samples([], {
      spool: { dir: "/var/spool/popgate", health: "full", detail: "no room" },
      backPressure: "full",
    });
    expect(found.get('popgate_spool_state{state="full"}')).toBe(1);
    expect(found.get('popgate_spool_state{state="ok"}')).toBe(0);
    expect(found.get("popgate_back_pressure")).toBe(1);
    expect(found.get("popgate_spool_disk_free_bytes")).toBeNaN();
  });

  it("of an age that is not known is NaN, and 0 only when nothing is queued", async () => {
    const found = await samples([], {
      queue: {
        ...goodStatus.queue,
        inbound: { queued: 5, held: 6000 },
        outbound: { queued: 0, held: 0 },
      },
    });
    expect(found.get('popgate_queue_oldest_age_seconds{direction="inbound"}')).toBeNaN();
    expect(found.get('popgate_queue_oldest_age_seconds{direction="outbound"}')).toBe(0);
  });

  it("keeps nothing of accounts and destinations that have gone", async () => {
    let status: Status = goodStatus;
    const metrics = createMetrics({ version: "1.2.3", status: async () => status });
    expect((await metrics.page()).text).toContain('popgate_account_failing{account="box"}');
    status = { ...goodStatus, accounts: [], destinations: [] };
    const { text } = await metrics.page();
    expect(text).not.toContain('account="box"');
    expect(text).not.toContain(exchange);
  });

  it("is of one moment, also for several who ask at the same time", async () => {
    let round = 0;
    const metrics = createMetrics({
      version: "1.2.3",
      status: async () => {
        round += 1;
        return { ...goodStatus, startedAt: round * 1000, accounts: round % 2 === 0 ? [] : goodStatus.accounts };
      },
    });
    const pages = await Promise.all(Array.from({ length: 6 }, async () => metrics.page()));
    for (const { text } of pages) {
      const found = samplesOf(text);
      const isEven = (found.get("popgate_start_time_seconds") ?? 0) % 2 === 0;
      expect(found.has('popgate_account_failing{account="box"}')).toBe(!isEven);
    }
    expect(round).toBe(6);
  });
});

describe("the page", () => {
  it("has every metric of the table, with its kind and help, and no other", async () => {
    const { type, text } = await createMetrics({ version: "1.2.3", status: async () => goodStatus }).page();
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    const helps = [...text.matchAll(/^# HELP (\S+) (.+)$/gmu)].map(([, name, help]) => [name, help]);
    const kinds = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gmu)].map(([, name, kind]) => [name, kind]);
    const table = Object.values(metricTable);
    expect(helps).toEqual(table.map(({ name, help }) => [name, help]));
    expect(kinds).toEqual(table.map(({ name, kind }) => [name, kind]));
  });

  it("names everything as Prometheus wants it", () => {
    for (const { name, kind, labels } of Object.values(metricTable)) {
      expect(name).toMatch(/^(?:popgate|process)_[a-z]+(?:_[a-z]+)*$/u);
      expect([name, name.endsWith("_total")]).toEqual([name, kind === "counter"]);
      expect(name).not.toMatch(/_(?:ms|milliseconds|octets|kb|mb|count|sum|bucket)(?:_|$)/u);
      for (const label of labels) expect(label).toMatch(/^[a-z]+$/u);
    }
  });

  it("knows every reason of a hold from the start", async () => {
    const found = await samples([]);
    for (const reason of Object.keys(holdWords)) {
      expect(found.get(`popgate_holds_total{reason="${reason}"}`)).toBe(0);
      expect(found.has(`popgate_held_messages{reason="${reason}"}`)).toBe(true);
    }
  });

  it("does not grow with what comes in", async () => {
    const metrics = createMetrics({ version: "1.2.3", status: async () => goodStatus });
    for (let number = 0; number < 3000; number++)
      metrics.note({ kind: "delivered", ...common, destination: `relay ${number}`, reply: "250 ok", ms: 1 });
    const found = samplesOf((await metrics.page()).text);
    const names = [...found.keys()].filter((name) => name.startsWith("popgate_recipients_total"));
    expect(names).toHaveLength(201);
    expect(found.get('popgate_recipients_total{destination="other",outcome="delivered"}')).toBe(2 * 2800);
  });

  it("cannot be broken by a name", async () => {
    const { text } = await (async () => {
      const metrics = createMetrics({ version: "1.2.3", status: async () => goodStatus });
      metrics.note({ kind: "destination-down", destination: 'a"} 1\npopgate_up 1 \\', cause: "", probeAt: 0 });
      return metrics.page();
    })();
    expect(text).toContain('popgate_destination_downs_total{destination="a\\"} 1\\npopgate_up 1 \\\\"} 1');
    expect(text).not.toMatch(/^popgate_up/mu);
  });

  it("shows no address, client or file of mail", async () => {
    const metrics = createMetrics({ version: "1.2.3", status: async () => goodStatus });
    metrics.note({ kind: "delivered", ...common, destination: exchange, reply: "250 secret words", ms: 1 });
    metrics.note({ kind: "client-refused", client: "192.0.2.77", user: "erika", stage: "auth", reply: "535 no" });
    const { text } = await metrics.page();
    for (const word of ["a@firma", "192.0.2.77", "erika", "secret"]) expect(text).not.toContain(word);
  });

  it("is served over the socket", async () => {
    const metrics = createMetrics({ version: "1.2.3", status: async () => goodStatus });
    await using admin = await openInterface({}, { metrics: async () => metrics.page() });
    const answer = await admin.get("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.text).toContain('popgate_build_info{version="1.2.3"} 1\n');
  });

  it("that cannot be made is a problem like any other", async () => {
    const metrics = createMetrics({ version: "1.2.3", status: () => Promise.reject(new Error("no status")) });
    await using admin = await openInterface({}, { metrics: async () => metrics.page() });
    expect((await admin.get("/metrics")).status).toBe(500);
    expect(admin.events.of("internal-error")).toHaveLength(1);
  });
});
