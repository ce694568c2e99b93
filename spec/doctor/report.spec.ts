/** The doctor's words: order, summary, statuses, what the command makes of wrong use, and what may stand in a finding. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { runDoctor } from "../../src/cli/doctor.ts";
import { type Finding, Notes } from "../../src/doctor/finding.ts";
import { reportLines, statusOf, summaryOf } from "../../src/doctor/report.ts";
import { makeDoctorWorld } from "./doctor-world.ts";

const notes = new Notes("exchange");
notes.ok("exchange-login", "good");
notes.warn("exchange-size-limit", "odd", "look at it", ["a = 1", "b = 2"]);
notes.error("exchange-failed", "broken");
notes.info("exchange-offers", "by the way");
const { findings } = notes;

test("most important first, each with its id, remedies and lines below, the summary last", () => {
  expect(reportLines(findings)).toEqual([
    "ERROR    exchange: broken [exchange-failed]",
    "warning  exchange: odd [exchange-size-limit]",
    "         look at it",
    "             a = 1",
    "             b = 2",
    "info     exchange: by the way [exchange-offers]",
    "ok       exchange: good [exchange-login]",
    "1 error, 1 warning, 1 checks good; first: exchange: broken",
  ]);
});

test("the status is 5 for errors, and for warnings only when asked; nothing at all is good", () => {
  const warning = findings.filter(({ severity }) => severity === "warning");
  expect([statusOf(findings, false), statusOf(warning, false), statusOf(warning, true), statusOf([], true)]).toEqual([
    5, 0, 5, 0,
  ]);
  expect(summaryOf([])).toBe("0 errors, 0 warnings, 0 checks good");
});

test("a server's words cannot move the cursor, make lines of their own, or go on for ever", () => {
  const own = new Notes("x");
  own.error("exchange-failed", `a\u001b[2J\r\nERROR host: forged\u2028${"z".repeat(5000)}`, undefined, ["line\nother"]);
  const [found] = own.findings;
  expect(found?.what).not.toMatch(/[\p{Cc}\p{Zl}]/u);
  expect(found?.what.length).toBeLessThan(2000);
  expect(found?.lines).toEqual(["line other"]);
});

describe("the command", () => {
  async function run(
    dir: string,
    what: readonly string[],
    json = false,
  ): Promise<{ status: number; out: string; err: string }> {
    const said = { out: "", err: "" };
    const around = {
      env: {},
      stdout: { write: (text: string) => (said.out += text) },
      stderr: { write: (text: string) => (said.err += text) },
    };
    const args = { config: path.join(dir, "popgate.toml"), json, strict: false, what };
    return { status: await runDoctor(args, around, { lookup: async () => ["192.0.2.1"] }), ...said };
  }

  test("takes names of accounts and relays, and says which there are when there is no such one", async () => {
    await using world = await makeDoctorWorld();
    await world.ask({ listener: world.listen }, ["host"]);
    for (const wrong of [["nobody"], ["relay"], ["relay", "nobody"], ["exchange", "x"], ["account", "sammel", "x"]]) {
      const { status, err } = await run(world.dir, wrong);
      expect(status).toBe(2);
      expect(err).toContain("There is: sammel, exchange, relay provider, listener, host");
    }
    expect(world.pop3.connections).toBe(0);
    const account = await run(world.dir, ["account", "sammel"]);
    expect(account.status).toBe(0);
    expect(account.out).toContain("account sammel: logged in as sammel");
    expect(account.out).not.toContain("exchange:");
    expect(world.exchange.connections.total).toBe(0);
  });

  test("a configuration that is not good is a finding, and the status says so", async () => {
    await using world = await makeDoctorWorld();
    await writeFile(path.join(world.dir, "popgate.toml"), 'hostname = "popgate.firma.example"\nhosts = 1\n');
    const { status, out } = await run(world.dir, []);
    expect(status).toBe(2);
    expect(out).toMatch(/^ERROR {4}configuration: .*popgate\.toml:2: hosts: .* \[configuration\]$/mu);
  });

  test("each finding has its id in JSON, too", async () => {
    await using world = await makeDoctorWorld();
    await world.ask({}, ["account", "sammel"]);
    const { out } = await run(world.dir, ["account", "sammel"], true);
    const answer: unknown = JSON.parse(out);
    expect(answer).toMatchObject({
      findings: expect.arrayContaining([
        { id: "account-login", severity: "ok", about: "account sammel", what: "logged in as sammel" },
      ]) as unknown,
    });
  });
});

test("a listener that popgate itself holds is good, and no other program's that greets alike", async () => {
  await using world = await makeDoctorWorld();
  const listener = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end("220 popgate.firma.example ESMTP\r\n");
  }).listen(0, "127.0.0.1");
  const admin = createServer().listen(path.join(world.dir, "admin.sock"));
  await Promise.all([once(listener, "listening"), once(admin, "listening")]);
  try {
    const address = listener.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const written = { listener: `listen = ["127.0.0.1:${address.port}"]` };
    const running = await world.ask(written, ["listener"]);
    expect(running.bad).toEqual([]);
    expect(whats(running.findings)).toContain(`127.0.0.1:${address.port} is held by popgate itself`);
    const host = await world.ask(written, ["host"]);
    expect(whats(host.findings)).toContain("popgate is running");
    admin.close();
    await once(admin, "close");
    const stopped = await world.ask(written, ["listener"]);
    expect(stopped.words).toContain("is taken by another program, which greets: 220 popgate.firma.example");
  } finally {
    listener.close();
    admin.close();
  }
});

function whats(all: readonly Finding[]): string {
  return all.map(({ what }) => what).join("\n");
}
