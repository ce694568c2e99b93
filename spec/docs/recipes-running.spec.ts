/**
 * The recipes at work: each configuration, with this machine in the place of the provider and of Exchange, brings in mail
 * as that provider stores it, and delivers it to those whom its envelope names.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { startPop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { typed } from "../cli/console.ts";
import { certificates } from "../fakes/certificates.ts";
import { readCases } from "../message/envelope-cases.ts";
import { TemporaryDirectory } from "../spool/support.ts";
import { blocks, document, root } from "./document.ts";

const cases = readCases(path.join(root, "spec/corpus/envelope"));
const all = blocks(document("docs/recipes.md"), "toml");
/** What logs in with a password; tokens come from servers that nothing here can stand in for. */
const recipes = all.filter((config) => !config.includes("oauth]"));

function valueOf(config: string, key: string): string | undefined {
  return new RegExp(`^${key} += (?:"([^"]+)"|\\["([^"]+)"\\])$`, "mu")
    .exec(config)
    ?.slice(1)
    .find((value) => value);
}

interface Sample {
  readonly message: Buffer;
  readonly to: readonly string[];
}

const received =
  "Received: from out.else.example by mx.provider.example with ESMTPS; Tue, 24 Nov 2026 08:00:01 +0100\r\n";
const plain = `${received}From: kunde@else.example\r\nTo: somebody@else.example\r\nSubject: x\r\n\r\nx\r\n`;

/** Mail as the recipe's provider stores it, and whom it is for; `undefined` where the recipe learns the profile first. */
function sampleFor(config: string): Sample | undefined {
  const deliverTo = valueOf(config, "deliver_to");
  if (deliverTo !== undefined) return { message: Buffer.from(plain), to: [deliverTo] };
  const field = valueOf(config, "envelope");
  if (field !== undefined) return { message: Buffer.from(`${field}: anna@firma.example\r\n${plain}`), to: [anna] };
  const profile = valueOf(config, "profile");
  if (profile === "auto") return undefined;
  if (profile === "qmail") {
    const prefix = valueOf(config, "strip_prefix") ?? "";
    return { message: Buffer.from(`Delivered-To: ${prefix}anna@firma.example\r\n${plain}`), to: [anna] };
  }
  const found = cases.find(
    (each) =>
      each.profile === profile &&
      each.expected.expect === "deliver" &&
      each.expected.to.every((address) => address.endsWith("@firma.example")),
  );
  if (found === undefined) throw new Error(`no case of profile ${profile ?? ""}`);
  return { message: found.message, to: found.expected.to };
}

const anna = "anna@firma.example";

/** The recipe with this machine's servers, ports and files in it; nothing else is changed. */
function here(config: string, folder: string, pop3: number, exchange: number): string {
  const secret = path.join(folder, "secret");
  writeFileSync(secret, "geheim\n", { mode: 0o600 });
  writeFileSync(path.join(folder, "ca.pem"), certificates().ca.cert);
  return [
    config
      .replaceAll(/file = "[^"]+"/gu, `file = ${JSON.stringify(secret)}`)
      .replace(/(\[exchange\]\n)host = .*/u, `$1host = "127.0.0.1"\nport = ${exchange}\ntls = "off"`)
      .replaceAll(
        /(\[\[(?:collector|mailbox)\]\]\n(?:.*\n)*?)host +=.*/gu,
        `$1host = "127.0.0.1"\nport = ${pop3}\nca = "ca.pem"`,
      ),
    `[spool]\ndir = "spool"\n[admin]\nsocket = "admin.sock"\n[log]\nlevel = "error"\n`,
  ].join("\n");
}

async function bringIn(config: string, message: Buffer) {
  using folder = new TemporaryDirectory();
  const users = [...config.matchAll(/^user +=  ?"([^"]+)"$/gmu)].map(([, user = ""]) => user);
  const accounts = [...new Set(users)].map((user) => ({ user, password: "geheim", messages: [message] }));
  await using pop3 = await startPop3StandIn({ accounts, tls: { ...certificates().server, implicit: true } });
  await using exchange = await startSmtpStandIn();
  const file = path.join(folder.path, "popgate.toml");
  writeFileSync(file, here(config, folder.path, pop3.port, exchange.port));
  const { code, stderr } = await typed(["run", "--once", "--config", file]);
  return { code, stderr, delivered: exchange.messages.map(({ recipients }) => recipients.toSorted()) };
}

test("all but the one with tokens are run", () => {
  expect(recipes.length).toBe(all.length - 1);
  expect(recipes.length).toBeGreaterThan(12);
});

describe("a recipe delivers what its provider stores", () => {
  test.concurrent.each(recipes.map((config) => [/^host +=  ?"(?!exchange)([^"]+)"$/mu.exec(config)?.[1], config]))(
    "%s",
    async (_host, config = "") => {
      const sample = sampleFor(config);
      const { code, stderr, delivered } = await bringIn(config, sample?.message ?? Buffer.from(plain));
      if (sample === undefined) {
        // Held, and told to the postmaster.
        expect(code, stderr).toBe(5);
        expect(delivered).toEqual([["postmaster@firma.example"]]);
        return;
      }
      expect(code, stderr).toBe(0);
      expect(delivered.length).toBeGreaterThan(0);
      for (const recipients of delivered) expect(recipients).toEqual(sample.to.toSorted());
    },
  );
});
