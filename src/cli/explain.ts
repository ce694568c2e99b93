/** `popgate explain QUERY`: the way of a message, step by step; also of one that was delivered days ago. */
import * as schema from "../admin/schemas.ts";
import type { Explanation, Step } from "../admin/schemas.ts";
import type { Asking } from "./asking.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import { styled, type Screen, type Span } from "./screen.ts";
import { timeText } from "./time-words.ts";

/** By queue id, Message-ID or address; newest first. Resolves with the exit status. */
export async function runExplain(query: string, { client, screen, json }: Asking): Promise<number> {
  const explanations = await client.get(schema.explanation.array(), "/v1/explain", { q: query });
  if (json) screen.json(explanations);
  else for (const [index, explanation] of explanations.entries()) showExplanation(explanation, index, screen);
  if (explanations.length > 0) return exitStatus.ok;
  throw new CommandError(
    exitStatus.notFound,
    `nothing is known of ${query}, neither in the queue nor in the history\n` +
      "It may be older than spool.history_days allows, or has not come in yet: popgate poll looks into the boxes.",
  );
}

function showExplanation({ message, steps, summary }: Explanation, index: number, screen: Screen): void {
  if (index > 0) screen.print();
  screen.entry([styled("bold", message.id), "  "], `${message.from}: ${message.subject}`);
  screen.paragraph(2, summary, "bold");
  for (const step of steps) screen.entry(["  ", styled("dim", timeColumn(step.at)), " ", markOf(step), " "], step.text);
}

const timeWidth = timeText(0).length;

function timeColumn(at: number | undefined): string {
  return at === undefined ? " ".repeat(timeWidth) : timeText(at);
}

/** Readable without colours too. */
function markOf({ good }: Step): Span {
  if (good === undefined) return styled("dim", "·");
  return good ? styled("good", "✓") : styled("bad", "✗");
}
