/**
 * What travels over the admin interface: one zod schema for each thing, from which the types, the checks of what comes in
 * and the OpenAPI document are made. Times are epoch milliseconds, sizes octets, ids queue ids.
 */
import { z } from "zod";
import { parseMessageId } from "../core/ids.ts";

const time = () => z.int().nonnegative().describe("Epoch milliseconds.");
const id = () => z.string().describe("Queue id.");

export const problem = z
  .strictObject({
    type: z.string().describe("`about:blank`, or what kind of problem it is."),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional().describe("What was wrong, where, and what to do."),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .describe("RFC 9457.");

/** What is wrong, and what a person can do about it. */
const trouble = z.strictObject({
  severity: z.enum(["warning", "error"]),
  about: z.string().describe("An account, a destination, the spool, the listener or a certificate."),
  detail: z.string(),
  remedy: z.string(),
  since: time().optional(),
});

const accountStatus = z.strictObject({
  name: z.string(),
  kind: z.enum(["collector", "mailbox"]),
  host: z.string(),
  enabled: z.boolean(),
  paused: z.boolean(),
  polling: z.boolean(),
  nextPollAt: time().optional(),
  lastPollAt: time().optional(),
  lastSuccessAt: time().optional(),
  last: z.string().describe("What the last poll came to, in words.").optional(),
  failing: z.boolean(),
  profile: z.string().optional(),
});

const destinationStatus = z.strictObject({
  name: z.string(),
  state: z.enum(["up", "down", "paused", "stopped"]).describe("`stopped`: by an administrator."),
  since: time().optional(),
  retryAt: time().optional(),
  cause: z.string().optional(),
  running: z.int().describe("Messages under way."),
  queued: z
    .int()
    .optional()
    .describe("Queued messages that would go there now; absent when there are too many to look."),
});

const directionCounts = z.strictObject({
  queued: z.int(),
  held: z.int(),
  oldestQueuedAt: time()
    .optional()
    .describe("When the longest queued one came in; absent too if it was not found soon."),
});

const queueCounts = z.strictObject({
  queued: z.int(),
  held: z.int(),
  octets: z.int(),
  oldestQueuedAt: time().optional(),
  inbound: directionCounts,
  outbound: directionCounts,
  heldByReason: z.record(z.string(), z.int()),
});

export const status = z.strictObject({
  version: z.string(),
  hostname: z.string(),
  startedAt: time(),
  now: time(),
  config: z.string(),
  spool: z.strictObject({
    dir: z.string(),
    health: z.enum(["ok", "full", "failed"]),
    detail: z.string().optional(),
    freeOctets: z.int().optional().describe("Of the disk, for popgate."),
    diskOctets: z.int().optional().describe("Size of the disk."),
  }),
  queue: queueCounts,
  accounts: z.array(accountStatus),
  destinations: z.array(destinationStatus),
  listeners: z.array(z.string()),
  backPressure: z.string().optional().describe("Why new mail is refused for now; absent when it is taken."),
  troubles: z.array(trouble),
});

export const health = z.strictObject({ alive: z.boolean() });

export const readiness = z.strictObject({
  ready: z.boolean(),
  spool: z.enum(["ok", "full", "failed"]),
  listeners: z.array(z.string()),
});

const recipientState = z.enum(["queued", "held", "delivered", "bounced", "expired", "dropped"]);

export const messageSummary = z.strictObject({
  id: id(),
  direction: z.enum(["inbound", "outbound"]),
  state: z.enum(["queued", "held", "ended"]).describe("`held` when anything of it is."),
  receivedAt: time(),
  size: z.int(),
  origin: z.string().describe("Account, SMTP client or `popgate`."),
  reversePath: z.string().describe("Empty for the null reverse path."),
  recipients: z.array(z.strictObject({ address: z.string(), state: recipientState })),
  from: z.string(),
  subject: z.string(),
  messageId: z.string(),
  reason: z.string().optional().describe("Of the hold."),
  nextAttemptAt: time().optional(),
});

const recipientDetail = z.strictObject({
  address: z.string(),
  state: recipientState,
  attempts: z.int(),
  nextAttemptAt: time().optional(),
  at: time().optional().describe("When it ended or was held."),
  detail: z.string().describe("The server's words, or the reason."),
  unconfirmed: z.int().describe("Attempts of which it is not known whether the server took the message."),
});

const attempt = z.strictObject({
  at: time(),
  destination: z.string(),
  recipients: z.array(z.string()),
  text: z.string(),
});

/** One step of the way a message went, for the command line and the page alike. */
const step = z.strictObject({
  kind: z.enum(["received", "field", "ignored", "mapped", "removed", "recipient", "hold", "attempt", "reply", "note"]),
  text: z.string(),
  at: time().optional(),
  good: z.boolean().optional().describe("False for what went wrong, true for what ended well."),
});

export const messageDetail = messageSummary.extend({
  digest: z.string(),
  hold: z
    .strictObject({ reason: z.string(), detail: z.string(), meaning: z.string(), remedy: z.string(), since: time() })
    .optional(),
  details: z.array(recipientDetail),
  attempts: z.array(attempt),
  headers: z.string().describe("The header block as text; absent octets are shown as U+FFFD. Empty when it has ended."),
  removed: z.array(z.string()).describe("Fields that are left out of what is delivered."),
  endedAt: time().optional(),
});

export const explanation = z.strictObject({
  message: messageSummary,
  steps: z.array(step),
  summary: z.string().describe("In one sentence: where it is, or what became of it, and why."),
});

export const messageFilter = z.strictObject({
  state: z.enum(["queued", "held"]).optional(),
  direction: z.enum(["inbound", "outbound"]).optional(),
  account: z.string().optional(),
  recipient: z.string().optional().describe("Part of an address, case does not matter."),
  sender: z.string().optional().describe("Part of the reverse path or From."),
  subject: z.string().optional().describe("Part of the subject."),
  reason: z.string().optional().describe("Of the hold."),
  olderThanMs: z.coerce.number().int().nonnegative().optional(),
  youngerThanMs: z.coerce.number().int().nonnegative().optional(),
  after: z
    .string()
    .refine((text) => parseMessageId(text) !== undefined, "is not a cursor")
    .optional()
    .describe("Cursor: the `next` of the page before."),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export const messagePage = z.strictObject({
  messages: z.array(messageSummary),
  next: z.string().optional().describe("Cursor of the next page, which may be empty; absent at the end."),
});

const whom = z.array(z.string().min(3)).min(1).optional().describe("Only these recipients; all of them without it.");

/** What a person does to messages. */
export const action = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("retry"), recipients: whom }),
  z.strictObject({ action: z.literal("hold"), recipients: whom, detail: z.string().max(500).optional() }),
  z.strictObject({ action: z.literal("release"), to: whom }),
  z.strictObject({ action: z.literal("redirect"), recipients: whom, to: z.string().min(3) }),
  z.strictObject({ action: z.literal("drop"), recipients: whom }),
  z.strictObject({ action: z.literal("bounce"), recipients: whom }),
]);

export const bulkAction = z.strictObject({
  ids: z.array(z.string()).min(1).max(1000),
  act: action,
});

export const actionResult = z.strictObject({
  id: id(),
  kind: z.enum(["done", "unchanged", "not-found", "refused"]),
  detail: z.string(),
  message: messageSummary.optional(),
});

export const resolveRequest = z.strictObject({
  ids: z.array(z.string()).optional(),
  dryRun: z.boolean().default(false),
});

export const resolution = z.strictObject({
  id: id(),
  kind: z.enum(["released", "duplicate", "held", "skipped"]),
  recipients: z.array(z.string()).optional(),
  detail: z.string(),
});

export const pollResult = z.strictObject({
  account: z.string(),
  kind: z.enum(["done", "failed", "delayed", "not-polled"]),
  detail: z.string(),
});

/** What the doctor has found; see `popgate doctor`. */
export const finding = z.strictObject({
  id: z.string().describe("Which kind of finding it is; it stays when the words change. docs/doctor.md lists them."),
  severity: z.enum(["error", "warning", "info", "ok"]),
  about: z.string().describe("`account NAME`, `exchange`, `relay NAME`, `listener`, `host` or `configuration`."),
  what: z.string(),
  remedy: z.string().optional().describe("What to do, where there is anything to do."),
  lines: z.array(z.string()).optional().describe("Lines of the configuration, or commands, to be copied."),
});

const count = () => z.int().nonnegative();

/** One hour in numbers. */
const hourCounts = z.strictObject({
  at: time().describe("Begin of the hour."),
  received: count().describe("Messages fetched from providers."),
  submitted: count().describe("Messages taken from Exchange."),
  octets: count().describe("Size of both together."),
  handedOver: z.record(z.string(), count()).describe("Messages that a destination has taken, by its name."),
  deferred: count().describe("Attempts that are to be made again."),
  refused: count().describe("Attempts that were refused for good."),
  held: count().describe("Messages and recipients that were put on hold."),
  polls: count().describe("Polls that ended well."),
  failedPolls: count(),
  mostQueued: count().optional().describe("The longest the queue was found to be; absent: not looked at."),
  oldestMs: count().optional().describe("The greatest age of a queued message that was found; absent: not looked at."),
});

export const statistics = z.strictObject({
  now: time(),
  since: time().describe("When counting began: the start of the program."),
  hours: z.array(hourCounts).describe("The last 48 hours, oldest first, this one included; none is left out."),
});

/** What every message has come to; see `popgate audit`. */
export const audit = z.strictObject({
  messages: count().describe("Taken, as far as the history reaches back: the open and the ended ones."),
  open: count(),
  ended: count(),
  ways: z.array(
    z.strictObject({
      direction: z.enum(["inbound", "outbound"]),
      origin: z.string().describe("Account, `listener`, or popgate itself."),
      messages: count(),
      open: count(),
      ended: count(),
    }),
  ),
  recipients: z
    .strictObject({
      queued: count(),
      held: count(),
      delivered: count(),
      bounced: count(),
      expired: count(),
      dropped: count(),
    })
    .describe("Recipients of all messages: each is in one state."),
  undecided: count().describe("Messages held as a whole, whose recipients are not established."),
  failures: z
    .strictObject({ reported: count(), owed: count(), unwished: count() })
    .describe("Bounced and expired recipients: the sender was told, is to be told, or is not to be told."),
  reports: count().describe("Reports to senders that were made, of delay and success too."),
  droppedBy: z.record(z.string(), count()).describe("Dropped recipients by who dropped them."),
  forgotten: count().describe("Taken from a provider so long ago that the history has forgotten them."),
  steady: z.boolean().describe("False: mail came in all the while, and the sums were not compared with the tables."),
  wrong: count().describe("How many inconsistencies there are."),
  inconsistencies: z
    .array(z.strictObject({ id: z.string().describe("Queue id; empty: the spool as a whole."), detail: z.string() }))
    .describe("The first 1,000 of them."),
});

export const eventMessage = z.strictObject({
  at: time(),
  kind: z.string(),
  level: z.enum(["debug", "info", "warn", "error"]),
  text: z.string(),
  message: z.string().optional(),
  account: z.string().optional(),
});

export type Problem = z.output<typeof problem>;
export type Trouble = z.output<typeof trouble>;
export type AccountStatus = z.output<typeof accountStatus>;
export type DestinationStatus = z.output<typeof destinationStatus>;
export type Status = z.output<typeof status>;
export type MessageSummary = z.output<typeof messageSummary>;
export type MessageDetail = z.output<typeof messageDetail>;
export type RecipientDetail = z.output<typeof recipientDetail>;
export type Step = z.output<typeof step>;
export type Explanation = z.output<typeof explanation>;
export type MessageFilter = z.output<typeof messageFilter>;
export type MessagePage = z.output<typeof messagePage>;
export type Action = z.output<typeof action>;
export type ActionResult = z.output<typeof actionResult>;
export type ResolveRequest = z.output<typeof resolveRequest>;
export type ResolutionResult = z.output<typeof resolution>;
export type PollResult = z.output<typeof pollResult>;
export type Finding = z.output<typeof finding>;
export type HourCounts = z.output<typeof hourCounts>;
export type Statistics = z.output<typeof statistics>;
export type Audit = z.output<typeof audit>;
export type EventMessage = z.output<typeof eventMessage>;
