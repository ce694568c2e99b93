/** What fuzzing has kept, tried again: all that reaches something of its own, and all that once showed a fault. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { inputLine, readInputs } from "../../scripts/fuzz/corpus-file.ts";
import { corpusFolder, type Target } from "../../scripts/fuzz/target.ts";
import { counted, keptFiles } from "../../scripts/fuzz/targets.ts";
import { target as addressList } from "../../scripts/fuzz/targets/address-list.ts";
import { target as admin } from "../../scripts/fuzz/targets/admin.ts";
import { target as config } from "../../scripts/fuzz/targets/config.ts";
import { target as envelope } from "../../scripts/fuzz/targets/envelope.ts";
import { target as header } from "../../scripts/fuzz/targets/header.ts";
import { target as migrate } from "../../scripts/fuzz/targets/migrate.ts";
import { target as pop3Reply } from "../../scripts/fuzz/targets/pop3-reply.ts";
import { target as received } from "../../scripts/fuzz/targets/received.ts";
import { target as smtpCommand } from "../../scripts/fuzz/targets/smtp-command.ts";
import { target as smtpData } from "../../scripts/fuzz/targets/smtp-data.ts";
import { target as smtpSession } from "../../scripts/fuzz/targets/smtp-session.ts";
import { target as words } from "../../scripts/fuzz/targets/words.ts";

const targets: readonly Target[] = [
  addressList,
  admin,
  config,
  envelope,
  header,
  migrate,
  pop3Reply,
  received,
  smtpCommand,
  smtpData,
  smtpSession,
  words,
];

/** What each input that does not hold says of itself. */
async function faults(target: Target, inputs: readonly Buffer[]): Promise<string[]> {
  const told: string[] = [];
  for (const input of inputs) {
    try {
      await target.run(Buffer.from(input));
    } catch (error) {
      told.push(`${inputLine(input)}: ${String(error)}`);
    }
  }
  return told;
}

describe("the corpus", () => {
  test("every target is tried here, and has inputs that are kept", () => {
    expect(targets.map(({ name }) => name).sort()).toEqual(Object.keys(counted).sort());
    for (const { name } of targets) expect(readInputs(keptFiles(name).covering).length, name).toBeGreaterThan(5);
  });

  test.each(targets.map((target) => ({ name: target.name, target })))("$name", async ({ target }) => {
    const { covering, found } = keptFiles(target.name);
    const inputs = [...target.seeds, ...readInputs(found), ...readInputs(covering)];
    expect(await faults(target, inputs)).toEqual([]);
  });
});

describe("malformed mail of others", () => {
  const folder = corpusFolder("fuzz/mail");
  const files = readdirSync(folder).filter((file) => file.endsWith(".eml"));

  test("is there", () => expect(files.length).toBeGreaterThanOrEqual(7));

  test.each(files)("%s", async (file) => {
    const message = readFileSync(path.join(folder, file));
    const behind = (front: number): Buffer => Buffer.concat([Buffer.of(front), message]);
    // Every policy of the target, and a few cuts.
    expect(await faults(envelope, [...Array(128).keys()].map(behind))).toEqual([]);
    expect(await faults(header, [0, 1, 60, 130, 250].map(behind))).toEqual([]);
  });
});
