/**
 * A line that breaks, between popgate and a real Dovecot: connections are cut after some octets of the server, again and
 * again, in mid-login, mid-listing, mid-message and before QUIT is answered. Each message still arrives exactly once.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { configText, popgate } from "../fakes/popgate-process.ts";
import { startCatchAll } from "./support/catch-all.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { startExim } from "./support/exim.ts";
import { testId } from "./support/mail.ts";
import { countMaildir, readMaildir } from "./support/maildir.ts";
import { eventually } from "./support/program.ts";

const total = 60;

test.each([
  { keep: '"never"', left: 0 },
  { keep: '"14d"', left: total },
])("keep = $keep: a connection that is cut at many places brings each message in once", async ({ keep, left }) => {
  await using provider = await startCatchAll("drops");
  const { dir, owner, dovecot, box, delivered, anna } = provider;
  await using exchange = await startExim({
    dir,
    owner,
    hostname: "exchange.firma.example",
    domain: "firma.example",
    box: { kind: "users", maildir: delivered, names: ["anna"] },
  });
  const mails = Array.from({ length: total }, (_, index) => ({
    id: `m${index}`,
    from: "kunde@else.example",
    rcpt: ["anna@firma.example"],
    header: ["From: kunde@else.example", "To: anna@firma.example", `Message-ID: <m${index}@else.example>`],
    body: `${"x".repeat(70)}\r\n`.repeat(1 + (index % 7) * 20),
  }));
  await provider.fill(mails);

  // In the greeting, the login, the listing, the first message, and ever further on.
  const cuts = [1, 40, 120, 400, 900, 1500, 2600, 5000, 9000, 20_000, 45_000];
  await using proxy = await startCuttingProxy(dovecot.port, cuts);
  const config = path.join(dir, "popgate.toml");
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  const accounts = `[[collector]]\nname = "sammel"\nhost = "127.0.0.1"\nport = ${proxy.port}\ntls = "off"\nuser = "sammel"\npassword = { file = "password" }\nevery = "5m"\nkeep = ${keep}\nprofile = "postfix"\n`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));

  const codes: (number | null)[] = [];
  for (let round = 0; round < 30 && codes.at(-1) !== 0; round++) {
    const run = await popgate(["run", "--once", "--config", config]);
    codes.push(run.code);
    expect([0, 3], run.stdout.slice(-2000) + run.stderr).toContain(run.code);
  }
  expect(codes.at(-1)).toBe(0);
  expect(proxy.cut, "connections cut").toBe(cuts.length);
  await eventually("all delivered", async () => (await countMaildir(anna)) >= total);
  const ids = (await readMaildir(anna)).map(testId);
  expect(ids.toSorted()).toEqual(mails.map(({ id }) => id).toSorted());
  expect(await countMaildir(box)).toBe(left);
});
