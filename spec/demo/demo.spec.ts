/** The demonstration as it is run by hand, and that it says so when something is not as it must be. */
import { expect, it } from "vitest";
import { outboundDemoMessages } from "../../src/demo/outbound-messages.ts";
import { checkOutboundRow, type OutboundRow } from "../../src/demo/outbound-rows.ts";
import { formatOutboundTable } from "../../src/demo/table.ts";
import { popgate } from "../fakes/popgate-process.ts";

it("both ways, every row is as it must be", async () => {
  const { code, stdout, stderr } = await popgate(["demo", "--json"]);
  expect(code, stdout.slice(-3000) + stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    faults: [],
    rows: expect.arrayContaining([
      expect.objectContaining({ key: "blind", delivered: ["chef"], faults: [] }),
    ]) as unknown,
    outbound: [
      { key: "offer", relayed: [{ relay: "eins", recipients: ["kunde@kunde.example"] }], faults: [] },
      { key: "scan", removed: ["Bcc"], faults: [] },
      { key: "ndr", reported: [], faults: [] },
      { key: "failover", relayed: [{ relay: "zwei", recipients: ["kunde@kunde.example"] }], faults: [] },
    ],
  });
});

const [offer] = outboundDemoMessages();
if (offer === undefined) throw new Error("no messages");
const good: OutboundRow = {
  key: offer.key,
  shows: offer.shows,
  from: offer.from,
  to: offer.rcpt,
  removed: [],
  relayed: [{ relay: "eins", recipients: ["kunde@kunde.example"] }],
  reported: [{ recipient: "niemand@kunde.example", status: "5.1.1" }],
  leaks: [],
  bodyChanged: false,
  strangeSenders: [],
};

it.each<[string, Partial<OutboundRow>]>([
  ["relayed twice", { relayed: [{ relay: "eins", recipients: ["kunde@kunde.example", "kunde@kunde.example"] }] }],
  ["relayed by the other", { relayed: [{ relay: "zwei", recipients: ["kunde@kunde.example"] }] }],
  ["lost", { relayed: [] }],
  ["not reported", { reported: [] }],
  ["reported twice", { reported: [...good.reported, ...good.reported] }],
  ["a field too many removed", { removed: ["To"] }],
  ["a leak", { leaks: ["Bcc"] }],
  ["the body changed", { bodyChanged: true }],
  ["another's name", { strangeSenders: ["x@y.example"] }],
])("a row is faulty: %s", (_, change) => {
  expect(checkOutboundRow(offer, good)).toEqual([]);
  const faults = checkOutboundRow(offer, { ...good, ...change });
  expect(faults).not.toEqual([]);
  expect(formatOutboundTable([{ ...good, ...change, faults }])).toContain("NOT AS IT MUST BE");
});
