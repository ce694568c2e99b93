/** What a relay says to our login names our account there: it is not for the sender of a mail, who may be anybody. */
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import type { Cause } from "../../src/core/outcome.ts";
import { queuedRecipient } from "../../src/spool/record.ts";
import { at, makeWorld, never, owing } from "./fixtures.ts";

const secret = "relay-user-0815";

test.each<[string, Cause]>([
  [
    "refused",
    { kind: "reply", phase: "auth", reply: { code: 535, enhanced: "5.7.8", text: `no such account ${secret}` } },
  ],
  ["not to be made", { kind: "connection", phase: "auth", code: "EAUTH", message: `no token for ${secret}` }],
])("login %s: neither part of the report says by whom", async (_, lastCause) => {
  const world = await makeWorld();
  const address = mustAddress("kunde@else.example");
  const state = { kind: "queued", nextAttemptAt: at + 60_000, attempts: 3 } as const;
  await world.send({
    to: [{ ...queuedRecipient(address, at), state, lastCause }],
    owed: [owing("delayed", address)],
  });
  expect(await world.desk({ language: "both" }).tick(never)).toBe(1);
  const [report] = await world.reports();
  const text = report?.raw.toString() ?? "";
  expect(text).toContain("Action: delayed");
  expect(text).not.toContain(secret);
});
