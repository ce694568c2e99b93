import { describe, expect, it } from "vitest";
import { render } from "../../src/message/render.ts";
import { decide } from "../../src/message/recipients.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { author, policy, received } from "./support.ts";

async function delivered(...lines: readonly string[]): Promise<string> {
  const bytes = Buffer.from(`${lines.join("\r\n")}\r\n\r\nbody\r\n`);
  const { removed } = decide(
    parseHeaderBlock(bytes),
    policy("exim", { limits: { maxReceived: 50, alsoRemove: ["x-secret"] } }),
  );
  let text = "";
  async function* body(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  for await (const piece of render(body(), { prepend: "", cuts: removed })) text += piece.toString();
  return text;
}

function evidence(...lines: readonly string[]) {
  return decide(parseHeaderBlock(Buffer.from(`${lines.join("\r\n")}\r\n\r\n`)), policy("exim")).evidence.ignored;
}

describe("removal", () => {
  it("takes envelope fields, blind copies and the separator out, wherever they stand", async () => {
    const text = await delivered(
      "From a@x Tue Nov 24 08:00:00 2026",
      "Return-Path: <s@kunde.example>",
      "Envelope-to: a@firma.example",
      received,
      "X-Original-To: b@firma.example",
      ...author,
      "Bcc: c@firma.example,",
      "\td@firma.example",
      "Resent-Bcc : e@firma.example",
      "X-Secret: f",
      "DELIVERED-TO: g@firma.example",
      "X-Other: stays",
    );
    expect(text).toBe([received, ...author, "X-Other: stays", "", "body", ""].join("\r\n"));
  });

  it("takes only the for clause out of a Received field, and only where it names one who is not visible", async () => {
    const hop = (to: string): string => `Received: from x by y (Postfix)\r\n\twith SMTP id 1\r\n\tfor <${to}>; now`;
    const text = await delivered(hop("blind@firma.example"), hop("LIST@kunde.example"), ...author);
    expect(text).toContain("Received: from x by y (Postfix)\r\n\twith SMTP id 1; now\r\n");
    expect(text).toContain(hop("LIST@kunde.example"));
  });

  it("counts octets, not letters, where a Received field holds 8-bit text", async () => {
    const text = await delivered("Received: from ü by y (müll) for <blind@firma.example>; now", ...author);
    expect(text).toContain("Received: from ü by y (müll); now\r\n");
  });

  it("leaves a signed Received field whole, and says so", async () => {
    const lines = [
      "Received: from x by y for <blind@firma.example>; now",
      "DKIM-Signature: v=1; d=kunde.example; h=Received:Date:From; b=x",
      "Received: from a by b for <hidden@kunde.example>; now",
      ...author,
    ];
    const text = await delivered(...lines);
    expect(text).not.toContain("blind@");
    expect(text).toContain("hidden@");
    expect(evidence(...lines).map(({ why }) => why)).toContainEqual(expect.stringContaining("left in"));
  });

  it("removes a signed Bcc all the same, and says so", () => {
    const lines = [
      "DKIM-Signature: v=1; d=kunde.example;\r\n\th=From : Bcc :\r\n\tTo; b=x",
      "Bcc: c@firma.example",
      ...author,
    ];
    expect(evidence(...lines)).toContainEqual({
      what: expect.stringMatching(/^Bcc at octet \d+$/u) as string,
      why: "removed although the DKIM signature of kunde.example covers it",
    });
  });
});
