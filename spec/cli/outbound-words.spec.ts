import { expect, test } from "vitest";
import { configWords } from "../../src/cli/config-words.ts";
import { loadConfig } from "../../src/config/load.ts";
import { corpusPath } from "../config/corpus-folder.ts";
import { env } from "../config/surroundings.ts";

test("popgate check: what the outbound half means", async () => {
  const file = corpusPath("config-good/everything.toml");
  const result = await loadConfig(file, env);
  if (result.kind === "bad") throw new Error("it is bad");
  const words = configWords(result.config);
  expect(words.slice(words.findIndex((line) => line.startsWith("Outbound")))).toEqual([
    "Outbound mail is taken at 192.168.1.5:25, ::1:25 and 192.168.1.5:465 (TLS) from hosts of 192.168.1.0/24 and fd00::/64 and who logs in as scanner and erp; senders of any domain; up to 35 MB.",
    "  Mail to own domains goes to Exchange, that to messe@firma.example by the relays.",
    "  Senders are told of a delay after 2 hours and of failure after 2 days, in German.",
    "Relay provider: smtp.provider.example:587, STARTTLS with a CA of its own, as m123, for *@firma.example, chef@firma.example and everybody; at most 30 in 1 minute and 2000 in 1 day; with bounce@firma.example as the sender instead of foreign and null ones.",
    "Relay second: smtp.other.example:465, TLS, as firma@other.example, for everybody.",
    "Mail of firma.example is signed (DKIM, selector s2025).",
    "Mail of firma.example is signed (DKIM, selector s2026) from 2026-12-01T00:00:00.000Z.",
  ]);
});
