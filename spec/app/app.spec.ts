/** The parts put together: what only shows when they are. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { simpleParser } from "mailparser";
import { expect, test } from "vitest";
import { openApp, type App } from "../../src/app/app.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { PopgateEvent } from "../../src/core/events.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { configText } from "../fakes/popgate-process.ts";
import { draft, octets, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";

const deadline = (): AbortSignal => AbortSignal.timeout(15_000);

async function makeApp(dir: string, exchangePort: number, events: PopgateEvent[], clock: ManualClock): Promise<App> {
  const config = path.join(dir, "popgate.toml");
  const box = `[[mailbox]]\nname = "off"\nenabled = false\nhost = "localhost"\ntls = "off"\nuser = "u"\npassword = "p"\ndeliver_to = ["a@firma.example"]\n`;
  await writeFile(config, configText({ dir, exchangePort, accounts: box }));
  const result = await loadConfig(config, {});
  if (result.kind === "bad") throw new Error(JSON.stringify(result.problems));
  const spool = { ...result.config.spool, maxOctets: 1_000_000, minFreeOctets: 0 };
  return openApp(
    { ...result.config, spool },
    {
      clock,
      random: seededRandom(),
      events: { emit: (event) => void events.push(event) },
    },
  );
}

test("the postmaster is told that the spool was full, once there is room for the notice", async () => {
  using place = new TemporaryDirectory();
  await using exchange = await startSmtpStandIn();
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  await using app = await makeApp(place.path, exchange.port, events, clock);
  const stop = new AbortController();
  const running = app.run(stop.signal);
  await clock.sleeping();
  const hold = { reason: "by-administrator", detail: "", since: clock.now() } as const;
  const { id } = await stored(app.spool, octets(1_040_000), { ...draft(), recipients: [], hold });
  expect(() => app.spool.begin()).toThrow(/limit/u);
  expect(events.map(({ kind }) => kind)).toContain("spool-full");
  await app.spool.update(id, (record) => ({ ...record, hold: undefined }));
  for (let look = 0; look < 20 && exchange.messages.length === 0; look++) await clock.advance(15_000);
  await exchange.received(1, deadline());
  expect((await simpleParser(exchange.messages[0]?.raw ?? "")).text).toMatch(/spool|full/iu);
  stop.abort(new Error("enough"));
  await running;
});

test("held mail that cannot be resolved at the start keeps nobody from running", async () => {
  using place = new TemporaryDirectory();
  await using exchange = await startSmtpStandIn();
  const events: PopgateEvent[] = [];
  await using app = await makeApp(place.path, exchange.port, events, new ManualClock());
  const hold = { reason: "envelope-missing", detail: "", since: 0 } as const;
  await stored(app.spool, octets(100), { ...draft(), recipients: [], hold });
  Object.assign(app.spool, { held: () => Promise.reject(new TypeError("a bug")) });
  const report = await app.runOnce(new AbortController().signal);
  const faults = events.flatMap((event) => (event.kind === "internal-error" ? [event.where] : []));
  expect(faults).toContain("resolving held mail");
  expect(report).toMatchObject({ counts: { held: 1 } });
});
