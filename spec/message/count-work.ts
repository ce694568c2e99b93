/**
 * Counts how often each piece of src/message runs for inputs of one form and two lengths, and prints the counts as JSON.
 * To be run with `--no-opt --no-maglev --no-sparkplug`: optimised code is not counted in full.
 */
import { Session } from "node:inspector/promises";
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
  "quotes that never end": (n) => () => parseAddressList('"'.repeat(n)),
  "a Received value of clauses": (n) => () => parseReceived(`${"from x by y ".repeat(n)}; now`),
  "a body in small pieces": (n) => () => {
    const examination = examine({ maxHeader: 10_000 });
    examination.push(Buffer.from("Subject: x\r\n\r\n"));
    for (let piece = 0; piece < n; piece++) examination.push(Buffer.from("text\r\n.\r"));
    return examination.finish();
  },
};

/** Not of the program: shows that the count tells work that grows faster. */
const control = (n: number) => (): void => {
  for (let index = 0; index < n * n; index++) parseReceived("");
};

const lengths = [200, 800] as const;
const counts: Record<string, number[]> = {};
for (const [name, form] of Object.entries({ ...forms, control })) {
  // Once unmeasured: what is made at the first call is not work.
  form(lengths[0])();
  counts[name] = [await blocksRun(form(lengths[0])), await blocksRun(form(lengths[1]))];
}
process.stdout.write(JSON.stringify(counts));
