/**
 * What a person does to messages: `retry`, `hold`, `release`, `redirect`, `drop`, `bounce`. To those whose ids are given, or to all
 * that a filter chooses; exactly those that were counted when the person was asked.
 */
import * as schema from "../admin/schemas.ts";
import type { Action, ActionResult } from "../admin/schemas.ts";
import type { Query } from "./admin-client.ts";
import { confirmed, type Asking } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import type { FilterOptions } from "./message-filter.ts";
import { filterQuery, isFiltered } from "./message-query.ts";
import { styled, type Screen, type Style } from "./screen.ts";

export interface SteerOptions extends FilterOptions {
  readonly recipient?: readonly string[];
  readonly to?: readonly string[];
  readonly detail?: string;
  readonly allQueued?: true;
  readonly yes?: true;
}

type Verb = Action["action"];

/** In one request. */
const together = 200;
const pageOfIds = 1000;

/** What cannot be taken back is asked for, and so is what is done to many at once; a retry harms nobody. */
const isAsked: Readonly<Record<Verb, "always" | "many" | "never">> = {
  retry: "never",
  hold: "many",
  release: "many",
  redirect: "many",
  drop: "always",
  bounce: "always",
};

/** Resolves with the exit status: the highest of 4, 3 and 0 that applies to one of the messages. */
export async function runSteer(
  verb: Verb,
  ids: readonly string[],
  options: SteerOptions,
  asking: Asking,
): Promise<number> {
  const act = actionOf(verb, options);
  const isMany = ids.length === 0;
  const filter = chosenBy(options);
  if (!isMany && isFiltered(filter)) throw usage(`give ${verb} either ids or a filter`);
  if (isMany && !isFiltered(filter) && options.recipient === undefined)
    throw usage(`which messages? popgate ${verb} takes ids, before its options, or a filter; popgate queue shows them`);
  const chosen = isMany ? await matching(filter, options.recipient, asking) : [...new Set(ids)];
  if (chosen.length === 0) {
    if (asking.json) asking.screen.json([]);
    else asking.screen.print("no message matches");
    return exitStatus.ok;
  }
  const asked = isAsked[verb];
  if (options.yes !== true && (asked === "always" || (asked === "many" && isMany))) {
    const question = `${questionVerb[verb]} ${chosen.length} message${chosen.length === 1 ? "" : "s"}${toWords(act)}?`;
    if (!(await confirmed(question, asking))) {
      asking.aside.print("nothing was done");
      return exitStatus.refused;
    }
  }
  const results = await actOn(chosen, act, asking);
  if (asking.json) asking.screen.json(results);
  return statusOf(results);
}

const questionVerb: Readonly<Record<Verb, string>> = {
  retry: "Retry",
  hold: "Hold",
  release: "Release",
  redirect: "Redirect",
  drop: "Drop",
  bounce: "Return to sender:",
};

function toWords(act: Action): string {
  const whom = "recipients" in act && act.recipients !== undefined ? ` for ${act.recipients.join(", ")}` : "";
  return act.action === "redirect" ? `${whom} to ${act.to}` : whom;
}

function usage(words: string): CommandError {
  return new CommandError(exitStatus.usage, words);
}

function actionOf(verb: Verb, { recipient, to, detail }: SteerOptions): Action {
  const recipients = recipient === undefined ? {} : { recipients: [...recipient] };
  switch (verb) {
    case "retry":
    case "drop":
    case "bounce":
      return { action: verb, ...recipients };
    case "hold":
      return { action: verb, ...recipients, ...(detail === undefined ? {} : { detail }) };
    case "release":
      return { action: verb, ...(to === undefined ? {} : { to: [...to] }) };
    case "redirect": {
      const [address, more] = to ?? [];
      if (address === undefined || more !== undefined) throw usage("redirect goes to one address: --to ADDRESS");
      return { action: verb, ...recipients, to: address };
    }
  }
}

function chosenBy(options: SteerOptions): Query {
  if (options.allQueued === true) return { ...filterQuery(options), state: "queued" };
  return filterQuery(options);
}

/**
 * Their ids: all of them are known before anything is done. Recipients that the act is restricted to choose as well: a
 * message that has none of them is not meant.
 */
async function matching(filter: Query, recipients: readonly string[] | undefined, asking: Asking): Promise<string[]> {
  const ids = new Set<string>();
  for (const recipient of recipients ?? [undefined]) {
    let after: string | undefined;
    do {
      const query = { ...filter, recipient, limit: pageOfIds, after };
      const page = await asking.client.get(schema.messagePage, "/v1/messages", query);
      for (const { id } of page.messages) ids.add(id);
      after = page.next;
    } while (after !== undefined);
  }
  return [...ids];
}

async function actOn(ids: readonly string[], act: Action, asking: Asking): Promise<ActionResult[]> {
  const { client, screen, json } = asking;
  const all: ActionResult[] = [];
  for (let begin = 0; begin < ids.length; begin += together) {
    const body = { ids: ids.slice(begin, begin + together), act };
    const results = await client.post(schema.actionResult.array(), "/v1/actions", body);
    all.push(...results);
    if (json) continue;
    for (const result of results) show(result, screen);
    await screen.caughtUp();
  }
  return all;
}

const styles: Readonly<Record<ActionResult["kind"], Style>> = {
  done: "good",
  unchanged: "dim",
  "not-found": "bad",
  refused: "bad",
};

function show({ id, kind, detail }: ActionResult, screen: Screen): void {
  screen.print(id, "  ", styled(styles[kind], kind === "done" ? detail : `${kind.replace("-", " ")}: ${detail}`));
}

function statusOf(results: readonly ActionResult[]): number {
  if (results.some(({ kind }) => kind === "refused")) return exitStatus.refused;
  return results.some(({ kind }) => kind === "not-found") ? exitStatus.notFound : exitStatus.ok;
}
