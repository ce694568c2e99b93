/** The way of a message: which stations there are, and how it stands at each. */
import { expect, test } from "vitest";
import type { Explanation, Step } from "../../src/admin/schemas.ts";
import { stationsOf, type Standing, type StationName } from "../../web/stations.ts";

type Recipients = Explanation["message"]["recipients"];

function explanation(steps: readonly Step[], recipients: Recipients, state: "queued" | "held" | "ended"): Explanation {
  const message = {
    id: "0123456789BCDF",
    direction: "inbound" as const,
    state,
    receivedAt: 0,
    size: 1,
    origin: "box",
    reversePath: "",
    recipients,
    from: "",
    subject: "",
    messageId: "",
  };
  return { message, steps: [{ kind: "received", text: "fetched", at: 0 }, ...steps], summary: "" };
}

function standings(each: Explanation): [StationName, Standing][] {
  return stationsOf(each).map(({ name, standing }) => [name, standing]);
}

const found: Step = { kind: "field", good: true, text: "read from Envelope-To" };
const to = (state: Recipients[number]["state"]): Recipients[number] => ({ address: `${state}@firma.example`, state });

test("delivered: all stations are past", () => {
  expect(standings(explanation([found], [to("delivered")], "ended"))).toEqual([
    ["arrival", "done"],
    ["recipients", "done"],
    ["handover", "done"],
    ["mailbox", "done"],
  ]);
});

test("held as a whole: it waits at a station that others do not have", () => {
  const steps: Step[] = [
    { kind: "field", good: false, text: "no source named anybody" },
    { kind: "hold", good: false, text: "held (envelope-missing)" },
  ];
  expect(standings(explanation(steps, [], "held"))).toEqual([
    ["arrival", "done"],
    ["recipients", "failed"],
    ["hold", "waiting"],
    ["handover", "ahead"],
    ["mailbox", "ahead"],
  ]);
});

test.each<[Recipients[number]["state"][], "queued" | "held" | "ended", Standing, Standing]>([
  [["queued"], "queued", "waiting", "ahead"],
  [["delivered", "queued"], "queued", "waiting", "ahead"],
  [["delivered", "held"], "held", "waiting", "ahead"],
  [["bounced"], "ended", "failed", "failed"],
  [["delivered", "expired"], "ended", "done", "failed"],
  [["dropped"], "ended", "failed", "failed"],
])("recipients %j: hand-over and mailbox", (states, state, handover, mailbox) => {
  const all = standings(explanation([found], states.map(to), state));
  expect(all.slice(-2)).toEqual([
    ["handover", handover],
    ["mailbox", mailbox],
  ]);
});

test("no step is lost, whatever its kind", () => {
  const kinds: Step["kind"][] = [
    "field",
    "ignored",
    "mapped",
    "removed",
    "hold",
    "attempt",
    "reply",
    "note",
    "recipient",
  ];
  const steps = kinds.map((kind) => ({ kind, text: kind }));
  const shown = stationsOf(explanation(steps, [to("held")], "held")).flatMap((station) => station.steps);
  expect(shown.map(({ text }) => text).toSorted()).toEqual(["fetched", ...kinds].toSorted());
});
