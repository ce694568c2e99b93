/** Sends actions to the server and tells what came of them. */
import type { Action, ActionResult } from "../src/admin/schemas.ts";
import { tried, type Around } from "./around.ts";
import { askFor, isWithoutRecipients, type Act, type Meant } from "./asking.ts";
import { plain } from "./plain.ts";

/** So many ids go in one request (`bulkAction`). */
const mostIds = 1000;

/** Asks, sends, tells; then `after`. */
export async function doTo(
  around: Around,
  act: Act,
  messages: readonly Meant[],
  after: () => Promise<void>,
): Promise<void> {
  const action = await askFor(around, act, messages);
  if (action === undefined) return;
  await tried(around, async () => {
    const results: ActionResult[] = [];
    for (const each of partsOf(action, messages))
      for (let begin = 0; begin < each.ids.length; begin += mostIds)
        results.push(...(await around.api.act(each.ids.slice(begin, begin + mostIds), each.action, around.signal)));
    around.say(
      resultsText(around, results),
      results.some(({ kind }) => kind !== "done"),
    );
  });
  await after();
}

interface Part {
  readonly action: Action;
  readonly ids: readonly string[];
}

/** Addresses that were given for mail without recipients are not for mail that has its own. */
function partsOf(action: Action, messages: readonly Meant[]): Part[] {
  const ids = messages.map(({ id }) => id);
  if (action.action !== "release" || action.to === undefined || !messages.some(isWithoutRecipients))
    return [{ action, ids }];
  const groups = Map.groupBy(messages, isWithoutRecipients);
  const of = (isWithout: boolean): string[] => (groups.get(isWithout) ?? []).map(({ id }) => id);
  return [
    { action, ids: of(true) },
    { action: { action: "release" }, ids: of(false) },
  ];
}

/** How many of each kind, and why the first that was not done was not. */
function resultsText({ words }: Around, results: readonly ActionResult[]): string {
  const text = countsText(
    words.resultOf,
    results.map(({ kind }) => words.results[kind]),
  );
  const failed = results.find(({ kind }) => kind !== "done");
  return failed === undefined ? text : `${text}: ${plain(failed.detail)}`;
}

export function countsText(resultOf: (count: number, kind: string) => string, kinds: readonly string[]): string {
  const counts = Map.groupBy(kinds, (kind) => kind);
  return [...counts].map(([kind, all]) => resultOf(all.length, kind)).join(", ");
}
