/** An examination over the admin interface: its findings, and that there is one at a time. */
import { expect, test } from "vitest";
import { openInterface } from "./interface.ts";

const finding = {
  id: "exchange-failed",
  severity: "error",
  about: "exchange",
  what: "refused",
  remedy: "Start it.",
  lines: ["port = 25"],
} as const;

test("gives the findings as they are", async () => {
  await using admin = await openInterface({ doctor: async () => [{ ...finding, lines: [...finding.lines] }] });
  const answer = await admin.post("/v1/doctor");
  expect([answer.status, answer.json]).toEqual([200, [finding]]);
});

test("a second one at the same time is refused with what to do", async () => {
  await using admin = await openInterface({ doctor: async () => undefined });
  const answer = await admin.post("/v1/doctor");
  expect([answer.status, answer.json]).toMatchObject([409, { title: "Not now", detail: /wait/u }]);
});
