/**
 * Two thousand messages of mixed size through a real Postfix and Dovecot into a real Postfix, while popgate is killed
 * three times without warning. No message may be missing. A message may stand twice only where SMTP leaves no choice:
 * the target took it, and popgate was killed before it could write that down.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { startCatchAll } from "./support/catch-all.ts";
import { testId, type TestMail } from "./support/mail.ts";
import { countMaildir, readMaildir } from "./support/maildir.ts";
import { configText, popgate, startDaemon } from "../fakes/popgate-process.ts";
import { startPostfix } from "./support/postfix.ts";
import { eventually } from "./support/program.ts";

const total = 2000;
const connections = 4;

/** Mostly small, some of 200 kB, a few of 3 MB. */
function mail(index: number): TestMail {
  const id = `m${index}`;
  const octets = index % 400 === 399 ? 3_000_000 : index % 50 === 49 ? 200_000 : 500 + ((index * 37) % 6000);
  const line = `${id} ${"x".repeat(70)}\r\n`;
  return {
    id,
    from: "kunde@else.example",
    rcpt: ["anna@firma.example"],
    header: ["From: kunde@else.example", "To: anna@firma.example", `Message-ID: <${id}@else.example>`],
    body: line.repeat(Math.ceil(octets / line.length)),
  };
}

test("2,000 messages and three kills: none lost, none doubled but what the kill cut off from its record", async () => {
  await using provider = await startCatchAll("kill");
  const { dir, owner, certificates, dovecot, box, delivered, anna } = provider;
  await using exchange = await startPostfix({
    dir,
    owner,
    hostname: "exchange.firma.example",
    domain: "firma.example",
    box: { kind: "users", maildir: delivered, names: ["anna"] },
  });
  const mails = Array.from({ length: total }, (_, index) => mail(index));
  await provider.fill(mails);

  const config = path.join(dir, "popgate.toml");
  await writeFile(path.join(dir, "password"), "geheim\n", { mode: 0o600 });
  await writeFile(
    config,
    configText({
      dir,
      exchangePort: exchange.port,
      exchange: `tls = "off"\nconnections = ${connections}`,
      accounts: `[[collector]]\nname = "sammel"\nhost = "localhost"\nport = ${dovecot.tlsPort}\ntls = "implicit"\nca = "${certificates.caFile}"\nuser = "sammel"\npassword = { file = "password" }\nevery = "5m"\nkeep = "never"\nprofile = "postfix"\n`,
    }),
  );

  const reported = new Set<string>();
  for (const mark of [150, 700, 1300]) {
    await using daemon = startDaemon(config);
    await eventually(`${mark} delivered`, async () => (await countMaildir(anna)) >= mark, 60_000);
    await daemon.kill();
    for (const event of daemon.events()) if (event["event"] === "delivered") reported.add(String(event["message"]));
  }
  const last = await popgate(["run", "--once", "--config", config]);
  expect(last.code, last.stdout.slice(-3000) + last.stderr.slice(-3000)).toBe(0);
  expect(await countMaildir(box), "left at the provider").toBe(0);

  const seen = new Map<string, number>();
  await eventually("the target's queue is empty", async () => {
    seen.clear();
    for (const raw of await readMaildir(anna)) seen.set(testId(raw), (seen.get(testId(raw)) ?? 0) + 1);
    return seen.size >= total;
  });
  const lost = mails.filter(({ id }) => !seen.has(id)).map(({ id }) => id);
  const doubled = [...seen].filter(([, count]) => count > 1).map(([id]) => id);
  // Whatever was in flight when a kill came may have been taken: at most one message per connection and kill.
  process.stdout.write(`faults 3, messages ${total}, lost ${lost.length}, ambiguous ${doubled.length}\n`);
  expect(lost).toEqual([]);
  expect(doubled.length).toBeLessThanOrEqual(3 * connections);
  expect(Math.max(...seen.values())).toBeLessThanOrEqual(4);
  expect(reported.size).toBeGreaterThan(0);
});
