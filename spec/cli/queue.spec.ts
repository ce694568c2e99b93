import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MessageFilter, MessagePage, MessageSummary } from "../../src/admin/schemas.ts";
import { openInterface, someMessage, type Interface } from "../admin/interface.ts";
import { typed } from "./console.ts";

let asked: MessageFilter[];
let waiting: MessageSummary[];
let daemon: Interface;

beforeEach(async () => {
  asked = [];
  waiting = [];
  daemon = await openInterface({
    messages: async (filter): Promise<MessagePage> => {
      asked.push(filter);
      const begin = filter.after === undefined ? 0 : waiting.findIndex(({ id }) => id === filter.after) + 1;
      const messages = waiting.slice(begin, begin + filter.limit);
      const next = messages.at(-1)?.id;
      return begin + messages.length < waiting.length && next !== undefined ? { messages, next } : { messages };
    },
  });
});
afterEach(async () => daemon[Symbol.asyncDispose]());

/** Half a minute more than is shown: a slow run must not show less. */
const inFiveHours = 5.5 * 3_600_000 + 30_000;

const queue = async (...args: string[]) => typed(["queue", "--socket", daemon.socket, ...args]);

function id(number: number): string {
  return String(number).padStart(14, "0");
}

function message(number: number, changes: Partial<MessageSummary> = {}): MessageSummary {
  return { ...someMessage, id: id(number), receivedAt: Date.now() - 7_500_000, size: 12_345, ...changes };
}

describe("popgate queue", () => {
  test("one line each: who waits for what, and why", async () => {
    waiting = [
      message(1),
      message(2, {
        state: "held",
        reason: "refused",
        from: "",
        reversePath: "",
        recipients: [
          { address: "weg@firma.example", state: "delivered" },
          { address: "anna@firma.example", state: "held" },
          { address: "bernd@firma.example", state: "queued" },
        ],
      }),
      message(3, {
        state: "held",
        reason: "envelope-missing",
        recipients: [],
        nextAttemptAt: Date.now() + inFiveHours,
      }),
      message(4, { nextAttemptAt: Date.now() + inFiveHours }),
    ];
    const { code, stdout, stderr } = await queue();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replaceAll(/ +$/gmu, ""))
      .toBe(`ID                AGE     SIZE  STATE                  FROM             TO                     SUBJECT
00000000000001  2h 5m  12.3 kB  queued                 A <a@b.example>  chef@firma.example     Hello
00000000000002  2h 5m  12.3 kB  held refused           <>               anna@firma.example +1  Hello
00000000000003  2h 5m  12.3 kB  held envelope-missing  A <a@b.example>  -                      Hello
00000000000004  2h 5m  12.3 kB  queued, in 5h 30m      A <a@b.example>  chef@firma.example     Hello
4 messages
`);
  });

  test("nothing waits", async () => {
    expect(await queue()).toMatchObject({ code: 0, stdout: "no message waits\n" });
  });

  test("every option is asked of the daemon", async () => {
    const given = `--state held --direction inbound --account box --recipient anna@ --sender kunde --reason refused --limit 7`;
    const { code } = await queue(
      ...given.split(" "),
      "--subject",
      "Rechnung & Co",
      "--older",
      "2h",
      "--younger",
      "1d 12h",
    );
    expect(code).toBe(0);
    expect(asked).toEqual([
      {
        state: "held",
        direction: "inbound",
        account: "box",
        recipient: "anna@",
        sender: "kunde",
        subject: "Rechnung & Co",
        reason: "refused",
        olderThanMs: 7_200_000,
        youngerThanMs: 129_600_000,
        limit: 7,
      },
    ]);
  });

  test.each([
    [["--state", "ended"], "queued, held"],
    [["--reason", "whatever"], "envelope-missing"],
    [["--older", "soon"], "is not a length of time"],
    [["--limit", "0"], "from 1 to 1000"],
    [["--nonsense"], "unknown option"],
  ])("%j: status 2, and words", async (args, words) => {
    const { code, stdout, stderr } = await queue(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(words);
    expect(asked).toEqual([]);
  });

  test("a page says that there is more; --all brings all, page by page, in text and in JSON", async () => {
    waiting = Array.from({ length: 1203 }, (_, index) => message(index));
    expect((await queue("--limit", "3")).stdout).toContain("the first 3; more with --all");
    const { stdout } = await queue("--all");
    expect(stdout.match(/^\d{14} /gmu)).toHaveLength(1203);
    expect(stdout).toContain("\n1203 messages\n");
    const answer = JSON.parse((await queue("--all", "--json")).stdout) as MessagePage;
    expect(answer.messages).toEqual(waiting);
    expect(asked).toHaveLength(1 + 3 + 3);
  });

  test("--json is the interface's page, cursor and all", async () => {
    waiting = [message(1), message(2), message(3)];
    const page = JSON.parse((await queue("--json", "--limit", "2")).stdout) as MessagePage;
    expect(page).toEqual({ messages: waiting.slice(0, 2), next: id(2) });
    waiting = [];
    expect(JSON.parse((await queue("--json", "--all")).stdout)).toEqual({ messages: [] });
  });

  test("on a terminal each message is one line, whatever its sender wrote", async () => {
    waiting = [
      message(1, { subject: `Angebot\r\n\u001B]0;pwned\u0007${"lang ".repeat(50)}`, from: "日本 <j@b.example>" }),
    ];
    const { stdout } = await typed(["queue", "--socket", daemon.socket], { columns: 80, env: { NO_COLOR: "1" } });
    const lines = stdout.split("\n");
    expect(lines).toHaveLength(4);
    expect(lines[1]).toContain("Angebot");
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/u);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test("ends quietly when nobody reads any more", async () => {
    waiting = [message(1)];
    const gone = new AbortController();
    gone.abort();
    expect(await typed(["queue", "--socket", daemon.socket], { signal: gone.signal })).toMatchObject({
      code: 0,
      stderr: "",
    });
  });
});
