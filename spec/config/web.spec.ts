import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { corpusPath } from "./corpus-folder.ts";
import { env } from "./surroundings.ts";

test("what the web page becomes: where it listens, its names, its users", async () => {
  const result = await loadConfig(corpusPath("config-good/everything.toml"), env);
  if (result.kind === "bad") throw new Error("it is bad");
  const { web } = result.config.admin;
  expect(web).toMatchObject({ listen: { host: "127.0.0.1", port: 8025 }, names: ["post.firma.example"] });
  expect(await web?.users.get("admin")?.read()).toBe(env["SCANNER_HASH"]);
});
