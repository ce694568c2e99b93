/** `popgate queue`: what waits in the spool, queued or held, page by page in the order of arrival. */
import * as schema from "../admin/schemas.ts";
import type { MessageSummary } from "../admin/schemas.ts";
import type { Query } from "./admin-client.ts";
import type { Asking } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import type { FilterOptions } from "./message-filter.ts";
import { filterQuery } from "./message-query.ts";
import { printableJson } from "./printable.ts";
import { styled, type Column, type Piece } from "./screen.ts";
import { octetsText, relativeText, spanText } from "./time-words.ts";

export interface QueueOptions extends FilterOptions {
  readonly recipient?: string;
  readonly limit: number;
  readonly all?: true;
}

const pageOfAll = 500;

const columns: readonly Column[] = [
  { title: "ID" },
  { title: "AGE", align: "right" },
  { title: "SIZE", align: "right" },
  { title: "STATE", least: 6 },
  { title: "FROM", least: 12 },
  { title: "TO", least: 14 },
  { title: "SUBJECT", least: 10 },
];

/** Resolves with the exit status. */
export async function runQueue(options: QueueOptions, asking: Asking): Promise<number> {
  const query: Query = { ...filterQuery(options), recipient: options.recipient };
  return options.all === true ? showAll(query, asking) : showPage({ ...query, limit: options.limit }, asking);
}

async function showPage(query: Query, { client, screen, json }: Asking): Promise<number> {
  const page = await client.get(schema.messagePage, "/v1/messages", query);
  if (json) {
    screen.json(page);
    return exitStatus.ok;
  }
  const { messages, next } = page;
  const now = Date.now();
  if (messages.length > 0)
    screen.table(
      columns,
      messages.map((message) => rowOf(message, now)),
    );
  screen.print(styled("dim", countWords(messages.length, next !== undefined)));
  return exitStatus.ok;
}

/** Page after page, each written before the next is asked for: a long queue needs no more memory than a short one. */
async function showAll(query: Query, asking: Asking): Promise<number> {
  const { client, screen, json, around } = asking;
  const now = Date.now();
  let count = 0;
  let after: string | undefined;
  if (json) around.stdout.write('{"messages":[');
  do {
    const page = await client.get(schema.messagePage, "/v1/messages", { ...query, limit: pageOfAll, after });
    const { messages } = page;
    if (json)
      for (const [index, message] of messages.entries())
        around.stdout.write(`${count + index === 0 ? "" : ","}\n${printableJson(message)}`);
    else if (messages.length > 0)
      screen.table(
        columns,
        messages.map((message) => rowOf(message, now)),
      );
    await screen.caughtUp();
    count += messages.length;
    after = page.next;
  } while (after !== undefined);
  if (json) around.stdout.write("\n]}\n");
  else screen.print(styled("dim", countWords(count, false)));
  return exitStatus.ok;
}

function countWords(count: number, isMore: boolean): string {
  if (isMore) return `the first ${count}; more with --all or a larger --limit`;
  return count === 0 ? "no message waits" : `${count} message${count === 1 ? "" : "s"}`;
}

function rowOf(message: MessageSummary, now: number): Piece[] {
  const { id, receivedAt, size, from, reversePath, subject } = message;
  return [
    id,
    spanText(now - receivedAt),
    octetsText(size),
    stateSpan(message, now),
    from === "" ? `<${reversePath}>` : from,
    recipientsText(message),
    subject,
  ];
}

function stateSpan({ state, reason = "", nextAttemptAt }: MessageSummary, now: number): Piece {
  if (state === "held") return styled("warning", `held ${reason}`.trim());
  return nextAttemptAt === undefined || nextAttemptAt <= now ? state : `${state}, ${relativeText(nextAttemptAt, now)}`;
}

/** Those who wait for it; who has had it already is of no interest here. */
function recipientsText({ recipients }: MessageSummary): string {
  const waiting = recipients.filter(({ state }) => state === "queued" || state === "held");
  const [first] = waiting;
  if (first === undefined) return "-";
  return waiting.length === 1 ? first.address : `${first.address} +${waiting.length - 1}`;
}
