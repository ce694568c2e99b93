/**
 * Dialogues of several sessions: every file of `collector/` is a provider's box that once puzzled somebody, and the whole
 * collector (real client, plan, ledger, decision, spool) must make of it what the file says. The format is that of
 * `dialogue.ts`; each connection is one poll, two hours after the one before. Settings: `keep` (never, forever, or days)
 * and `known` (`nothing`: the server's capabilities are not asked for).
 *
 *     expect:
 *     done fetched 1 deleted 1 recognised 0 held 0     or: failed in-use
 *     spooled SUBJECT RECIPIENTS                       what is in the queue at the end, sorted
 *     held REASON
 *     notice WORDS                                     a notice that contains these words
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { KeepRule } from "../../src/inbound/keep.ts";
import type { PollReport } from "../../src/inbound/report.ts";
import { assumedCapabilities } from "../../src/pop3/capabilities.ts";
import { pop3Connect } from "../../src/pop3/connect.ts";
import { defaultLimits, defaultTimeouts } from "../../src/pop3/options.ts";
import type { Pop3Connect } from "../../src/pop3/port.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { bench, type Bench } from "../inbound/bench.ts";
import { parseDialogue, playServer } from "./dialogue.ts";

const folder = path.join(import.meta.dirname, "collector");
const betweenPollsMs = 2 * 3_600_000;

function connectTo(port: number, asksCapabilities: boolean): Pop3Connect {
  const connect = pop3Connect(
    {
      host: "127.0.0.1",
      port,
      tls: { mode: "off", ca: [], fingerprints: [], minVersion: "TLSv1.2", servername: undefined },
      credentials: { user: "tester", secret: { kind: "password", read: async () => "secret" } },
      auth: "user",
      limits: defaultLimits,
      timeouts: defaultTimeouts,
      // One command at a time, so that a script can say what comes next.
      pipelining: false,
      needUidl: false,
      utf8: false,
    },
    { clock: systemClock, randomBytes },
  );
  return async (signal, known) => connect(signal, asksCapabilities ? known : assumedCapabilities);
}

function keepRule(text: string): KeepRule {
  if (text === "never" || text === "forever") return { kind: text };
  return { kind: "for", ms: Number(text) * 86_400_000 };
}

function pollLine(report: PollReport): string {
  if (report.kind === "failed") return `failed ${report.failure}`;
  if (report.kind !== "done") return report.kind;
  const { fetched, deleted, recognised, held } = report;
  return `done fetched ${fetched} deleted ${deleted} recognised ${recognised} held ${held}`;
}

async function outcome(b: Bench, polls: readonly PollReport[]): Promise<string[]> {
  const spooled = (await b.spooled()).map(({ record }) => {
    const people = record.recipients.map(({ address }) => address).join(" ");
    return `spooled ${record.summary.subject} ${people}`.trim();
  });
  return [...polls.map(pollLine), ...spooled.toSorted(), ...b.heard("held").map(({ reason }) => `held ${reason}`)];
}

describe("dialogues of the collector", () => {
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  it.each(files)("%s", async (file) => {
    const dialogue = parseDialogue(readFileSync(path.join(folder, file), "utf8"));
    await using server = await playServer(dialogue);
    const connect = connectTo(server.port, dialogue.settings.get("known") !== "nothing");
    const b = await bench({ connect, keep: keepRule(dialogue.settings.get("keep") ?? "never") });
    const polls: PollReport[] = [];
    for (let poll = 0; poll < dialogue.connections.length; poll++) {
      polls.push(await b.poll());
      b.clock.set(b.clock.now() + betweenPollsMs);
    }
    await server.done;
    expect(server.complaints).toEqual([]);
    const isNotice = (line: string): boolean => line.startsWith("notice ");
    expect(await outcome(b, polls)).toEqual(dialogue.expected.filter((line) => !isNotice(line)));
    const notices = [...b.heard("account-notice"), ...b.heard("box-notice")].map(({ detail }) => detail).join("\n");
    for (const line of dialogue.expected.filter(isNotice)) expect(notices).toContain(line.slice("notice ".length));
  });
});
