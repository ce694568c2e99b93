/** Secrets of several lines: a DKIM key in PEM is one, and nothing else may be. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Secret } from "../../src/config/secret.ts";

const pem = "-----BEGIN PRIVATE KEY-----\nMC4C\nAQAw\n-----END PRIVATE KEY-----";
const ports = { env: {}, onValue: () => undefined, uid: process.geteuid?.() };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), "popgate-secret-text-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function file(content: string): { readonly kind: "file"; readonly path: string } {
  const name = path.join(dir, "key");
  writeFileSync(name, content);
  chmodSync(name, 0o600);
  return { kind: "file", path: name };
}

test("a text has lines, a line has none", async () => {
  const source = file(`${pem}\n`);
  expect(await new Secret("dkim[0].key", source, ports, "text").read()).toBe(pem);
  await expect(new Secret("relay[0].password", source, ports).read()).rejects.toThrow("more than one line");
  const command = { kind: "command" as const, argv: ["cat", source.path] as const, timeoutMs: 10_000 };
  expect(await new Secret("dkim[0].key", command, { ...ports, env: process.env }, "text").read()).toBe(pem);
});

test("neither has a NUL, nor is empty", async () => {
  for (const content of ["a\0b", "\n\n"])
    await expect(new Secret("dkim[0].key", file(content), ports, "text").read()).rejects.toThrow("dkim[0].key");
});
