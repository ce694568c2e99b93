/**
 * Reports as they leave: the examples of docs/reports.md, whole. A change of words shows in `golden/` in a diff of its own
 * (`vitest -u` writes the files anew).
 */
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { deliveryReport } from "../../src/report/report-mail.ts";
import { facts, original, recipient, refusedConnection, replied } from "./fixtures.ts";

const wishes = { envid: "0a1b2c", recipients: 3 };

test.each([
  [
    "failed-both",
    facts({
      language: "both",
      original: original(wishes),
      recipients: [
        recipient({ orcpt: "rfc822;kunde@else.example" }),
        recipient({
          address: mustAddress("einkauf@else.example"),
          happening: { kind: "bounced", cause: replied(552, "5.2.2", "Mailbox full\nTry again next week") },
        }),
      ],
      returned: {
        kind: "message",
        octets: Buffer.from("From: anna@firma.example\r\nSubject: Angebot\r\n\r\nGuten Tag\r\n"),
      },
    }),
  ],
  [
    "delayed-de",
    facts({
      kind: "delayed",
      recipients: [recipient({ happening: { kind: "delayed", cause: refusedConnection } })],
    }),
  ],
  [
    "relayed-en",
    facts({
      kind: "relayed",
      language: "en",
      recipients: [
        recipient({ happening: { kind: "relayed", reply: { code: 250, enhanced: "2.0.0", text: "queued as 4711" } } }),
      ],
    }),
  ],
])("%s", async (name, report) => {
  const text = deliveryReport(report).toString("utf8").replaceAll("\r\n", "\n");
  await expect(text).toMatchFileSnapshot(`golden/${name}.eml`);
});
