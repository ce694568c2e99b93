/** What stands in popgate.toml is what the gatekeeper goes by. */
import { expect, test } from "vitest";
import { mustAddress } from "../../src/core/address.ts";
import { loadConfig } from "../../src/config/load.ts";
import { corpusPath } from "../config/corpus-folder.ts";
import { env } from "../config/surroundings.ts";
import { admitted, clientAt, codeOf, mailFrom, openGatekeeper, tls } from "./gatekeeper-support.ts";

const file = corpusPath("config-good/everything.toml");

async function fromConfig() {
  const result = await loadConfig(file, env);
  const listener = result.kind === "ok" ? result.config.listener : undefined;
  if (listener === undefined) throw new Error("there is no listener");
  const { maxOctets } = listener;
  return openGatekeeper({ ...listener, tls: listener.tls !== undefined, maxOctets: () => maxOctets }).keeper;
}

test("networks, senders of any domain, size", async () => {
  const client = clientAt("192.168.1.7");
  using pass = admitted(await fromConfig(), client);
  expect(codeOf(pass.mail(mailFrom("user@foreign.example"), client))).toBe("ok");
  expect(codeOf(pass.mail(mailFrom("user@firma.example", { size: 35_000_001 }), client))).toBe("552 5.3.4");
  expect(codeOf(pass.recipient(mustAddress("a@b.example"), "a@b.example", 500, client))).toBe("452 4.5.3");
});

test("users: a hash from the environment, and one in the file", async () => {
  const keeper = await fromConfig();
  for (const user of ["scanner", "erp"]) {
    const client = clientAt("203.0.113.7", { tls });
    using pass = admitted(keeper, client);
    expect(codeOf(await pass.logIn(user, "falsch", client))).toBe("535 5.7.8");
    expect(codeOf(await pass.logIn(user, "geheim", client))).toBe("ok");
    expect(codeOf(pass.mail(mailFrom("user@firma.example"), { ...client, user }))).toBe("ok");
  }
});
