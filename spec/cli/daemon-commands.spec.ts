/** poll, log, pause, resume, reload, backup and resolve, over a real socket. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Operations } from "../../src/admin/port.ts";
import type { EventMessage, PollResult, ResolutionResult, ResolveRequest } from "../../src/admin/schemas.ts";
import { Followers, openInterface, type Interface } from "../admin/interface.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { Paper, typed } from "./console.ts";

let followers: Followers;
let given: Partial<Operations>;
let daemon: Interface;

beforeEach(() => {
  followers = new Followers();
  given = {};
});
afterEach(async () => daemon[Symbol.asyncDispose]());

async function ask(args: readonly string[], setting: Parameters<typeof typed>[1] = {}) {
  return typed([...args, "--socket", daemon.socket], setting);
}

function event(text: string, changes: Partial<EventMessage> = {}): EventMessage {
  return { at: new Date(2026, 10, 24, 8, 0, 1).getTime(), kind: "received", level: "info", text, ...changes };
}

describe("popgate poll", () => {
  let results: readonly PollResult[] | undefined;
  const asked: (string | undefined)[] = [];

  beforeEach(async () => {
    asked.length = 0;
    daemon = await openInterface({
      poll: async (account) => {
        asked.push(account);
        return results;
      },
      onEvent: (listener) => followers.onEvent(listener),
    });
  });

  test("all accounts, each with what it came to", async () => {
    results = [
      { account: "sammel", kind: "done", detail: "3 fetched" },
      { account: "chef", kind: "delayed", detail: "the provider allows the next login in 20 s" },
    ];
    const { code, stdout } = await ask(["poll"]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      "ACCOUNT  RESULT   WHAT IT CAME TO\n" +
        "sammel   done     3 fetched\n" +
        "chef     delayed  the provider allows the next login in 20 s\n",
    );
    expect(asked).toEqual([undefined]);
  });

  test.each([
    ["done", 0],
    ["failed", 1],
    ["delayed", 4],
    ["not-polled", 4],
  ] as const)("one account that is %s: status %i", async (kind, code) => {
    results = [{ account: "sammel", kind, detail: "" }];
    expect((await ask(["poll", "sammel", "--json"])).code).toBe(code);
    expect(asked).toEqual(["sammel"]);
  });

  test("an account that is not there: status 3", async () => {
    results = undefined;
    const { code, stderr } = await ask(["poll", "nobody"]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: "popgate: there is no account nobody\n" });
  });

  test("on a terminal it counts while it works, and leaves nothing of that behind", async () => {
    await daemon[Symbol.asyncDispose]();
    daemon = await openInterface({
      poll: async () => {
        // The progress has been asked for before.
        await followers.count(1);
        followers.tell(event("", { kind: "poll-started", account: "sammel" }));
        for (let index = 0; index < 3; index++) followers.tell(event("", { account: "sammel" }));
        followers.tell(event("", { account: "chef" }));
        return [{ account: "sammel", kind: "done", detail: "3 fetched" }];
      },
      onEvent: (listener) => followers.onEvent(listener),
    });
    const { code, stdout, stderr } = await ask(["poll", "sammel"], { columns: 80, env: { NO_COLOR: "1" } });
    expect(code).toBe(0);
    expect(stdout).toContain("3 fetched");
    expect(stderr.endsWith("\r\u001B[K")).toBe(true);
    expect(stderr).not.toContain("chef");
    await followers.count(0);
  });
});

describe("popgate log", () => {
  beforeEach(async () => {
    daemon = await openInterface({ onEvent: (listener) => followers.onEvent(listener) });
  });

  async function following(...args: string[]) {
    const stdout = new Paper();
    const ended = typed(["log", "-f", ...args, "--socket", daemon.socket], { stdout });
    await followers.count(1);
    return { stdout, ended };
  }

  async function until(paper: Paper, text: string): Promise<void> {
    while (!paper.text.includes(text)) await once(paper, "written");
  }

  test("each event is a line as it comes, until the daemon ends", async () => {
    const { stdout, ended } = await following();
    followers.tell(event("first"));
    followers.tell(event("quiet", { level: "debug" }));
    followers.tell(event("zweite Grüße \u001B[2J", { level: "error" }));
    await until(stdout, "zweite");
    await daemon.close();
    const { code, stderr } = await ended;
    expect(stdout.text).toBe("08:00:01 first\n08:00:01 zweite Grüße \uFFFD[2J\n");
    expect(code).toBe(7);
    expect(stderr).toContain("has ended the connection");
  });

  test("only what is asked for", async () => {
    const { stdout, ended } = await following("--level", "warn", "--message", "000000000bcdfg", "--account", "sammel");
    const wanted = { level: "warn", message: "000000000BCDFG", account: "sammel" } as const;
    followers.tell(event("one", wanted));
    followers.tell(event("too quiet", { ...wanted, level: "info" }));
    followers.tell(event("another message", { ...wanted, message: "000000000BCDFF" }));
    followers.tell(event("another account", { ...wanted, account: "chef" }));
    followers.tell(event("two", { ...wanted, level: "error" }));
    await until(stdout, "two");
    await daemon.close();
    await ended;
    expect(stdout.text).toBe("08:00:01 one\n08:00:01 two\n");
  });

  test("--json: one object on each line", async () => {
    const { stdout, ended } = await following("--json");
    const events = [event("a\nb"), event("c", { account: "sammel" })];
    for (const each of events) followers.tell(each);
    await until(stdout, '"c"');
    await daemon.close();
    await ended;
    expect(
      stdout.text
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line)),
    ).toEqual(events);
  });

  test("a level that is none: status 2", async () => {
    expect((await ask(["log", "--level", "loud"])).code).toBe(2);
  });
});

describe("popgate pause and resume", () => {
  const done: string[] = [];

  beforeEach(async () => {
    done.length = 0;
    daemon = await openInterface({
      pauseAccount: async (name, paused) => {
        if (name === "box" || name === "both") done.push(`account ${name} ${String(paused)}`);
        return name === "box" || name === "both";
      },
      pauseDestination: async (name, paused) => {
        if (name === "exchange" || name === "both") done.push(`destination ${name} ${String(paused)}`);
        return name === "exchange" || name === "both";
      },
    });
  });

  test.each([
    [["pause", "box"], "account box true", "is not polled any more"],
    [["resume", "box"], "account box false", "is polled again"],
    [["pause", "exchange"], "destination exchange true", "its mail waits"],
    [["resume", "exchange"], "destination exchange false", "is sent mail again"],
    [["pause", "both"], "account both true", "is not polled"],
    [["pause", "both", "--destination"], "destination both true", "its mail waits"],
    [["pause", "both", "--account"], "account both true", "is not polled"],
  ])("%j", async (args, what, words) => {
    const { code, stdout } = await ask(args);
    expect(code).toBe(0);
    expect(stdout).toContain(words);
    expect(done).toEqual([what]);
  });

  test("a name that is none: status 3, with those that there are", async () => {
    const { code, stderr } = await ask(["pause", "nothing/here"]);
    expect(code).toBe(3);
    expect(stderr).toBe(
      "popgate: there is no account or destination nothing/here; there are: box, exchange mail.firma.example:25\n",
    );
    expect((await ask(["pause", "exchange", "--account"])).code).toBe(3);
    expect(done).toEqual([]);
  });
});

describe("popgate reload", () => {
  test("taken", async () => {
    daemon = await openInterface();
    expect(await ask(["reload"])).toMatchObject({ code: 0, stdout: "the configuration has been taken\n" });
    expect(await ask(["reload", "--json"])).toMatchObject({ code: 0, stdout: '{\n  "done": true\n}\n' });
  });

  test("a bad one: every error on a line of its own, status 2", async () => {
    given = {
      reload: async () => ({
        kind: "refused",
        errors: ["popgate.toml:3: hostname: is no name; use one", "popgate.toml:9: y"],
      }),
    };
    daemon = await openInterface(given);
    const { code, stderr } = await ask(["reload"]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "popgate: The configuration is not good:\n  popgate.toml:3: hostname: is no name; use one\n  popgate.toml:9: y\n",
    );
  });
});

test("popgate backup asks for an absolute path", async () => {
  const dirs: string[] = [];
  daemon = await openInterface({ backup: async (dir) => void dirs.push(dir) });
  expect((await ask(["backup", "copy"])).code).toBe(0);
  expect((await ask(["backup", "/var/backups/popgate"])).code).toBe(0);
  expect(dirs).toEqual([path.resolve("copy"), "/var/backups/popgate"]);
});

test.each([
  ["SPOOL_UNUSABLE", "there is a spool in /copy already", 4, "there is a spool in /copy already"],
  ["EACCES", "EACCES: permission denied, mkdir '/copy'", 4, "permission denied"],
  ["", "a fault of ours", 1, "its log says why"],
])("popgate backup that fails with %j: words", async (code, message, status, words) => {
  daemon = await openInterface({
    backup: async () => {
      throw Object.assign(new Error(message), code === "" ? {} : { code });
    },
  });
  const ended = await ask(["backup", "/copy"]);
  expect(ended.code).toBe(status);
  expect(ended.stderr).toContain(words);
});

describe("popgate resolve", () => {
  test("of a running daemon: what became of each", async () => {
    const requests: ResolveRequest[] = [];
    const results: ResolutionResult[] = [
      { id: "A", kind: "released", recipients: ["a@x.example", "b@x.example"], detail: "released" },
      { id: "B", kind: "duplicate", detail: "a copy of what its recipients have been given" },
      { id: "C", kind: "held", detail: "loop: seen before" },
      { id: "D", kind: "skipped", detail: "not held" },
    ];
    daemon = await openInterface({
      resolve: async function* (request) {
        requests.push(request);
        yield* requests.length > 2 ? [] : results;
      },
    });
    const { code, stdout } = await ask(["resolve", "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toBe(
      "would be released: A to a@x.example, b@x.example\n" +
        "would be dropped: B is a copy of what its recipients have been given\n" +
        "would be held: C: loop: seen before\n" +
        "would be left as it is: D: not held\n",
    );
    expect(JSON.parse((await ask(["resolve", "A", "B", "--json"])).stdout)).toEqual(results);
    expect((await ask(["resolve"])).stdout).toBe("nothing is held that could be decided again\n");
    expect(requests).toEqual([{ dryRun: true }, { ids: ["A", "B"], dryRun: false }, { dryRun: false }]);
  });

  test("without a daemon it is done here; a socket that is named is meant", async () => {
    daemon = await openInterface();
    using home = new TemporaryDirectory();
    const config = path.join(home.path, "popgate.toml");
    writeFileSync(config, `hostname = 3\n[admin]\nsocket = ${JSON.stringify(path.join(home.path, "none.sock"))}\n`);
    // The configuration is read, and found bad: nobody was there to ask.
    expect((await typed(["resolve", "--config", config])).code).toBe(2);
    expect((await typed(["resolve", "--socket", path.join(home.path, "none.sock")])).code).toBe(7);
  });
});
