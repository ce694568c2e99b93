/** The file as a whole, what the values become, and that nothing in it makes the reader throw. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { addressKey, mustAddress } from "../../src/core/address.ts";
import type { CollectorConfig, Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";
import { configJsonSchema } from "../../src/config/schema.ts";
import { corpusPath } from "./corpus-folder.ts";
import { env } from "./surroundings.ts";

const folder = mkdtempSync(join(tmpdir(), "popgate-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

const good = `${corpusPath("config-good")}/`;

function write(content: string | Buffer, name = "popgate.toml"): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function problemsOf(path: string): Promise<readonly string[]> {
  const result = await loadConfig(path, env);
  return result.kind === "bad" ? result.problems.map(formatProblem) : ["it was taken"];
}

async function configOf(path: string): Promise<Config> {
  const result = await loadConfig(path, env);
  if (result.kind === "bad") throw new Error(result.problems.map(formatProblem).join("\n"));
  return result.config;
}

const smallest = readFileSync(`${good}smallest.toml`, "utf8");

describe("the file as a whole", () => {
  test("a value without end is not quoted without end", async () => {
    const path = write(
      smallest.replace("[exchange]", `[exchange]\nport = "${"ä".repeat(5000)}"\n${"k".repeat(5000)} = 1`),
    );
    for (const problem of await problemsOf(path)) expect(problem.length).toBeLessThan(2000);
  });

  test("is not there", async () => {
    expect(await problemsOf(join(folder, "absent.toml"))).toEqual([
      `${folder}/absent.toml:1:1: the file does not exist`,
    ]);
  });

  test("is a folder", async () => {
    mkdirSync(join(folder, "dir.toml"));
    expect(await problemsOf(join(folder, "dir.toml"))).toEqual([expect.stringContaining(":1:1: it is a folder")]);
  });

  test("cannot be read", async () => {
    symlinkSync("loop.toml", join(folder, "loop.toml"));
    expect(await problemsOf(join(folder, "loop.toml"))).toEqual([expect.stringContaining("cannot be read")]);
  });

  test.each(["", "\n \n\t\n"])("is empty: %j", async (content) => {
    expect(await problemsOf(write(content))).toEqual([expect.stringContaining("the file is empty")]);
  });

  test("is larger than a mebibyte", async () => {
    expect(await problemsOf(write(`# ${"x".repeat(1024 * 1024)}\n`))).toEqual([
      expect.stringContaining("larger than 1 MiB"),
    ]);
  });

  test("is UTF-16", async () => {
    const path = write(Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(smallest, "utf16le")]));
    expect(await problemsOf(path)).toEqual([expect.stringContaining(":1:1: this line is not UTF-8")]);
  });

  test("has a byte order mark and line ends of Windows", async () => {
    const config = await configOf(write(`\uFEFF${smallest.replaceAll("\n", "\r\n")}`));
    expect(config.hostname).toBe("mail.firma.example");
  });

  test("is nested without end", async () => {
    expect((await problemsOf(write(`a = ${"[".repeat(10_000)}`))).length).toBeGreaterThan(0);
    expect((await problemsOf(write(`a = ${"{a=".repeat(10_000)}`))).length).toBeGreaterThan(0);
  });
});

describe("what values become", () => {
  test("the smallest file: every default", async () => {
    const config = await configOf(write(smallest));
    expect(config.exchange).toMatchObject({ port: 25, connections: 4, maxRecipients: 200, onReject: { kind: "hold" } });
    expect(config.accounts[0]).toMatchObject({
      kind: "collector",
      port: 995,
      tls: { mode: "implicit", minVersion: "TLSv1.2" },
      schedule: { kind: "every", ms: 300_000 },
      keep: { kind: "until-delivered" },
      initial: "all",
      maxOctets: 150_000_000,
    });
    expect(config.accounts[0]?.policy).toMatchObject({
      kind: "auto",
      domains: ["firma.example"],
      hostname: "mail.firma.example",
    });
    expect(config.spool).toEqual({
      dir: "/var/lib/popgate/spool",
      maxOctets: 10 * 1024 ** 3,
      minFreeOctets: 5e8,
      historyDays: 30,
    });
  });

  test("by hand: sources, place, aliases, credentials", async () => {
    const config = await configOf(`${good}mixed.toml`);
    const [byHand, chef, messe] = config.accounts;
    expect((byHand as CollectorConfig).policy).toMatchObject({
      kind: "collector",
      profile: "custom",
      place: { kind: "top", trustedHops: 1 },
      sources: [
        { kind: "field", name: "X-Original-To", occurrence: "topmost" },
        { kind: "field", name: "Delivered-To", pattern: "GMX delivery to *", occurrence: "topmost" },
        { kind: "received-for", by: ["mx.provider.example"] },
      ],
      stripPrefix: "firma-",
      fallback: "chef@firma.example",
      domains: ["firma.example"],
    });
    expect(byHand).toMatchObject({ port: 110, tls: { mode: "starttls" } });
    expect(chef?.policy).toMatchObject({ kind: "mailbox", deliverTo: ["chef@firma.example"] });
    expect(messe).toMatchObject({ enabled: false, keep: { kind: "forever" }, initial: "new" });
    expect(config.aliases.get(addressKey(mustAddress("INFO@firma.example")))).toEqual(["chef@firma.example"]);
    expect(config.aliases.get(addressKey(mustAddress("*@firma.de")))).toHaveLength(2);
    const credentials = byHand?.credentials;
    expect(credentials?.kind === "password" ? await credentials.password.read() : "").toBe("geheim");
  });

  test("every key set: domains, paths and files", async () => {
    const config = await configOf(`${good}everything.toml`);
    expect(config.spool.dir).toBe(`${good}spool`);
    expect(config.admin.socket).toBe(`${good}admin.sock`);
    expect(config.exchange.tls).toMatchObject({
      mode: "starttls",
      minVersion: "TLSv1.3",
      servername: "ex1.firma.example",
    });
    expect(config.exchange.tls.ca[0]).toContain("BEGIN CERTIFICATE");
    expect(config.exchange.onReject).toEqual({ kind: "redirect", to: "admin@firma.example" });
    expect(config.exchange.retryMs).toEqual([30_000, 60_000, 300_000]);
    expect(config.relays[0]?.rates).toEqual([
      { messages: 30, perMs: 60_000 },
      { messages: 2000, perMs: 86_400_000 },
    ]);
    expect(config.listener?.listen[1]).toEqual({ host: "::1", port: 25 });
    expect(config.accounts[1]?.credentials).toMatchObject({
      kind: "oauth",
      oauth: { clientId: "popgate", scope: "pop" },
    });
  });

  test("domains with umlauts become A-labels", async () => {
    const config = await configOf(write(smallest.replace('["firma.example"]', '["Müller.example", "firma.example"]')));
    expect(config.domains).toEqual(["xn--mller-kva.example", "firma.example"]);
  });
});

test("secrets are looked at before anything starts, and told to the log", async () => {
  const told: string[] = [];
  const path = write(smallest.replace('{ env = "POP_PASSWORD" }', '{ file = "secret" }'));
  writeFileSync(join(folder, "secret"), "aus der datei\n");
  chmodSync(join(folder, "secret"), 0o644);
  expect(await problemsOf(path)).toEqual([expect.stringContaining(`chmod 600 ${folder}/secret`)]);
  chmodSync(join(folder, "secret"), 0o600);
  expect((await loadConfig(path, env, (value) => told.push(value))).kind).toBe("ok");
  expect(told).toEqual(["aus der datei"]);
});

test("a password in the file appears in no problem and no printed configuration", async () => {
  const path = write(smallest.replace('{ env = "POP_PASSWORD" }', '"Tr0ub4dor"').replace('"auto"', '"outo"'));
  const result = await loadConfig(path, env);
  expect(result.kind).toBe("bad");
  expect(JSON.stringify(result)).not.toContain("Tr0ub4dor");
  const config = await configOf(write(smallest.replace('{ env = "POP_PASSWORD" }', '"Tr0ub4dor"')));
  expect(JSON.stringify(config)).not.toContain("Tr0ub4dor");
});

test("a long file, wrong all over, is answered too", async () => {
  const many = Array.from({ length: 2000 }, (_, index) => `key_${index} = 1`).join("\n");
  const problems = await problemsOf(write(many));
  expect(problems.filter((text) => text.includes("not known here"))).toHaveLength(2000);
  const again = "hostname = 1\n".repeat(5000);
  expect((await problemsOf(write(again))).length).toBeLessThanOrEqual(20);
});

describe("whatever stands in the file, the reader answers", () => {
  const everything = readFileSync(`${good}everything.toml`);

  test("any octets changed, taken out or put in", async () => {
    const change = fc.record({
      at: fc.nat(everything.length - 1),
      octet: fc.nat(255),
      how: fc.constantFrom("set", "cut", "add"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let text = [...everything];
        for (const { at, octet, how } of changes) {
          if (how === "set") text[at % text.length] = octet;
          else if (how === "cut") text = [...text.slice(0, at), ...text.slice(at + 1 + (octet % 40))];
          else text.splice(at, 0, octet);
        }
        expect(await faultOfAnswer(write(Buffer.from(text), "everything.toml"))).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  test("lines in any order, and lines twice", async () => {
    const lines = everything.toString("utf8").split("\n");
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...lines, ...lines], { minLength: 5 }), async (some) => {
        expect(await faultOfAnswer(write(some.join("\n"), "everything.toml"))).toBeUndefined();
      }),
      { numRuns: 60 },
    );
  });

  test("any value in the place of any other", async () => {
    const values = [
      "1",
      "-1",
      "1.5",
      "true",
      '"x"',
      '""',
      "[]",
      "{}",
      "[[1]]",
      "2026-01-01",
      "nan",
      "9223372036854775807",
      '["a"]',
      "{ file = 1 }",
    ];
    const keyed = everything
      .toString("utf8")
      .split("\n")
      .map((line) => /^([a-z_]+) = /u.exec(line)?.[1]);
    await fc.assert(
      fc.asyncProperty(fc.nat(keyed.length - 1), fc.constantFrom(...values), async (at, value) => {
        const lines = everything.toString("utf8").split("\n");
        if (keyed[at] !== undefined) lines[at] = `${keyed[at]} = ${value}`;
        expect(await faultOfAnswer(write(lines.join("\n"), "everything.toml"))).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  /** What is wrong with the answer itself; `undefined` if it is a good one. */
  async function faultOfAnswer(path: string): Promise<string | undefined> {
    const result = await loadConfig(path, env);
    if (result.kind === "ok") return undefined;
    if (result.problems.length === 0) return "bad, and no problem named";
    const lines = readFileSync(path, "latin1").split("\n").length;
    const lost = result.problems.find(
      ({ line, column, message }) => line < 1 || line > lines || column < 1 || message === "",
    );
    return lost === undefined ? undefined : formatProblem(lost);
  }
});

test("every key has a description: the reference is made from them", () => {
  const bare: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null) return;
    for (const [name, child] of Object.entries("properties" in node ? (node.properties ?? {}) : {})) {
      if (!("description" in (child as object))) bare.push(`${path}${name}`);
      visit(child, `${path}${name}.`);
    }
    for (const key of ["items", "additionalProperties"]) visit((node as Record<string, unknown>)[key], path);
    for (const branch of (node as { anyOf?: unknown[] }).anyOf ?? []) visit(branch, path);
  };
  visit(configJsonSchema(), "");
  expect(bare).toEqual([]);
});
