/**
 * `popgate import`: what is written where, with which mode; that nothing is overwritten and no password shown; and that
 * popgate takes what was written, but for what a person has to set.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { importFetchmailrc } from "../../src/migrate/fetchmail.ts";
import { importGetmailrc } from "../../src/migrate/getmail.ts";
import { writeConfig } from "../../src/migrate/written-config.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { typed } from "./console.ts";

let home: TemporaryDirectory;
beforeEach(() => (home = new TemporaryDirectory()));
afterEach(() => home[Symbol.dispose]());

function at(name: string): string {
  return path.join(home.path, name);
}

const fetchmailrc = `set postmaster chef@firma.example
poll pop.provider.example proto pop3 envelope "Envelope-To" localdomains firma.example
  user "sammel@firma.example" pass "ge\\"heim" is old=anna * here ssl smtphost exchange.firma.local
poll pop.other.example proto pop3 user sammel pass '#zwei' is chef@firma.example here ssl keep mda x
`;

describe("from fetchmail", () => {
  beforeEach(() => writeFileSync(at("rc"), fetchmailrc));

  test("the configuration lacks only the name of this machine", async () => {
    const { code, stdout, stderr } = await typed(["import", at("rc"), "--out", at("popgate.toml")]);
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toEqual(["sammel.password", "sammel-2.password", "popgate.toml"].map(at));
    expect(stderr).toContain(`${at("rc")}:4: "mda" has no equal`);
    expect(stderr).toContain("hostname: it is missing");
    const written = readFileSync(at("popgate.toml"), "utf8");
    writeFileSync(at("popgate.toml"), written.replace("# hostname", "hostname"));
    const result = await loadConfig(at("popgate.toml"), {});
    expect(result).toMatchObject({
      kind: "ok",
      config: {
        exchange: { host: "exchange.firma.local" },
        accounts: [
          { name: "sammel", kind: "collector", policy: { sources: [{ name: "Envelope-To" }] } },
          { name: "sammel-2", kind: "mailbox", keep: { kind: "forever" } },
        ],
      },
    });
    expect(written).toContain('"old@firma.example" = ["anna@firma.example"]');
  });

  test("passwords are in files of their own, for the owner only, and nowhere else", async () => {
    const { stdout, stderr } = await typed(["import", at("rc"), "--out", at("popgate.toml")]);
    expect(readFileSync(at("sammel.password"), "utf8")).toBe('ge"heim\n');
    expect(readFileSync(at("sammel-2.password"), "utf8")).toBe("#zwei\n");
    for (const file of ["sammel.password", "sammel-2.password"]) expect(statSync(at(file)).mode & 0o777).toBe(0o600);
    const shown = stdout + stderr + readFileSync(at("popgate.toml"), "utf8");
    for (const secret of ["heim", "#zwei"]) expect(shown).not.toContain(secret);
  });

  test.each(["popgate.toml", "sammel.password", "sammel-2.password"])(
    "%s is there: nothing is written",
    async (name) => {
      writeFileSync(at(name), "old");
      const { code, stderr } = await typed(["import", at("rc"), "--out", at("popgate.toml")]);
      expect(code).toBe(4);
      expect(stderr).toContain(`${at(name)} is there already`);
      expect(readdirSync(home.path).toSorted()).toEqual(["rc", name].toSorted());
      expect(readFileSync(at(name), "utf8")).toBe("old");
    },
  );

  test("a folder that is not there: status 1, nothing written", async () => {
    expect((await typed(["import", at("rc"), "--out", at("no/popgate.toml")])).code).toBe(1);
    expect(existsSync(at("no"))).toBe(false);
  });
});

test("several getmailrc make one configuration", async () => {
  mkdirSync(at("getmail"));
  for (const user of ["anna", "berta"])
    writeFileSync(
      at(`getmail/${user}`),
      `[retriever]\ntype = SimplePOP3SSLRetriever\nserver = h.example\nusername = ${user}\npassword = geheim\n`,
    );
  const files = ["anna", "berta"].map((user) => at(`getmail/${user}`));
  expect((await typed(["import", ...files, "--out", at("popgate.toml")])).code).toBe(0);
  const toml = readFileSync(at("popgate.toml"), "utf8");
  expect(toml.match(/^name = .*$/gmu)).toEqual(['name = "anna"', 'name = "berta"']);
  expect(toml).not.toContain("geheim");
});

test("what stands under defaults is told once", async () => {
  writeFileSync(at("rc"), "defaults proto pop3 ssl mda x\npoll h.example user a is x user b is y user c is z");
  const { stderr } = await typed(["import", at("rc"), "--out", at("popgate.toml")]);
  expect(stderr.match(/"mda" has no equal/gu)).toHaveLength(1);
});

test("nothing to import: status 1; no such file: status 2", async () => {
  writeFileSync(at("rc"), "set daemon 300\n");
  const { code, stderr } = await typed(["import", at("rc"), "--out", at("popgate.toml")]);
  expect(code).toBe(1);
  expect(stderr).toContain(`${at("rc")}:1: no `);
  expect((await typed(["import", at("absent")])).code).toBe(2);
  expect(existsSync(at("popgate.toml"))).toBe(false);
});

describe("whatever the file holds", () => {
  const value = fc.oneof(
    fc.constantFrom(
      "995",
      "110",
      "0",
      "99999999",
      "''",
      "a@b.example",
      "b.example",
      "x=y",
      "*",
      "To",
      "Received",
      "12s",
    ),
    fc.string({ unit: "binary", maxLength: 12 }).map((text) => JSON.stringify(text)),
    fc.string({ maxLength: 8 }),
  );
  const option = fc.constantFrom(
    ..."proto via port timeout interval envelope qvirtual localdomains auth is to pass smtphost smtpaddress".split(" "),
    ..."mda keep fetchall limit expunge ssl sslproto sslcertck sslcertfile sslcommonname sslfingerprint no".split(" "),
  );
  const piece = fc.oneof(
    fc.tuple(fc.constantFrom("poll", "skip", "defaults", "user", "set"), value),
    fc.tuple(option, value),
  );
  const rc = fc.array(piece, { maxLength: 25 }).map((pieces) => `poll h.example ${pieces.flat().join("\n")}`);
  const getmail = fc
    .array(
      fc.tuple(
        fc.constantFrom(
          ..."type server port username password password_command timeout envelope_recipient".split(" "),
          ..."use_apop ssl_fingerprints ssl_cert_hostname ca_certs delete delete_after max_message_size".split(" "),
        ),
        fc.oneof(value, fc.constantFrom("MultidropPOP3SSLRetriever", "SimplePOP3Retriever", '("a", "b")', "7")),
      ),
      { maxLength: 20 },
    )
    .map((pairs) => {
      const lines = pairs.map(([key, text]) => `${key} = ${text}`);
      return `[retriever]\n${lines.join("\n")}\n[options]\n${lines.join("\n")}`;
    });

  /** What popgate says of the result beyond what stands there to be set. */
  async function complaints(text: string, read: typeof importFetchmailrc): Promise<string[]> {
    const { toml, secrets, remarks } = writeConfig([{ name: "rc", imported: read(text) }]);
    const lines = text.split("\n").length;
    const astray = remarks.filter(({ line }) => line < 1 || line > lines).map(({ line, text }) => `${line}: ${text}`);
    if (!/^\[\[/mu.test(toml)) return astray;
    const folder = new TemporaryDirectory();
    try {
      const file = path.join(folder.path, "popgate.toml");
      writeFileSync(file, toml);
      for (const secret of secrets)
        writeFileSync(path.join(folder.path, secret.file), `${secret.value}\n`, { mode: 0o600 });
      const result = await loadConfig(file, {});
      if (result.kind === "ok") return astray;
      const open = new Set([...toml.matchAll(/^# ([a-z_]+) = .* # set this/gmu)].map(([, key]) => key ?? ""));
      const wrong = result.problems.filter(
        ({ key, message }) => !message.includes("missing") || !open.has(key.split(".").at(-1) ?? ""),
      );
      return [...astray, ...wrong.map(({ key, message }) => `${key}: ${message}\n${toml}`)];
    } finally {
      folder[Symbol.dispose]();
    }
  }

  test("a fetchmailrc: popgate takes the result, but for what a person has to set", async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(rc, async (text) => {
        expect(await complaints(text, importFetchmailrc)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test("a getmailrc, too", async () => {
    expect.hasAssertions();
    await fc.assert(
      fc.asyncProperty(getmail, async (text) => {
        expect(await complaints(text, importGetmailrc)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test("any octets at all", () => {
    expect.hasAssertions();
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        for (const read of [importFetchmailrc, importGetmailrc])
          expect(writeConfig([{ name: "x", imported: read(text) }]).toml).toContain("[exchange]");
      }),
    );
  });
});
