/**
 * The metrics that popgate shows to Prometheus, each written down once; `docs/metrics.md` lists them. Names and units
 * after Prometheus' conventions (prometheus.io/docs/practices/naming): base units, `_total` for what only grows.
 *
 * The values of labels are bounded: names from the configuration, or words of the program. No address, subject or client
 * ever is one.
 */

interface Definition {
  readonly kind: "gauge" | "counter" | "histogram";
  readonly name: string;
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

export const metricTable = {
  // As the status is when they are asked for
  build: gauge("popgate_build_info", ["version"], "Always 1; the version that runs."),
  started: gauge("popgate_start_time_seconds", [], "When the program was started, as Unix time."),
  memory: gauge("process_resident_memory_bytes", [], "Memory of the process that is in RAM."),
  heap: gauge("process_heap_bytes", [], "Memory in use by the program's objects."),
  files: gauge("process_open_fds", [], "Open files, sockets and pipes, where the system tells (Linux)."),
  cpu: counter("process_cpu_seconds_total", [], "CPU time used by the process."),
  queue: gauge(
    "popgate_queue_messages",
    ["direction", "state"],
    "Messages in the spool: queued, or held for a person (whole or in part; counted up to 20,000).",
  ),
  oldest: gauge(
    "popgate_queue_oldest_age_seconds",
    ["direction"],
    "How long ago the longest queued message came in; 0 when none is queued.",
  ),
  held: gauge("popgate_held_messages", ["reason"], "Messages that wait for a person, by reason."),
  stored: gauge("popgate_spool_stored_bytes", [], "Octets of the messages in the spool."),
  spool: gauge("popgate_spool_state", ["state"], "1 for the state of the spool: ok, full or failed."),
  diskFree: gauge("popgate_spool_disk_free_bytes", [], "Free space on the spool's disk."),
  diskSize: gauge("popgate_spool_disk_size_bytes", [], "Size of the spool's disk."),
  accountFailing: gauge("popgate_account_failing", ["account"], "1 when the last poll of the account has failed."),
  accountPaused: gauge("popgate_account_paused", ["account"], "1 when an administrator has paused the account."),
  lastSuccess: gauge(
    "popgate_account_last_success_timestamp_seconds",
    ["account"],
    "When a poll of the account last succeeded, as Unix time; absent until then.",
  ),
  destination: gauge(
    "popgate_destination_state",
    ["destination", "state"],
    "1 for the state of a destination: up, down, paused, or stopped by an administrator.",
  ),
  running: gauge("popgate_destination_running_messages", ["destination"], "Messages on their way to a destination."),
  listeners: gauge("popgate_listeners", [], "Addresses that popgate listens on for mail."),
  backPressure: gauge("popgate_back_pressure", [], "1 when new mail is refused for now."),
  troubles: gauge("popgate_troubles", ["severity"], "What `popgate status` finds wrong."),
  certificate: gauge(
    "popgate_certificate_not_after_timestamp_seconds",
    ["file"],
    "Until when a certificate in use is good, as Unix time.",
  ),
  // Counted from events since the start
  events: counter("popgate_events_total", ["level"], "Events in the log."),
  polls: counter("popgate_polls_total", ["account", "result"], "Polls that ended: ok, or what they failed of."),
  fetched: counter(
    "popgate_fetched_messages_total",
    ["account"],
    "Messages fetched from a box, by polls that came to their end.",
  ),
  fetchedBytes: counter(
    "popgate_fetched_bytes_total",
    ["account"],
    "Octets fetched from a box, by polls that came to their end.",
  ),
  received: counter(
    "popgate_received_messages_total",
    ["account"],
    "Messages taken in from a box whose recipients were found; others are held or duplicates.",
  ),
  duplicates: counter("popgate_duplicates_total", ["account"], "Copies recognised and not taken in again."),
  drifts: counter("popgate_profile_drifts_total", ["account"], "Times the envelope field of an account went missing."),
  submitted: counter("popgate_submitted_messages_total", [], "Messages taken in by the listener."),
  submittedBytes: counter("popgate_submitted_bytes_total", [], "Octets taken in by the listener."),
  clientRefusals: counter(
    "popgate_client_refusals_total",
    ["stage", "class"],
    "What the listener refused: where in the session, and whether for now (4xx) or for good (5xx).",
  ),
  lockedLogins: counter("popgate_logins_locked_total", [], "Clients locked out after failed logins."),
  recipients: counter(
    "popgate_recipients_total",
    ["destination", "outcome"],
    "Recipients tried at a destination, by outcome: delivered, deferred, unconfirmed, or refused and held, redirected, bounced.",
  ),
  replies: counter(
    "popgate_smtp_replies_total",
    ["destination", "class"],
    "Replies that settled recipients: 2xx, 4xx, 5xx, or none (connection, TLS, our own limits).",
  ),
  delivery: {
    ...histogram("popgate_delivery_duration_seconds", ["destination"], "Time one handing over took that delivered."),
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  expired: counter("popgate_expired_recipients_total", [], "Recipients given up because it took too long."),
  holds: counter("popgate_holds_total", ["reason"], "Times a message or recipient was held."),
  ended: counter("popgate_ended_messages_total", [], "Messages with nothing left to be done."),
  reports: counter("popgate_reports_total", ["report"], "Reports to senders: failed, delayed or relayed."),
  downs: counter("popgate_destination_downs_total", ["destination"], "Times a destination was found to be down."),
  pauses: counter(
    "popgate_relay_pauses_total",
    ["destination", "trouble"],
    "Times a relay was paused for trouble with the account: auth, sender or quota.",
  ),
  reloads: counter("popgate_reloads_total", ["result"], "Configurations loaded again: ok or refused."),
  setAside: counter("popgate_set_aside_records_total", [], "Spool entries that could not be read and were set aside."),
  internalErrors: counter("popgate_internal_errors_total", [], "Errors that should not happen."),
} as const satisfies Readonly<Record<string, Definition>>;

export type MetricTable = typeof metricTable;

function gauge<const Labels extends readonly string[]>(name: string, labels: Labels, help: string) {
  return { kind: "gauge", name, labels, help } as const;
}

function counter<const Labels extends readonly string[]>(name: string, labels: Labels, help: string) {
  return { kind: "counter", name, labels, help } as const;
}

function histogram<const Labels extends readonly string[]>(name: string, labels: Labels, help: string) {
  return { kind: "histogram", name, labels, help } as const;
}
