import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Status } from "../../src/admin/schemas.ts";
import { goodStatus, openInterface, type Interface } from "../admin/interface.ts";
import { typed } from "./console.ts";

const sound: Status = {
  ...goodStatus,
  queue: {
    ...goodStatus.queue,
    held: 0,
    heldByReason: {},
    inbound: { queued: 2, held: 0 },
    outbound: { queued: 1, held: 0 },
  },
  accounts: goodStatus.accounts.map((account) => ({ ...account, failing: false, last: "3 fetched" })),
  destinations: [{ name: "exchange mail.firma.example:25", state: "up", running: 0 }],
  troubles: [],
};

let status: Status;
let daemon: Interface;

beforeEach(async () => {
  status = goodStatus;
  daemon = await openInterface({ status: async () => status });
});
afterEach(async () => daemon[Symbol.asyncDispose]());

describe("popgate status", () => {
  test("what is wrong comes first, with what to do; status 5", async () => {
    const { code, stdout, stderr } = await typed(["status", "--socket", daemon.socket]);
    expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
    expect(stdout).toBe(`popgate 1.2.3 on mail.firma.example, up 1m
spool ok in /var/spool/popgate, 5 kB free
takes mail from Exchange at 0.0.0.0:25

What is wrong, and what to do
  error box, since 21s
    auth
    → Look.

Accounts
  NAME  STATE    LAST POLL  LAST SUCCESS  NEXT   WHAT IT CAME TO
  box   failing  1s ago     11s ago       in 9s  auth: wrong password

Queue
  WAY       QUEUED  THE OLDEST  HELD
  inbound        2         30s     2
  outbound       1         10s     0
  held: 2 envelope-missing; popgate queue --state held shows them
  4.7 kB in all

Destinations
  NAME                            STATE  SINCE  NEXT TRY  QUEUED  UNDER WAY  WHY
  exchange mail.firma.example:25  down   21s                   4          1  connect: refused
`);
  });

  test("nothing is wrong: status 0", async () => {
    status = sound;
    const { code, stdout } = await typed(["status", "--socket", daemon.socket]);
    expect(code).toBe(0);
    expect(stdout).toContain("Nothing is wrong.");
    expect(stdout).not.toContain("held:");
  });

  test("--json gives the interface's own, and the same exit status", async () => {
    const { code, stdout } = await typed(["status", "--json", "--socket", daemon.socket]);
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toEqual(status);
  });

  test("before anything has been polled, and with nothing configured", async () => {
    status = { ...sound, accounts: [], destinations: [], listeners: [], spool: { dir: "/s", health: "ok" } };
    const { code, stdout } = await typed(["status", "--socket", daemon.socket], { columns: 60 });
    expect(code).toBe(0);
    expect(stdout.match(/^ {2}none$/gmu)).toHaveLength(2);
  });

  test("a server's words cannot steer the terminal", async () => {
    status = {
      ...goodStatus,
      troubles: [{ severity: "error", about: "x", detail: "\u001B[2J\u009Bmgone", remedy: "r" }],
    };
    const { stdout } = await typed(["status", "--socket", daemon.socket], { columns: 80, env: { NO_COLOR: "1" } });
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/u);
    expect(stdout).toContain("\uFFFD[2J\uFFFDmgone");
  });
});
