/**
 * Linear work, by counting: how often each piece of the message part's own code runs for an input and for one four times
 * as long. Nothing is timed. (What native code does with a megabyte is seen in `properties.spec.ts`: it must end.)
 */
import { Session } from "node:inspector/promises";
import { expect, test } from "vitest";
import { parseAddressList } from "../../src/message/address-list.ts";
import { examine } from "../../src/message/examine.ts";
import { parseHeaderBlock } from "../../src/message/header.ts";
import { decide } from "../../src/message/recipients.ts";
import { parseReceived } from "../../src/message/received.ts";
import { policy } from "./support.ts";

/** How often blocks of src/message ran during `work`, added up. */
async function blocksRun(work: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    // What was counted before this call is taken away.
    await session.post("Profiler.takePreciseCoverage");
    work();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    await session.post("Profiler.stopPreciseCoverage");
    return result
      .filter(({ url }) => url.includes("/src/message/"))
      .flatMap(({ functions }) => functions)
      .flatMap(({ ranges }) => ranges)
      .reduce((sum, { count }) => sum + count, 0);
  } finally {
    session.disconnect();
  }
}

const header = (fields: string): Buffer => Buffer.from(`${fields}\r\nbody\r\n`, "latin1");
const generous = { limits: { maxReceived: 1_000_000, alsoRemove: [] } };
const byExim = (fields: string) => (): unknown => decide(parseHeaderBlock(header(fields)), policy("exim", generous));
const byIonos = (fields: string) => (): unknown => decide(parseHeaderBlock(header(fields)), policy("ionos", generous));

const forms: Readonly<Record<string, (n: number) => () => unknown>> = {
  "Received fields": (n) => byExim("Received: from x by y for <a@b.example>; now\r\n".repeat(n)),
  "envelope fields on top": (n) => byExim(`${"Envelope-To: <a@firma.example>\r\n".repeat(n)}Received: by y; now\r\n`),
  "envelope fields at the end": (n) => byIonos("Envelope-To: <a@firma.example>\r\nX-Spam-Flag: NO\r\n".repeat(n)),
  "signatures and what they sign": (n) => byExim("DKIM-Signature: d=x; h=bcc:to:received\r\nBcc: a\r\n".repeat(n)),
  "visible addresses": (n) =>
    byExim("To: a@b.example, c@d.example\r\nReceived: by y for <e@f.example>; now\r\n".repeat(n)),
  "short fields and junk": (n) => byExim("x\r\nA:\r\n".repeat(n)),
  "folded lines": (n) => byExim(`Subject: x${"\r\n y".repeat(n)}\r\n`),
  "recipients of one field": (n) => {
    const list = Array.from({ length: n }, (_, index) => `<u${index}@firma.example>`).join(", ");
    return byExim(`Envelope-To: ${list}\r\nReceived: by y; now\r\n`);
  },
  "nested comments": (n) => () => parseAddressList(`${"(".repeat(n)}a@b.example${")".repeat(n)}`),
  "quotes that never end": (n) => () => parseAddressList('"'.repeat(n)),
  "a Received value of clauses": (n) => () => parseReceived(`${"from x by y ".repeat(n)}; now`),
  "a body in small pieces": (n) => () => {
    const examination = examine({ maxHeader: 10_000 });
    examination.push(Buffer.from("Subject: x\r\n\r\n"));
    for (let piece = 0; piece < n; piece++) examination.push(Buffer.from("text\r\n.\r"));
    return examination.finish();
  },
};

test.each(Object.entries(forms))("%s: four times as much costs about four times as much", async (_, form) => {
  form(500)();
  const [small, large] = [await blocksRun(form(500)), await blocksRun(form(2000))];
  expect(small).toBeGreaterThan(0);
  expect(large / small).toBeLessThan(5);
});

test("the count would show work that grows faster", async () => {
  const quadratic = (n: number) => (): void => {
    for (let index = 0; index < n; index++) parseAddressList("x".repeat(index));
    for (let index = 0; index < n * n; index++) parseReceived("");
  };
  expect((await blocksRun(quadratic(80))) / (await blocksRun(quadratic(20)))).toBeGreaterThan(5);
});
