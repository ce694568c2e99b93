/**
 * Why a message went to whom, as steps in the order of its way: how it came in, which field named its recipients, what was
 * not believed, what was left out, what each attempt met with, and where each recipient stands. Pure; from the record or
 * the history alone, so that it works as long as the history is kept.
 */
import { holdWords } from "../core/hold.ts";
import type { EpochMs } from "../core/ports.ts";
import type { ByteRange, Evidence, SourceEvidence } from "../message/decision.ts";
import type { Attempt, OwedReport, Recipient } from "../spool/record.ts";
import type { Explanation, Step } from "./schemas.ts";
import { endOf, isHistory, originOf, senderText, stateText, summaryOf, type AnyRecord } from "./view.ts";

export function explanationOf(record: AnyRecord): Explanation {
  return { message: summaryOf(record), steps: stepsOf(record), summary: sentenceOf(record) };
}

function stepsOf(record: AnyRecord): Step[] {
  const { evidence, hold, removed, owed = [] } = record;
  const steps: Step[] = [{ kind: "received", at: record.receivedAt, text: arrivalText(record) }];
  if (evidence !== undefined) steps.push(...evidenceSteps(evidence));
  if (removed.length > 0) {
    const names = new Set(removed.map(({ name }) => name));
    steps.push({ kind: "removed", text: `left out of what is delivered: ${[...names].join(", ")}` });
  }
  if (hold !== undefined)
    steps.push({
      kind: "hold",
      at: hold.since,
      good: false,
      text: `held (${hold.reason}): ${sentence(hold.detail)} ${holdWords[hold.reason].remedy}`,
    });
  steps.push(...record.attempts.map(attemptStep), ...record.recipients.map(recipientStep), ...owed.map(owedStep));
  if (isHistory(record))
    steps.push({
      kind: "note",
      at: record.endedAt,
      text: "nothing is left to be done; the message itself is not kept",
    });
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

function evidenceSteps({ profile, used, ignored, mapped, zone }: Evidence): Step[] {
  return [
    used === undefined
      ? { kind: "field", good: false, text: `profile ${profile}: no source named anybody${zoneText(zone)}` }
      : { kind: "field", good: true, text: `profile ${profile}: ${usedText(used, zone)}` },
    ...ignored.map(({ what, why }) => ({ kind: "ignored" as const, text: `not believed: ${what}: ${why}` })),
    ...mapped.map(({ from, to, by }) => ({ kind: "mapped" as const, text: mappingText(from, to, by) })),
  ];
}

function usedText({ source, field, offset, value }: SourceEvidence, zone: ByteRange | undefined): string {
  if (field === "") return `the configuration names the recipients (${source})`;
  return `recipients read from ${field} at octet ${offset}${zoneText(zone)}: ${value}`;
}

/** What lies outside is the sender's and is not believed. */
function zoneText(zone: ByteRange | undefined): string {
  return zone === undefined ? "" : ` (the provider's part of the header: octets ${zone.start} to ${zone.end})`;
}

function mappingText(from: string, to: readonly string[], by: "prefix" | "alias" | "duplicate"): string {
  if (by === "duplicate") return `${from} was named twice`;
  return by === "alias" ? `${from} is an alias of ${to.join(", ")}` : `${from} without its prefix is ${to.join(", ")}`;
}

/** Without a destination it is what a person did. */
function attemptStep({ at, destination, recipients, text }: Attempt): Step {
  const whom = recipients.join(", ");
  if (destination === "") return { kind: "note", at, text: whom === "" ? text : `${text}: ${whom}` };
  return {
    kind: "attempt",
    at,
    text: whom === "" ? `${destination}: ${text}` : `${destination}, for ${whom}: ${text}`,
  };
}

function recipientStep(recipient: Recipient): Step {
  const { address, state, unconfirmed } = recipient;
  const at = endOf(state);
  const doubt = unconfirmed === 0 ? "" : `; handed over ${unconfirmed}× without an answer, it may have arrived`;
  const wait = state.kind === "queued" ? waitText(state.attempts, state.nextAttemptAt) : "";
  return {
    kind: "recipient",
    ...(at === undefined ? {} : { at }),
    ...(state.kind === "queued" ? {} : { good: state.kind === "delivered" }),
    text: `${address}: ${state.kind}: ${stateText(recipient)}${wait}${doubt}`,
  };
}

function waitText(attempts: number, nextAttemptAt: EpochMs): string {
  const tried = attempts === 0 ? "" : `; tried ${attempts}×`;
  return `${tried}; due from ${new Date(nextAttemptAt).toISOString()} on`;
}

function owedStep({ kind, recipients, since }: OwedReport): Step {
  return { kind: "note", at: since, text: `a report (${kind}) to the sender is to be made: ${recipients.join(", ")}` };
}

/** The same outcome in the same words is told once. */
function sentenceOf(record: AnyRecord): string {
  const { hold, recipients } = record;
  if (hold !== undefined) return `Held (${hold.reason}): ${sentence(hold.detail)}`;
  if (recipients.length === 0)
    return isHistory(record) ? "Dropped before it had any recipients." : "It has no recipients.";
  const groups = Map.groupBy(recipients, (one) => `${one.state.kind}: ${stateText(one)}`);
  const parts = [...groups.values()].map((group) => {
    const [first] = group;
    if (first === undefined) return "";
    const whom = group.length > 3 ? `${group.length} recipients` : group.map(({ address }) => address).join(", ");
    return sentence(`${stateWords[first.state.kind]} ${whom}: ${stateText(first)}`);
  });
  return parts.join(" ");
}

const stateWords: Readonly<Record<Recipient["state"]["kind"], string>> = {
  queued: "Queued for",
  held: "Held for",
  delivered: "Delivered to",
  bounced: "Refused for good for",
  expired: "Given up for",
  dropped: "Dropped for",
};

function sentence(text: string): string {
  return /[.!?]$/u.test(text) ? text : `${text}.`;
}
