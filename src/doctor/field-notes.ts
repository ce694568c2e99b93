/** What was found of the envelope fields in a box, put in words: where each stands, how often, and who can have written it. Pure. */
import type { HeaderBlock } from "../message/header.ts";
import { ownerOfHops, type FieldSurvey } from "./field-survey.ts";
import type { Notes } from "./finding.ts";

/** As many as a person reads. */
const mostFields = 8;
const nearlyAll = 0.95;

/** One finding for each field, the most frequent first. */
export function tellFields(surveys: readonly FieldSurvey[], mail: readonly HeaderBlock[], notes: Notes): void {
  if (surveys.length === 0)
    notes.warn(
      "no-recipient-field",
      `none of ${mail.length} message(s) has a field that names a recipient of yours, apart from To and Cc`,
    );
  for (const survey of surveys.slice(0, mostFields)) notes.info("recipient-field", fieldWords(survey, mail));
}

function fieldWords(survey: FieldSurvey, mail: readonly HeaderBlock[]): string {
  const { name, messages, people, below, atEnd, followers } = survey;
  const places = [...below]
    .toSorted((a, b) => a[0] - b[0])
    .map(([depth, count]) => placeWords(depth, count, messages, mail));
  const end =
    atEnd < nearlyAll * messages || below.get(0) === messages
      ? []
      : [
          `at the end of the header${followers.size === 0 ? "" : ` (before ${[...followers].join(", ")})`}, ` +
            'which is the provider\'s place if it writes there (place = "bottom")',
        ];
  const whom = `${people} local address${people === 1 ? "" : "es"}`;
  return `${name} is in ${messages} of ${mail.length} message(s), names ${whom}, and stands ${[...places, ...end].join("; ")}`;
}

function placeWords(depth: number, count: number, messages: number, mail: readonly HeaderBlock[]): string {
  const share = count === messages ? "" : ` in ${count}`;
  if (depth === 0) return `above all Received fields${share}, where only the provider can write`;
  const where = `below ${depth} Received field${depth === 1 ? "" : "s"}${share}`;
  const owner = ownerOfHops(mail, depth, nearlyAll * count);
  return owner === undefined
    ? `${where}, where a sender can have written it`
    : `${where}, which are all by servers of ${owner} as the next one is: trusted if they are the provider's (trusted_hops = ${depth})`;
}
