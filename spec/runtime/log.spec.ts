import { mkdtempSync, openSync, readFileSync, rmSync, closeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterAll, describe, expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { parseAccountName, parseMessageId } from "../../src/core/ids.ts";
import { createLog } from "../../src/runtime/log.ts";

const folder = mkdtempSync(join(tmpdir(), "popgate-log-"));
afterAll(() => rmSync(folder, { recursive: true }));

const account = parseAccountName("sammel")!;
const message = parseMessageId("0123456789BCDF")!;

const delivered: PopgateEvent = {
  kind: "delivered",
  message,
  account,
  recipients: ["a@firma.example"],
  destination: "exchange",
  reply: "250 2.0.0 Ok",
  ms: 12,
};

function failed(detail: string): PopgateEvent {
  return { kind: "poll-failed", account, failure: "auth", detail, retryAt: 0 };
}

/** Collects what is written. */
function sink() {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  return { stream, text: () => text };
}

async function linesOf(
  events: readonly PopgateEvent[],
  secrets: readonly string[] = [],
  pretty = false,
): Promise<string> {
  const out = sink();
  await using log = createLog({ level: "debug", pretty, destination: out.stream });
  for (const secret of secrets) log.registerSecret(secret);
  for (const event of events) log.emit(event);
  await log.flush();
  return out.text();
}

describe("the journal", () => {
  test.each([true, false])("takes each line's level from the number before it, pretty %s", async (pretty) => {
    const out = sink();
    await using log = createLog({ level: "debug", pretty, destination: out.stream, journal: true });
    for (const event of [delivered, failed("no"), { kind: "admin-listening", socket: "s" }] satisfies PopgateEvent[])
      log.emit(event);
    await log.flush();
    const lines = out.text().trimEnd().split("\n");
    expect(lines.map((line) => line.slice(0, 3))).toEqual(["<6>", expect.stringMatching(/^<[34]>$/u), "<7>"]);
    expect(lines[0]).toContain("a@firma.example");
  });
});

describe("lines", () => {
  test("one JSON object for each event, with its facts for machines and its words for people", async () => {
    const [line, ...more] = (await linesOf([delivered])).trimEnd().split("\n");
    expect(more).toEqual([]);
    const { time, ...rest } = JSON.parse(line ?? "") as Record<string, string>;
    expect(rest).toEqual({
      level: "info",
      event: "delivered",
      message: "0123456789BCDF",
      account: "sammel",
      recipients: ["a@firma.example"],
      destination: "exchange",
      reply: "250 2.0.0 Ok",
      ms: 12,
      msg: "0123456789BCDF delivered to a@firma.example at exchange: 250 2.0.0 Ok",
    });
    expect(new Date(time ?? "").toISOString()).toBe(time);
  });

  test("an event's level is its own, and those below the configured one are left out", async () => {
    const out = sink();
    await using log = createLog({ level: "warn", pretty: false, destination: out.stream });
    log.emit(delivered);
    log.emit({ kind: "poll-started", account });
    log.emit(failed("no"));
    log.emit({ kind: "internal-error", where: "here", detail: "x" });
    await log.flush();
    const levels = out
      .text()
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { level: string }).level);
    expect(levels).toEqual(["warn", "error"]);
  });

  test("for people: the words alone, without colours where there is no terminal", async () => {
    const text = await linesOf([delivered, failed("no")], [], true);
    expect(text).toMatch(
      /^\[[^\]]+\] INFO: 0123456789BCDF delivered to a@firma\.example at exchange: 250 2\.0\.0 Ok\n\[/u,
    );
    expect(text.split("\n")).toHaveLength(3);
    expect(text).not.toContain("\u001B");
  });

  test("a server's words can neither forge a line nor steer a terminal", async () => {
    const evil = failed('-ERR no\r\n{"level":"info","msg":"forged"}\u001B[2J\u009Bx\u2028y');
    for (const pretty of [false, true]) {
      const text = await linesOf([evil], [], pretty);
      expect(text.trimEnd().split("\n")).toHaveLength(1);
      expect(text.replace(/\n$/u, "")).not.toMatch(/[\p{Cc}\u2028]/u);
    }
  });

  test("to a file descriptor, written when emit returns", () => {
    const path = join(folder, "log");
    const fd = openSync(path, "w");
    const log = createLog({ level: "info", pretty: false, destination: fd });
    log.emit(delivered);
    const text = readFileSync(path, "utf8");
    closeSync(fd);
    expect(text).toContain("delivered to a@firma.example");
  });

  test("a destination that fails stops nothing", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("gone")) });
    await using log = createLog({ level: "info", pretty: false, destination: broken });
    log.emit(delivered);
    await log.flush();
    log.emit(delivered);
    await expect(log.flush()).resolves.toBeUndefined();
  });
});

describe("secrets", () => {
  const password = 'p"ss\\wörd+/ ä';

  test.each([
    ["plain", password],
    ["in quotation marks", JSON.stringify(password)],
    ["in a URL", `https://a.example/?p=${encodeURIComponent(password)}&x`],
    ["base64, as AUTH LOGIN sends it", Buffer.from(password).toString("base64")],
    ["SASL PLAIN", Buffer.from(`\0user\0${password}`).toString("base64")],
    ["SASL PLAIN, one octet further", Buffer.from(`\0user1\0${password}`).toString("base64")],
    ["SASL PLAIN, two octets further", Buffer.from(`\0user12\0${password}`).toString("base64")],
    ["SASL PLAIN with an authorization identity", Buffer.from(`admin\0user\0${password}`).toString("base64")],
    ["XOAUTH2", Buffer.from(`user=a\u0001auth=Bearer ${password}\u0001\u0001`).toString("base64")],
    ["base64 for URLs", Buffer.from(`x${password}`).toString("base64url")],
  ])("%s never appears", async (_, said) => {
    for (const pretty of [false, true]) {
      const without = await linesOf([failed(`-ERR ${said} is wrong`)], [], pretty);
      expect(without).toContain(pretty ? said : JSON.stringify(said).slice(1, -1));
      const text = await linesOf([failed(`-ERR ${said} is wrong`)], [password], pretty);
      expect(text).toContain("[secret]");
      expect(text).toContain("is wrong");
      for (const form of [password, said, JSON.stringify(password).slice(1, -1)]) expect(text).not.toContain(form);
      expect(decodable(text)).not.toContain(password);
    }
  });

  test("several secrets, and one within another", async () => {
    const text = await linesOf(
      [failed("first geheim, then geheimnis, then andres")],
      ["geheim", "geheimnis", "andres"],
    );
    expect(text).not.toMatch(/geheim|andres|nis/u);
  });

  test("a value too short to be looked for leaves the log readable", async () => {
    expect(await linesOf([failed("a bad day")], ["a"])).toContain("a bad day");
  });

  test("after very many values the youngest are still kept out", async () => {
    const tokens = Array.from({ length: 3000 }, (_, index) => `token-number-${index}-xyz`);
    expect(await linesOf([failed(`said ${tokens.at(-1) ?? ""}`)], tokens)).toContain("said [secret]");
  });

  /** All that any base64 word of the text means. */
  function decodable(text: string): string {
    return [...text.matchAll(/[A-Za-z0-9+/_-]{4,}/gu)]
      .map(([word]) => Buffer.from(word, "base64").toString("utf8"))
      .join("\n");
  }
});
