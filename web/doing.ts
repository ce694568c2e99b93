/** Sends actions to the server and tells what came of them. */
import type { ActionResult } from "../src/admin/schemas.ts";
import { tried, type Around } from "./around.ts";
import { askFor, type Act, type Subject } from "./asking.ts";
import { plain } from "./plain.ts";

/** So many ids go in one request (`bulkAction`). */
const mostIds = 1000;

/** Asks, sends, tells; then `after`. */
export async function doTo(
  around: Around,
  act: Act,
  ids: readonly string[],
  subject: Subject,
  after: () => Promise<void>,
): Promise<void> {
  const action = await askFor(around, act, subject);
  if (action === undefined) return;
  await tried(around, async () => {
    const results: ActionResult[] = [];
    for (let begin = 0; begin < ids.length; begin += mostIds)
      results.push(...(await around.api.act(ids.slice(begin, begin + mostIds), action, around.signal)));
    around.say(
      resultsText(around, results),
      results.some(({ kind }) => kind !== "done"),
    );
  });
  await after();
}

/** One: in the server's words. Several: how many of each kind, and why the first that was not done was not. */
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
