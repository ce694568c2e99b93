/** What an administrator does to messages: from the admin interface's words to the spool's transitions. */
import { parseAddress, type Address } from "../core/address.ts";
import type { EventSink } from "../core/events.ts";
import { parseMessageId, type MessageId } from "../core/ids.ts";
import type { Clock } from "../core/ports.ts";
import type { Action, ActionResult } from "../admin/schemas.ts";
import { summaryOf } from "../admin/view.ts";
import { returnToSender, whyNotReturned } from "../delivery/return-to-sender.ts";
import { SpoolError, type Inspection, type Queue } from "../spool/port.ts";
import { isEnded, type MessageRecord } from "../spool/record.ts";
import { drop, holdRecipients, redirect, release, retryNow, type Whom } from "../spool/transitions.ts";

export interface ActionPorts {
  readonly spool: Queue & Inspection;
  readonly clock: Clock;
  readonly events: EventSink;
}

/** Messages changed at the same time: they share flushes. */
const inFlight = 50;

/** One result for each id, in their order. Rejects when the spool cannot be written. */
export async function actOn(
  ids: readonly string[],
  action: Action,
  by: string,
  ports: ActionPorts,
): Promise<ActionResult[]> {
  const prepared = prepare(action);
  if (typeof prepared === "string") return ids.map((id) => ({ id, kind: "refused", detail: prepared }));
  const results: ActionResult[] = [];
  for (let begin = 0; begin < ids.length; begin += inFlight) {
    const group = ids.slice(begin, begin + inFlight);
    results.push(...(await Promise.all(group.map(async (id) => actOnOne(id, action, prepared, by, ports)))));
  }
  return results;
}

interface Prepared {
  readonly whom: Whom;
  readonly to: Address | undefined;
}

/** Reads the addresses; says what is wrong with them. */
function prepare(action: Action): Prepared | string {
  const named = action.action === "release" ? action.to : action.recipients;
  const whom = named === undefined ? undefined : addresses(named);
  if (typeof whom === "string") return whom;
  const to = action.action === "redirect" ? addresses([action.to]) : undefined;
  if (typeof to === "string") return to;
  return { whom: whom ?? "all", to: to?.[0] };
}

function addresses(texts: readonly string[]): Address[] | string {
  const found: Address[] = [];
  for (const text of texts) {
    const result = parseAddress(text);
    if (result.kind === "bad") return `${JSON.stringify(text)} is not a mail address: ${result.why}`;
    found.push(result.address);
  }
  return found;
}

async function actOnOne(
  text: string,
  action: Action,
  prepared: Prepared,
  by: string,
  ports: ActionPorts,
): Promise<ActionResult> {
  const id = parseMessageId(text);
  if (id === undefined) return { id: text, kind: "not-found", detail: "it is not a queue id" };
  const seen: { before?: MessageRecord } = {};
  try {
    const after = await ports.spool.update(id, (record) => {
      seen.before = record;
      return changed(record, action, prepared, by, ports.clock.now());
    });
    if (after === seen.before) return { id, ...whyNot(after, action), message: summaryOf(after) };
    tell(after, action, by, ports);
    return { id, kind: "done", detail: words[action.action], message: summaryOf(after) };
  } catch (error) {
    if (!(error instanceof SpoolError) || error.code !== "SPOOL_NO_MESSAGE") throw error;
    return gone(id, ports);
  }
}

function changed(record: MessageRecord, action: Action, { whom, to }: Prepared, by: string, at: number): MessageRecord {
  const act = { by, at };
  switch (action.action) {
    case "retry":
      return retryNow(release(record, whom, act), whom, act);
    case "hold":
      return holdRecipients(
        record,
        whom,
        { reason: "by-administrator", detail: action.detail ?? `held by ${by}`, since: at },
        by,
      );
    case "release":
      return release(record, whom, act);
    case "redirect":
      return to === undefined ? record : redirect(record, whom, to, act);
    case "drop":
      return drop(record, whom, act);
    case "bounce":
      return returnToSender(record, whom, act);
  }
}

/** Nothing was changed: because it cannot be, or because it is so already. */
function whyNot(record: MessageRecord, { action }: Action): Pick<ActionResult, "kind" | "detail"> {
  if (action === "release" && record.hold !== undefined)
    return { kind: "refused", detail: "its recipients are not known: name those it is to go to" };
  const whyNot = action === "bounce" ? whyNotReturned(record) : undefined;
  if (whyNot !== undefined) return { kind: "refused", detail: whyNot };
  return { kind: "unchanged", detail: "nothing of it is in a state to which this could be done" };
}

async function gone(id: MessageId, { spool }: ActionPorts): Promise<ActionResult> {
  const past = await spool.history(id);
  return past === undefined
    ? { id, kind: "not-found", detail: "there is no such message" }
    : { id, kind: "refused", detail: "it has ended already", message: summaryOf(past) };
}

const words: Readonly<Record<Action["action"], string>> = {
  retry: "due at once",
  hold: "held",
  release: "released",
  redirect: "redirected",
  drop: "dropped",
  bounce: "returned to its sender",
};

function tell(record: MessageRecord, { action }: Action, by: string, { events }: ActionPorts): void {
  const account = record.origin.kind === "pop3" ? record.origin.account : undefined;
  const about = (kind: MessageRecord["recipients"][number]["state"]["kind"]) =>
    record.recipients.filter(({ state }) => state.kind === kind).map(({ address }) => address);
  const common = { message: record.id, account, by };
  if (action === "drop") events.emit({ kind: "dropped", ...common, recipients: about("dropped") });
  else if (action === "bounce") events.emit({ kind: "returned", ...common, recipients: about("bounced") });
  else if (action === "hold")
    events.emit({
      kind: "held",
      message: record.id,
      account,
      recipient: undefined,
      reason: "by-administrator",
      detail: `by ${by}`,
    });
  else events.emit({ kind: "released", ...common, recipients: about("queued") });
  if (isEnded(record)) events.emit({ kind: "ended", message: record.id, account });
}
