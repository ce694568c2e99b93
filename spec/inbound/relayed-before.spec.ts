/** Which messages of our own a fetched one may be, by the Received fields that it shows: anybody can write such fields. */
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { receivedField, type ReceivedOptions } from "../../src/message/trace.ts";
import { relayedBefore } from "../../src/inbound/relayed-before.ts";
import type { MessageRecord } from "../../src/spool/record.ts";
import { outboundRecord } from "../delivery/outbound-records.ts";

const hostname = "gate.firma.example";
const a = mustAddress("a@x.example");
const ids = ["0F1N2C3D0N0DS0", "0F1N2C3D0N0DS1", "0F1N2C3D0N0DS2", "0F1N2C3D0N0DS3"];

/** Submitted to us under these ids, as the fields say. */
function header(...submitted: readonly string[]): ReturnType<typeof parseHeaderBlock> {
  const of: Omit<ReceivedOptions, "id"> = { hostname, from: "exchange", address: "10.0.0.1", protocol: "ESMTP", at: 0 };
  const fields = submitted.map((id) => receivedField({ ...of, id })).join("");
  return parseHeaderBlock(Buffer.from(`${fields}Subject: x\r\n\r\n`));
}

function record(id: string, more: Partial<MessageRecord>): MessageRecord {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any text will do
  return outboundRecord({ to: ["a@x.example"] }, { id: id as MessageId, ...more });
}

/** Delivered to this destination. */
function delivered(id: string, destination: string): MessageRecord {
  const { recipients } = record(id, {});
  const state = { kind: "delivered", at: 7, reply: { code: 250, enhanced: undefined, text: "ok" } } as const;
  return record(id, {
    recipients: recipients.map((recipient) => ({ ...recipient, state })),
    attempts: [{ at: 7, destination, recipients: [a], text: "250 ok" }],
  });
}

/** What is asked of a spool that has these, and what it says. */
async function found(queue: readonly MessageRecord[], history: readonly MessageRecord[], ...submitted: string[]) {
  const asked: string[] = [];
  const spool = {
    async load(id: MessageId) {
      asked.push(id);
      return queue.find((one) => one.id === id);
    },
    history: async (id: MessageId) => {
      const record = history.find((one) => one.id === id);
      return record === undefined ? undefined : { ...record, endedAt: 9 };
    },
  };
  return { relayed: await relayedBefore(spool, header(...submitted), hostname), asked };
}

test("one that was relayed is known, queued still or ended", async () => {
  const [first = "", second = ""] = ids;
  const { relayed } = await found([delivered(first, "relay one")], [delivered(second, "relay two")], first, second);
  expect(relayed).toEqual([
    { id: first, to: [{ address: a, at: 7 }] },
    { id: second, to: [{ address: a, at: 7 }] },
  ]);
});

test("one that has not been relayed to anybody, or to Exchange only, is not one that can have come back", async () => {
  const [first = "", second = "", third = ""] = ids;
  const { relayed, asked } = await found(
    [record(first, {}), delivered(second, "exchange 10.0.0.2:25")],
    [delivered(third, "relay one")].map((one) => ({ ...one, attempts: [] })),
    first,
    second,
    third,
  );
  expect(asked).toEqual([first, second, third]);
  expect(relayed).toEqual([]);
});

test("inbound mail, and what the spool does not know, are not", async () => {
  const [first = "", second = ""] = ids;
  const { relayed } = await found([{ ...delivered(first, "relay one"), direction: "inbound" }], [], first, second);
  expect(relayed).toEqual([]);
});

test("what cannot be one of our ids is not looked up, and does not keep the others from it", async () => {
  const [first = ""] = ids;
  const { relayed, asked } = await found([delivered(first, "relay one")], [], "not-one", first);
  expect(asked).toEqual([first]);
  expect(relayed).toMatchObject([{ id: first }]);
});

test("of very many fields three are looked up", async () => {
  const { asked } = await found([], [], ...ids, ...ids);
  expect(asked).toHaveLength(3);
});
