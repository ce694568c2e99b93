import { describe, expect, test } from "vitest";
import { runCheck } from "../../src/cli/check.ts";
import { durationWords, sizeWords } from "../../src/cli/config-words.ts";
import { corpusPath } from "../config/corpus-folder.ts";

async function check(file: string, json = false) {
  let stdout = "";
  let stderr = "";
  const status = await runCheck(
    { config: corpusPath(file), json },
    {
      env: { POP_PASSWORD: "geheim" },
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
    },
  );
  return { status, stdout, stderr };
}

describe("popgate check", () => {
  test("a good file: status 0, its meaning in words, nothing on stderr", async () => {
    const { status, stdout, stderr } = await check("config-good/mixed.toml");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.split("\n")).toEqual([
      "mail.firma.example takes mail for firma.example and firma.de; admin@firma.example is told of what needs a person.",
      "2 alias(es).",
      "Collector by-hand: sammel at pop.provider.example:110, STARTTLS, password in the environment variable POP_PASSWORD.",
      "  Polled every 5 minutes; deleted at the provider once it is delivered; messages up to 150 MB.",
      '  Recipients: X-Original-To, Delivered-To ("GMX delivery to *") and the `for` of Received, above Received field number 2 (as configured); for firma.example.',
      '  The prefix "firma-" is taken off.',
      "  Mail without a readable recipient goes to chef@firma.example.",
      "Mailbox chef: chef at pop.freemail.example:995, TLS, password in the environment variable POP_PASSWORD.",
      "  Polled every 5 minutes; deleted at the provider once it is delivered; messages up to 150 MB.",
      "  Everything goes to chef@firma.example.",
      "Mailbox messe (switched off): messe at pop.freemail.example:995, TLS, password in the environment variable POP_PASSWORD.",
      "  Polled every 5 minutes; never deleted at the provider; messages up to 150 MB; what is in the box at first is left there.",
      "  Everything goes to vertrieb@firma.example and chef@firma.example.",
      "Delivery to 127.0.0.1:2525, in the clear.",
      "  Refused recipients: their mail is held. After 5 days without success mail is held.",
      "Spool in /var/lib/popgate/spool: at most 10 GiB, 500 MB of the disk stay free, history of 30 days.",
      "Notices to the postmaster at most every 1 hour, in English.",
      "The configuration is good.",
      "",
    ]);
  });

  test("a bad file: status 2, one line for each problem, in the order of the file", async () => {
    const { status, stdout, stderr } = await check("config-bad/missing-several.toml");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    const lines = stderr.trimEnd().split("\n");
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/\/missing-several\.toml:\d+:\d+: \S+: /u);
  });

  test("a doubtful file: status 0, and the warning", async () => {
    const { status, stderr } = await check("config-doubtful/every-short.toml");
    expect(status).toBe(0);
    expect(stderr).toMatch(/^warning: .*collector\[1\]\.every: more than one poll a minute/u);
  });

  test("as JSON", async () => {
    const bad = await check("config-bad/missing-hostname.toml", true);
    expect(bad).toMatchObject({ status: 2, stderr: "" });
    expect(JSON.parse(bad.stdout)).toMatchObject({ ok: false, problems: [{ line: 1, column: 1, key: "hostname" }] });
    const good = await check("config-good/smallest.toml", true);
    expect(good.status).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, problems: [], warnings: [] });
  });

  test("a file that is not there", async () => {
    const { status, stderr } = await check("config-good/absent.toml");
    expect(status).toBe(2);
    expect(stderr).toContain("absent.toml:1:1: the file does not exist");
  });
});

test.each([
  [300_000, "5 minutes"],
  [5_400_000, "1 hour 30 minutes"],
  [86_400_000, "1 day"],
  [250, "250 ms"],
])("%d ms are %s", (ms, words) => {
  expect(durationWords(ms)).toBe(words);
});

test.each([
  [150_000_000, "150 MB"],
  [10 * 1024 ** 3, "10 GiB"],
  [1_234_567, "1.2 MB"],
  [1e9, "1 GB"],
  [512, "512 octets"],
])("%d octets are %s", (octets, words) => {
  expect(sizeWords(octets)).toBe(words);
});
