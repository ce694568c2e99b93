import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { corpusPath } from "./corpus-folder.ts";
import { env } from "./surroundings.ts";

test("what the outbound half becomes: hashes, keys, patterns", async () => {
  const file = corpusPath("config-good/everything.toml");
  const result = await loadConfig(file, env);
  if (result.kind === "bad") throw new Error("it is bad");
  const { listener, dkim, relays } = result.config;
  expect(listener).toMatchObject({
    senderDomains: ["firma.example"],
    foreignSenders: true,
    clientMessagesPerMinute: 120,
  });
  expect(await listener?.users.get("scanner")?.read()).toBe(env["SCANNER_HASH"]);
  expect(await dkim[0]?.key.read()).toContain("-----BEGIN PRIVATE KEY-----\n");
  expect(relays[0]?.rewrite).toEqual(new Set(["foreign", "null"]));
});
