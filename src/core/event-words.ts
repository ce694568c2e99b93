/** Level and words of each event: the one place where they are written down. */
import type { EventKind, EventOf, PopgateEvent } from "./events.ts";

export type EventLevel = "debug" | "info" | "warn" | "error";

type Words = {
  readonly [K in EventKind]: { readonly level: EventLevel; readonly text: (event: EventOf<K>) => string };
};

const time = (ms: number): string => new Date(ms).toISOString();
const list = (items: readonly string[]): string => items.join(", ");

const words: Words = {
  started: { level: "info", text: (e) => `popgate ${e.version} started with ${e.config}, ${e.accounts} account(s)` },
  stopping: { level: "info", text: (e) => `stopping: ${e.reason}` },
  stopped: { level: "info", text: () => "stopped" },
  reloaded: { level: "info", text: (e) => `configuration ${e.config} loaded again` },
  "reload-refused": {
    level: "error",
    text: (e) => `${e.config} has errors, the old configuration stays: ${e.errors.join("; ")}`,
  },
  "service-notify-failed": { level: "warn", text: (e) => `the service manager cannot be told: ${e.detail}` },
  "spool-opened": {
    level: "info",
    text: (e) => `spool ${e.dir} open: ${e.queued} queued, ${e.held} held, ${e.swept} unfinished removed`,
  },
  "spool-change-started": {
    level: "warn",
    text: (e) =>
      `spool ${e.dir}: ${e.again ? "goes on being changed" : "is being changed"} from schema version ${e.from} to ${e.to}, ` +
      (e.copy === undefined ? "without a copy of the state before" : `with a copy of the state before in ${e.copy}`),
  },
  "spool-change-copied": { level: "info", text: (e) => `${e.octets} octets copied to ${e.copy}` },
  "spool-change-progress": {
    level: "info",
    text: (e) => `spool ${e.dir}: ${e.entries} entries changed to schema version ${e.to}`,
  },
  "spool-changed": {
    level: "warn",
    text: (e) =>
      `spool ${e.dir}: now has schema version ${e.to}, ${e.entries} entries changed` +
      (e.copy === undefined
        ? ""
        : `; the state before (version ${e.from}) is in ${e.copy}: remove it when all is well`),
  },
  "spool-full": { level: "error", text: (e) => `spool full, nothing new is taken in: ${e.detail}` },
  "spool-failed": { level: "error", text: (e) => `spool cannot be written: ${e.detail}` },
  "spool-recovered": { level: "info", text: () => "spool can be written again" },
  "record-set-aside": { level: "error", text: (e) => `unreadable spool entry ${e.key} set aside: ${e.detail}` },
  "poll-started": { level: "debug", text: (e) => `${e.account}: poll begins` },
  "poll-finished": {
    level: "info",
    text: (e) =>
      `${e.account}: ${e.listed} in the box, ${e.fetched} fetched (${e.octets} octets), ${e.deleted} deleted, ${e.left} left, ${e.held} held, ${e.ms} ms`,
  },
  "poll-failed": {
    level: "warn",
    text: (e) => `${e.account}: poll failed (${e.failure}): ${e.detail}; next try ${time(e.retryAt)}`,
  },
  "box-notice": { level: "warn", text: (e) => `${e.account}: message ${e.uidl}: ${e.detail}` },
  "account-notice": { level: "warn", text: (e) => `${e.account}: ${e.detail}` },
  "box-rebuilt": {
    level: "warn",
    text: (e) =>
      `${e.account}: every unique id in the box has changed; ${e.recognised} of ${e.listed} messages recognised by content, not fetched into the spool again`,
  },
  "profile-learnt": {
    level: "info",
    text: (e) => `${e.account}: profile ${e.profile} taken, ${e.share} of ${e.of} messages agree`,
  },
  "profile-undecided": { level: "warn", text: (e) => `${e.account}: no profile yet, mail is held: ${e.detail}` },
  "profile-drift": { level: "error", text: (e) => `${e.account}: ${e.source} is missing, mail is held: ${e.detail}` },
  received: {
    level: "info",
    text: (e) => `${e.message} received from ${e.account}, ${e.size} octets, for ${list(e.recipients)} by ${e.source}`,
  },
  duplicate: { level: "info", text: (e) => `${e.account}: message ${e.uidl} is a copy of ${e.of}: ${e.detail}` },
  held: {
    level: "warn",
    text: (e) => `${e.message} held${e.recipient === undefined ? "" : ` for ${e.recipient}`}: ${e.reason}: ${e.detail}`,
  },
  delivered: {
    level: "info",
    text: (e) => `${e.message} delivered to ${list(e.recipients)} at ${e.destination}: ${e.reply}`,
  },
  deferred: {
    level: "warn",
    text: (e) =>
      `${e.message} deferred for ${list(e.recipients)} at ${e.destination}: ${e.cause}; next try ${time(e.nextAttemptAt)}`,
  },
  refused: {
    level: "warn",
    text: (e) => `${e.message} refused for ${list(e.recipients)} at ${e.destination}, ${e.consequence}: ${e.cause}`,
  },
  unconfirmed: {
    level: "warn",
    text: (e) =>
      `${e.message} possibly delivered to ${list(e.recipients)} at ${e.destination}: ${e.cause}; next try ${time(e.nextAttemptAt)}`,
  },
  released: { level: "info", text: (e) => `${e.message} released to ${list(e.recipients)} by ${e.by}` },
  returned: {
    level: "warn",
    text: (e) => `${e.message} returned to its sender for ${list(e.recipients)} by ${e.by}`,
  },
  dropped: { level: "warn", text: (e) => `${e.message} dropped for ${list(e.recipients)} by ${e.by}` },
  ended: { level: "info", text: (e) => `${e.message} is done` },
  "notice-spooled": {
    level: "info",
    text: (e) => `${e.message} tells the postmaster of ${e.about} held message(s) and ${e.troubles} trouble(s)`,
  },
  listening: { level: "info", text: (e) => `listening on ${e.address}, TLS ${e.tls}` },
  "listener-failed": { level: "error", text: (e) => `cannot listen on ${e.address}: ${e.detail}` },
  "certificate-loaded": {
    level: "info",
    text: (e) => `certificate ${e.file} (${e.subject}) in use, good until ${time(e.until)}`,
  },
  "certificate-refused": {
    level: "error",
    text: (e) => `certificate ${e.file} not taken, the old one stays: ${e.detail}`,
  },
  "certificate-expiring": {
    level: "warn",
    text: (e) => `certificate ${e.file} is good from ${time(e.from)} until ${time(e.until)} only: renew it`,
  },
  submitted: {
    level: "info",
    text: (e) =>
      `${e.message} taken from ${e.client}${e.user === undefined ? "" : ` (${e.user})`}, ${e.size} octets, from ${e.from} for ${list(e.recipients)}`,
  },
  "client-refused": { level: "warn", text: (e) => `${e.client} refused at ${e.stage}: ${e.reply}` },
  "logins-locked": {
    level: "warn",
    text: (e) => `${e.client} has failed to log in ${e.failures} times and may not try again until ${time(e.until)}`,
  },
  "password-unreadable": {
    level: "error",
    text: (e) => `nobody can log in as ${e.user}: ${e.detail}`,
  },
  "back-pressure": {
    level: "warn",
    text: (e) => (e.detail === "" ? "new mail is taken again" : `no new mail is taken: ${e.detail}`),
  },
  expired: { level: "warn", text: (e) => `${e.message} given up for ${list(e.recipients)}: ${e.cause}` },
  "report-spooled": {
    level: "info",
    text: (e) => `${e.message} reports to the sender of ${e.of}: ${e.report} for ${list(e.recipients)}`,
  },
  unroutable: { level: "error", text: (e) => `${e.message} from ${e.sender} waits: ${e.detail}` },
  "dkim-failed": {
    level: "error",
    text: (e) => `the DKIM key ${e.selector} of ${e.domain} cannot be used: ${e.detail}`,
  },
  "relay-paused": {
    level: "error",
    text: (e) =>
      `${e.destination} paused${e.sender === undefined ? "" : ` for ${e.sender}`} (${e.trouble}) until ${time(e.until)}: ${e.cause}`,
  },
  "relay-resumed": {
    level: "info",
    text: (e) => `${e.destination} in use again${e.sender === undefined ? "" : ` for ${e.sender}`}`,
  },
  "destination-down": {
    level: "warn",
    text: (e) => `${e.destination} is down: ${e.cause}; next probe ${time(e.probeAt)}`,
  },
  "destination-up": {
    level: "info",
    text: (e) => `${e.destination} is up again after ${Math.round(e.afterMs / 1000)} s`,
  },
  "admin-listening": { level: "debug", text: (e) => `admin interface on ${e.socket}` },
  "admin-failed": { level: "error", text: (e) => `no admin interface: ${e.detail}` },
  "web-listening": { level: "info", text: (e) => `web page on ${e.url}` },
  "web-failed": { level: "error", text: (e) => `no web page on ${e.address}: ${e.detail}` },
  "web-login": { level: "info", text: (e) => `${e.user} has logged in to the web page from ${e.client}` },
  "web-login-failed": {
    level: "warn",
    text: (e) => `failed login to the web page from ${e.client}${e.user === undefined ? "" : ` as ${e.user}`}`,
  },
  "web-user-guarded": {
    level: "warn",
    text: (e) =>
      `${e.failures} logins to the web page as ${e.user} have failed: until ${time(e.until)} only from addresses that ${e.user} has logged in from before`,
  },
  admin: { level: "info", text: (e) => `${e.by}: ${e.request} ${e.detail}` },
  "internal-error": { level: "error", text: (e) => `internal error in ${e.where}: ${e.detail}` },
};

export function eventLevel(event: PopgateEvent): EventLevel {
  return words[event.kind].level;
}

/** One line in words, without control characters. */
export function eventText(event: PopgateEvent): string {
  const entry = words[event.kind] as { text: (event: PopgateEvent) => string };
  // Servers' words may hold anything: C0 and C1 controls would let them forge log lines or steer a terminal.
  return entry.text(event).replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
