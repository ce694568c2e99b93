/**
 * Why a message went to whom, as steps in the order of its way: how it came in, which field named its recipients, what was
 * not believed, what was left out, what each attempt met with, and where each recipient stands. Pure; from the record or
 * the history alone, so that it works as long as the history is kept.
 */
import { holdWords } from "../core/hold.ts";
import type { Evidence } from "../message/decision.ts";
import type { Recipient } from "../spool/record.ts";
import type { Explanation, Step } from "./schemas.ts";
import { originOf, senderText, stateText, summaryOf, type AnyRecord } from "./view.ts";

export function explanationOf(record: AnyRecord): Explanation {
  return { message: summaryOf(record), steps: stepsOf(record), summary: sentenceOf(record) };
}

function stepsOf(record: AnyRecord): Step[] {
  const { evidence, hold, removed, owed = [] } = record;
  const steps: Step[] = [{ kind: "received", at: record.receivedAt, text: arrivalText(record) }];
  if (evidence !== undefined) steps.push(...evidenceSteps(evidence));
  if (removed.length > 0)
    steps.push({
      kind: "removed",
      text: `left out of what is delivered: ${removed.map(({ name }) => name).join(", ")}`,
    });
  if (hold !== undefined)
    steps.push({
      kind: "hold",
      at: hold.since,
      good: false,
      text: `held: ${hold.reason}: ${hold.detail} ${holdWords[hold.reason].remedy}`,
    });
  for (const { at, destination, recipients, text } of record.attempts) {
    const whom = recipients.length === 0 ? "" : ` for ${recipients.join(", ")}`;
    steps.push({ kind: destination === "" ? "note" : "attempt", at, text: `${destination}${whom}: ${text}`.trim() });
  }
  steps.push(...record.recipients.map(recipientStep));
  for (const { kind, recipients } of owed)
    steps.push({ kind: "note", text: `the sender is still to have a report (${kind}) for ${recipients.join(", ")}` });
  return steps;
}

function arrivalText(record: AnyRecord): string {
  const what = `${record.size} octets, from ${senderText(record)}`;
  switch (record.origin.kind) {
    case "pop3":
      return `fetched from ${record.origin.account} (unique id ${record.origin.uidl}): ${what}`;
    case "smtp":
      return `submitted by ${originOf(record)} with ${record.origin.protocol}: ${what}`;
    case "local":
      return `written by popgate itself (${record.origin.purpose}): ${what}`;
  }
}

function evidenceSteps({ profile, used, ignored, mapped }: Evidence): Step[] {
  const steps: Step[] = [];
  if (used === undefined)
    steps.push({ kind: "field", good: false, text: `profile ${profile}: no source named anybody` });
  else
    steps.push({
      kind: "field",
      good: true,
      text:
        used.field === ""
          ? `profile ${profile}: recipients are set by the configuration (${used.source})`
          : `profile ${profile}: recipients read from ${used.field} at octet ${used.offset}: ${used.value}`,
    });
  for (const { what, why } of ignored) steps.push({ kind: "ignored", text: `not believed: ${what}: ${why}` });
  for (const { from, to, by } of mapped) steps.push({ kind: "mapped", text: mappingText(from, to, by) });
  return steps;
}

function mappingText(from: string, to: readonly string[], by: "prefix" | "alias" | "duplicate"): string {
  if (by === "duplicate") return `${from} was named twice`;
  return by === "alias" ? `${from} is an alias of ${to.join(", ")}` : `${from} without its prefix is ${to.join(", ")}`;
}

function recipientStep(recipient: Recipient): Step {
  const { address, state, unconfirmed } = recipient;
  const doubt = unconfirmed > 0 ? ` (possibly handed over ${unconfirmed} time(s) before without an answer)` : "";
  const at = state.kind === "queued" ? undefined : state.kind === "held" ? state.hold.since : state.at;
  return {
    kind: "recipient",
    ...(at === undefined ? {} : { at }),
    ...(state.kind === "queued" ? {} : { good: state.kind === "delivered" }),
    text: `${address}: ${state.kind}: ${stateText(recipient)}${doubt}`,
  };
}

function sentenceOf(record: AnyRecord): string {
  const { hold, recipients } = record;
  if (hold !== undefined) return `It is held (${hold.reason}): ${hold.detail}`;
  if (recipients.length === 0) return "It had no recipients left to be delivered to.";
  const states = Map.groupBy(recipients, ({ state }) => state.kind);
  return [...states]
    .map(([kind, group]) => {
      const [first] = group;
      const whom = group.length > 3 ? `${group.length} recipients` : group.map(({ address }) => address).join(", ");
      return `${kind} ${kind === "queued" ? "for" : kind === "delivered" ? "to" : "for"} ${whom}${first === undefined ? "" : `: ${stateText(first)}`}`;
    })
    .join("; ");
}
