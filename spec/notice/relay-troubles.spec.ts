/** What of the outbound half the postmaster is told: each trouble once, what has passed not at all. */
import { expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { noticeWords } from "../../src/notice/notice-words.ts";
import { Troubles } from "../../src/notice/troubles.ts";

const hour = 3_600_000;
const destination = "relay provider smtp.provider.example:587";
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any id will do
const message = "00000000000000" as MessageId;

const paused = (trouble: "auth" | "sender" | "quota", sender?: string): PopgateEvent => ({
  kind: "relay-paused",
  destination,
  trouble,
  sender,
  cause: "535 5.7.8 Authentication failed",
  until: 0,
});

test("a login that is refused, a spent allowance and each refused sender are told once", () => {
  const troubles = new Troubles();
  for (const event of [paused("auth"), paused("auth"), paused("quota"), paused("sender", "a@firma.example")])
    troubles.note(event, 0);
  troubles.note(paused("sender", "b@firma.example"), 0);
  troubles.note(paused("sender", "a@firma.example"), 0);
  expect(troubles.news(0).map(({ kind, account }) => `${kind} ${account}`)).toEqual([
    `relay-auth ${destination}`,
    `relay-quota ${destination}`,
    `relay-sender ${destination}`,
    `relay-sender ${destination}`,
  ]);
  troubles.tell(troubles.news(0), 0);
  troubles.note(paused("auth"), 1);
  expect(troubles.news(1)).toEqual([]);
});

test("a relay that is in use again before a notice was due is not told of; a refused sender still is", () => {
  const troubles = new Troubles();
  troubles.note(paused("auth"), 0);
  troubles.note(paused("sender", "a@firma.example"), 0);
  troubles.note({ kind: "relay-resumed", destination, sender: undefined }, 1);
  expect(troubles.news(1).map(({ kind }) => kind)).toEqual(["relay-sender"]);
});

test("a relay that is down is told of after hours, and counted anew after each success; Exchange never", () => {
  const troubles = new Troubles();
  const down = (name: string): PopgateEvent => ({
    kind: "destination-down",
    destination: name,
    cause: "connect: timed out",
    probeAt: 0,
  });
  troubles.note(down(destination), 0);
  troubles.note({ kind: "destination-up", destination, afterMs: 1 }, 3 * hour);
  troubles.note(down(destination), 3 * hour);
  troubles.note(down(destination), 6 * hour);
  expect(troubles.news(6 * hour)).toEqual([]);
  for (const at of [7, 8]) troubles.note(down(destination), at * hour);
  for (const at of [0, 9]) troubles.note(down("exchange 192.0.2.1:25"), at * hour);
  expect(troubles.news(9 * hour).map(({ kind }) => kind)).toEqual(["relay-down"]);
});

test.each<[PopgateEvent, string]>([
  [{ kind: "unroutable", message, sender: "a@x.example", detail: "no relay has it among its senders" }, "unroutable"],
  [{ kind: "listener-failed", address: "0.0.0.0:25", detail: "in use" }, "listener"],
  [{ kind: "certificate-refused", file: "a.pem", detail: "the key does not match" }, "certificate"],
  [{ kind: "certificate-loaded", file: "a.pem", subject: "CN=a", until: 20 * 24 * hour }, "certificate"],
  [{ kind: "web-failed", address: "127.0.0.1:8025", detail: "in use" }, "web"],
  [{ kind: "certificate-expiring", file: "a.pem", from: 0, until: 1 }, "certificate"],
  [{ kind: "back-pressure", detail: "the spool is full" }, "back-pressure"],
])("%j is told, in words of both languages", (event, kind) => {
  const troubles = new Troubles();
  troubles.note(event, 0);
  const [trouble] = troubles.news(0);
  expect(trouble?.kind).toBe(kind);
  for (const language of ["de", "en"] as const)
    expect(noticeWords[language].trouble[trouble?.kind ?? "box"].length).toBeGreaterThan(20);
});

test.each<[PopgateEvent]>([
  [{ kind: "back-pressure", detail: "" }],
  [{ kind: "certificate-loaded", file: "a.pem", subject: "CN=a", until: 22 * 24 * hour }],
])("%j needs nobody", (event) => {
  const troubles = new Troubles();
  troubles.note(event, 0);
  expect(troubles.news(0)).toEqual([]);
});
