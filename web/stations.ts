/**
 * The way of a message as stations from the provider to the mailbox, each with the steps that belong to it and how it
 * stands there. Pure; made from the explanation alone.
 */
import type { Explanation, Step } from "../src/admin/schemas.ts";

/** `waiting`: the message is here; `done`: it is past; `ahead`: it has not come so far. */
export type Standing = "done" | "waiting" | "failed" | "ahead";

export type StationName = "arrival" | "recipients" | "hold" | "handover" | "mailbox";

export interface Station {
  readonly name: StationName;
  readonly standing: Standing;
  readonly steps: readonly Step[];
}

const stationOf: Readonly<Record<Step["kind"], StationName>> = {
  received: "arrival",
  field: "recipients",
  ignored: "recipients",
  mapped: "recipients",
  removed: "recipients",
  hold: "hold",
  attempt: "handover",
  reply: "handover",
  note: "handover",
  recipient: "mailbox",
};

/** In the order of the way. A hold is a station only of a message that is held. */
export function stationsOf({ message, steps }: Explanation): Station[] {
  const of = (name: StationName): Step[] => steps.filter(({ kind }) => stationOf[kind] === name);
  const hold = of("hold");
  const isHeldWhole = hold.length > 0;
  const isFailed = (these: readonly Step[]): boolean => these.some(({ good }) => good === false);
  return [
    { name: "arrival", standing: "done", steps: of("arrival") },
    {
      name: "recipients",
      standing: isHeldWhole && isFailed(of("recipients")) ? "failed" : "done",
      steps: of("recipients"),
    },
    ...(isHeldWhole ? [{ name: "hold" as const, standing: "waiting" as const, steps: hold }] : []),
    { name: "handover", standing: handover(message, isHeldWhole), steps: of("handover") },
    { name: "mailbox", standing: mailbox(message, isHeldWhole), steps: of("mailbox") },
  ];
}

type Message = Explanation["message"];

function handover({ recipients, state }: Message, isHeldWhole: boolean): Standing {
  if (isHeldWhole) return "ahead";
  if (recipients.some((one) => one.state === "queued")) return "waiting";
  if (recipients.some((one) => one.state === "held")) return "waiting";
  if (recipients.some((one) => one.state === "delivered")) return "done";
  return state === "ended" ? "failed" : "ahead";
}

function mailbox({ recipients }: Message, isHeldWhole: boolean): Standing {
  if (isHeldWhole || recipients.length === 0) return "ahead";
  if (recipients.some(({ state }) => state === "bounced" || state === "expired" || state === "dropped"))
    return "failed";
  return recipients.every(({ state }) => state === "delivered") ? "done" : "ahead";
}
