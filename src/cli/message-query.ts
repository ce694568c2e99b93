/** The options that choose messages, as the admin interface takes them. */
import { readDuration } from "../config/scalars.ts";
import type { Query } from "./admin-client.ts";
import { CommandError, exitStatus } from "./exit-status.ts";
import type { FilterOptions } from "./message-filter.ts";

export function filterQuery({ older, younger, ...options }: FilterOptions): Query {
  const { state, direction, account, sender, subject, reason } = options;
  const olderThanMs = older === undefined ? undefined : duration(older);
  const youngerThanMs = younger === undefined ? undefined : duration(younger);
  return { state, direction, account, sender, subject, reason, olderThanMs, youngerThanMs };
}

export function isFiltered(query: Query): boolean {
  return Object.values(query).some((value) => value !== undefined);
}

function duration(text: string): number {
  const reading = readDuration(text);
  if (reading.kind === "ok") return reading.value;
  throw new CommandError(exitStatus.usage, `${reading.message}: ${reading.hint}`);
}
