import { describe, expect, it } from "vitest";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { parseReceived } from "../../src/message/received.ts";
import { isOwnReceived, receivedField } from "../../src/message/trace.ts";

const options = {
  hostname: "mail.firma.example",
  from: "pop.provider.example",
  address: "192.0.2.10",
  protocol: "POP3S",
  id: "0123456789BCDF",
  at: Date.UTC(2026, 10, 24, 8, 30, 5),
} as const;

describe("our Received field", () => {
  it("is one folded ASCII field that names no recipient", () => {
    expect(receivedField(options)).toBe(
      "Received: from pop.provider.example ([192.0.2.10])\r\n" +
        "\tby mail.firma.example (popgate) with POP3S id 0123456789BCDF;\r\n" +
        "\tTue, 24 Nov 2026 08:30:05 +0000\r\n",
    );
  });

  it("is known again by name and signature together", () => {
    const value = parseHeaderBlock(Buffer.from(receivedField(options))).fields[0]?.value ?? "";
    expect(isOwnReceived(value, "mail.firma.example")).toBe(true);
    expect(isOwnReceived(value, "Mail.Firma.Example")).toBe(true);
    expect(isOwnReceived(value, "other.example")).toBe(false);
    expect(isOwnReceived(value.replace("(popgate)", "(Postfix)"), "mail.firma.example")).toBe(false);
    expect(isOwnReceived("from x (by mail.firma.example (popgate)) by y with SMTP", "mail.firma.example")).toBe(false);
  });

  it("lets no peer write into it", () => {
    const field = receivedField({ ...options, from: "evil\r\nBcc: a@x (by z) for <a@x>\0é" });
    expect(field.split("\r\n")).toHaveLength(4);
    expect(field).toMatch(/^[\x20-\x7e\t\r\n]*$/u);
    expect(parseReceived(field.slice("Received:".length))).toMatchObject({ by: "mail.firma.example", for: [] });
  });

  it("does without the peer's address", () => {
    expect(receivedField({ ...options, address: undefined, from: "" })).toContain("Received: from unknown\r\n\tby ");
  });
});
