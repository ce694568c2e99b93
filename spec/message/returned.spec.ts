/** Mail that popgate has relayed and that comes back, and mail that somebody else has sent on. */
import { describe, expect, it } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { heldIfReturned, ownNames, submittedAs, type RelayedMessage } from "../../src/message/returned.ts";
import { receivedField } from "../../src/message/trace.ts";
import { decide } from "../../src/message/recipients.ts";
import { header, policy, received } from "./support.ts";
import type { MessageId } from "../../src/core/ids.ts";

const hostname = "mail.firma.example";
const id = "000000000BCDFG" as MessageId;
const ours = receivedField({ hostname, from: "ex", address: undefined, protocol: "ESMTP", id, at: 0 })
  .trimEnd()
  .replaceAll("\r\n", "");
const relayed = (...to: readonly string[]): RelayedMessage => ({
  id,
  to: to.map((address) => ({ address: mustAddress(address), at: undefined })),
});

function outcome(known: readonly RelayedMessage[], ...lines: readonly string[]): string {
  const block = header("Envelope-To: <a@firma.example>", received, ...lines);
  const rules = policy("exim");
  expect(submittedAs(block, hostname)).toEqual(lines.includes(ours) ? [id] : []);
  const decision = heldIfReturned(decide(block, rules), block, known, ownNames(rules));
  return decision.kind === "hold" ? `${decision.reason}: ${decision.detail}` : decision.kind;
}

describe("a message that we relayed", () => {
  it("is held when it comes back for whom it was, whatever way it took", () => {
    const detail = `loop: this is message ${id}, which popgate itself relayed to a@firma.example (not confirmed); it has come back`;
    expect(outcome([relayed("a@firma.example")], ours)).toBe(detail);
    expect(outcome([relayed("a@firma.example")], "List-Id: <l.example>", ours)).toBe(detail);
  });

  it("is held when it went to another own address, and nobody says that he sent it on", () => {
    expect(outcome([relayed("alias@firma.example")], ours)).toContain("alias@firma.example");
    // A Resent field below ours was there before it went out.
    expect(outcome([relayed("alias@firma.example")], ours, "Resent-To: x@firma.example")).toMatch(/^loop/u);
  });

  it.each(["List-Id: <l.example>", "List-Post: <mailto:l@l.example>", "Precedence: list", "Resent-From: x@l.example"])(
    "is mail when somebody sent it on: %s",
    (line) => expect(outcome([relayed("alias@firma.example")], line, ours)).toBe("deliver"),
  );

  it("is mail when it never went to an own address, or nothing is known of it", () => {
    expect(outcome([relayed("list@l.example")], ours)).toBe("deliver");
    expect(outcome([], ours)).toBe("deliver");
    expect(outcome([relayed("alias@firma.example")], "Precedence: bulk", ours)).toMatch(/^loop/u);
  });
});
