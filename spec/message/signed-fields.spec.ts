/** What signatures cover, read out of fields that are not as they should be. */
import { describe, expect, it } from "vitest";
import { signedFields } from "../../src/message/signed-fields.ts";
import { header } from "./support.ts";

describe("what a signature covers", () => {
  it("is counted by name, and told by domain", () => {
    const found = signedFields(header("DKIM-Signature: v=1; d=a.example; h=From : to:TO:bcc", "To: x", "From: y"));
    expect([...found]).toEqual([
      ["from", { domain: "a.example", times: 1 }],
      ["to", { domain: "a.example", times: 2 }],
      ["bcc", { domain: "a.example", times: 1 }],
    ]);
  });

  it("is what covers most, of several", () => {
    const found = signedFields(header("DKIM-Signature: d=a.example; h=to", "DKIM-Signature: d=b.example; h=to:to"));
    expect(found.get("to")).toEqual({ domain: "b.example", times: 2 });
  });

  it("has no name where the signature has no domain", () => {
    expect(signedFields(header("DKIM-Signature: nonsense; =x; h=from")).get("from")?.domain).toBe("an unnamed domain");
  });

  it("is nothing where no fields are listed", () => {
    expect(signedFields(header("DKIM-Signature: v=1; d=a.example; bh=x; b=y")).size).toBe(0);
    expect([...signedFields(header("DKIM-Signature: d=a.example; h=:from::")).keys()]).toEqual(["from"]);
    expect(signedFields(header("From: a@b.example")).size).toBe(0);
  });

  it("is never more Received fields than there were below", () => {
    const signature = "DKIM-Signature: d=a.example; h=received:received:received";
    const found = signedFields(header("Received: by c; now", signature, "Received: by b; now", "Received: by a; now"));
    expect(found.get("received")?.times).toBe(2);
  });
});
