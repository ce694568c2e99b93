/** retry, hold, release, redirect, drop and bounce, over a real socket. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Action, ActionResult, MessageFilter, MessageSummary } from "../../src/admin/schemas.ts";
import { openInterface, someMessage, type Interface } from "../admin/interface.ts";
import { typed } from "./console.ts";

interface Asked {
  readonly ids: readonly string[];
  readonly action: Action;
}

let asked: Asked[];
let filters: MessageFilter[];
let waiting: MessageSummary[];
let outcomes: Map<string, ActionResult["kind"]>;
let daemon: Interface;

beforeEach(async () => {
  asked = [];
  filters = [];
  waiting = [];
  outcomes = new Map();
  daemon = await openInterface({
    messages: async (filter) => {
      filters.push(filter);
      const begin = filter.after === undefined ? 0 : waiting.findIndex(({ id }) => id === filter.after) + 1;
      const messages = waiting.slice(begin, begin + filter.limit);
      const next = messages.at(-1)?.id;
      return begin + messages.length < waiting.length && next !== undefined ? { messages, next } : { messages };
    },
    act: async (ids, action) => {
      asked.push({ ids, action });
      return ids.map((id) => ({ id, kind: outcomes.get(id) ?? "done", detail: `${action.action} of ${id}` }));
    },
  });
});
afterEach(async () => daemon[Symbol.asyncDispose]());

const steer = async (...args: string[]) => typed([...args, "--socket", daemon.socket]);
const some = (count: number): void => {
  waiting = Array.from({ length: count }, (_, index) => ({ ...someMessage, id: String(index).padStart(14, "0") }));
};

describe("what is asked for", () => {
  test.each<[string[], Action]>([
    [["retry", "A", "B"], { action: "retry" }],
    [["retry", "A", "B", "--recipient", "x@y.example"], { action: "retry", recipients: ["x@y.example"] }],
    [["hold", "A", "B"], { action: "hold" }],
    [["hold", "A", "B", "--detail", "until Monday"], { action: "hold", detail: "until Monday" }],
    [["release", "A", "B"], { action: "release" }],
    [
      ["release", "A", "B", "--to", "a@x.example", "b@x.example"],
      { action: "release", to: ["a@x.example", "b@x.example"] },
    ],
    [["redirect", "A", "B", "--to", "a@x.example"], { action: "redirect", to: "a@x.example" }],
    [
      ["redirect", "A", "B", "--to", "a@x.example", "--recipient", "o@x.example"],
      { action: "redirect", to: "a@x.example", recipients: ["o@x.example"] },
    ],
    [["drop", "A", "B", "--yes"], { action: "drop" }],
    [["bounce", "A", "B", "-y"], { action: "bounce" }],
  ])("%j", async (args, action) => {
    const { code, stdout } = await steer(...args);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `A  ${action.action} of A\nB  ${action.action} of B\n` });
    expect(asked).toEqual([{ ids: ["A", "B"], action }]);
  });

  test("an id that is given twice is asked for once", async () => {
    await steer("retry", "A", "A", "B");
    expect(asked[0]?.ids).toEqual(["A", "B"]);
  });
});

describe("how it ends", () => {
  test.each<[string, Readonly<Record<string, ActionResult["kind"]>>, number]>([
    ["unchanged is no failure", { A: "unchanged" }, 0],
    ["one is not there", { A: "not-found" }, 3],
    ["one is refused, one not there", { A: "not-found", B: "refused" }, 4],
  ])("%s", async (_, kinds, code) => {
    outcomes = new Map(Object.entries(kinds));
    const ended = await steer("retry", "A", "B", "C");
    expect(ended.code).toBe(code);
    expect(ended.stdout).toContain(`A  ${(kinds["A"] ?? "").replace("-", " ")}: retry of A`);
    expect(ended.stdout).toContain("C  retry of C");
  });

  test("--json gives what became of each", async () => {
    outcomes.set("B", "refused");
    const { code, stdout } = await steer("hold", "A", "B", "--json");
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toEqual([
      { id: "A", kind: "done", detail: "hold of A" },
      { id: "B", kind: "refused", detail: "hold of B" },
    ]);
  });
});

describe("without ids", () => {
  test("a filter chooses, over all pages, in requests of bounded size", async () => {
    some(1450);
    const { code } = await steer("retry", "--all-queued", "--sender", "kunde");
    expect(code).toBe(0);
    expect(filters[0]).toEqual({ state: "queued", sender: "kunde", limit: 1000 });
    expect(filters).toHaveLength(2);
    expect(asked.flatMap(({ ids }) => ids)).toEqual(waiting.map(({ id }) => id));
    expect(Math.max(...asked.map(({ ids }) => ids.length))).toBe(200);
  });

  test("a recipient chooses the messages, and is the only one meant in them", async () => {
    some(2);
    await steer("drop", "--recipient", "anna@firma.example", "--reason", "refused", "--yes");
    expect(filters).toEqual([{ recipient: "anna@firma.example", reason: "refused", limit: 1000 }]);
    expect(asked[0]?.action).toEqual({ action: "drop", recipients: ["anna@firma.example"] });
  });

  test("nothing matches: nothing is asked", async () => {
    expect(await steer("drop", "--reason", "loop")).toMatchObject({ code: 0, stdout: "no message matches\n" });
    expect(asked).toEqual([]);
  });

  test.each([
    [["retry"], "which messages?"],
    [["drop", "--yes"], "which messages?"],
    [["drop", "A", "--reason", "loop", "--yes"], "either ids or a filter"],
    [["retry", "A", "--all-queued"], "either ids or a filter"],
    [["release", "--to", "a@x.example", "A"], "which messages?"],
    [["redirect", "A"], "--to"],
    [["drop", "--older", "yesterday", "--yes"], "not a length of time"],
  ])("%j is a mistake: status 2, nothing done", async (args, words) => {
    some(3);
    const { code, stderr } = await steer(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(asked).toEqual([]);
  });
});

describe("who is asked first", () => {
  const atTerminal = async (answer: string, ...args: string[]) =>
    typed([...args, "--socket", daemon.socket], { typed: answer, columns: 80, env: { NO_COLOR: "1" } });

  test.each(["y\n", "Yes\n", "j\n", "ja\r\n"])("drop at a terminal, answered %j: done", async (answer) => {
    const { code, stderr } = await atTerminal(answer, "drop", "A");
    expect(code).toBe(0);
    expect(stderr).toBe("Drop 1 message? [y/N]\n");
    expect(asked).toHaveLength(1);
  });

  test.each(["\n", "n\n", "yesterday\n", "q\n"])("answered %j: nothing is done, status 4", async (answer) => {
    const { code, stderr } = await atTerminal(answer, "drop", "A");
    expect(code).toBe(4);
    expect(stderr).toContain("nothing was done");
    expect(asked).toEqual([]);
  });

  test("without a terminal it wants --yes", async () => {
    const { code, stderr } = await steer("drop", "A");
    expect(code).toBe(2);
    expect(stderr).toContain("--yes");
    expect(asked).toEqual([]);
  });

  test.each([
    [["drop", "--reason", "loop"], "Drop 1234 messages? [y/N]\n"],
    [["bounce", "--older", "3d"], "Return to sender: 1234 messages? [y/N]\n"],
    [["hold", "--subject", "x"], "Hold 1234 messages? [y/N]\n"],
    [["release", "--reason", "loop"], "Release 1234 messages? [y/N]\n"],
    [["redirect", "--account", "b", "--to", "a@x.example"], "Redirect 1234 messages to a@x.example? [y/N]\n"],
    [["drop", "--recipient", "o@x.example"], "Drop 1234 messages for o@x.example? [y/N]\n"],
  ])("%j asks with the count, and does it to exactly those", async (args, question) => {
    some(1234);
    const { stderr } = await atTerminal("y\n", ...args);
    expect(stderr).toBe(question);
    expect(asked.flatMap(({ ids }) => ids)).toHaveLength(1234);
  });

  test("a retry, and a hold of what is named, are not asked for", async () => {
    some(3);
    expect((await atTerminal("n\n", "retry", "--all-queued")).stderr).toBe("");
    expect((await atTerminal("n\n", "hold", "A")).stderr).toBe("");
    expect(asked).toHaveLength(2);
  });

  test("the end of the input is no", async () => {
    const { code } = await atTerminal("", "drop", "A");
    expect({ code, asked }).toEqual({ code: 4, asked: [] });
  });
});
