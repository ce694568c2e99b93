/**
 * Durable first, acknowledge second: while the commit of a message has not ended, the provider is told nothing of it.
 * (That a commit has not ended before its flush is shown by spec/crash/flush.spec.ts.)
 */
import { expect, test } from "vitest";
import { startPop3StandIn } from "../../src/demo/pop3-stand-in.ts";
import { createAccount } from "../../src/inbound/account.ts";
import { defaultLimits } from "../../src/inbound/limits.ts";
import { systemClock, systemRandom } from "../../src/runtime/clock.ts";
import type { Write } from "../../src/spool/store.ts";
import { MemoryStore, openMemorySpool } from "../fakes/memory-spool.ts";
import { accountName, collector, mail } from "./bench.ts";
import { connectTo } from "./connecting.ts";

const never = new AbortController().signal;

test.each([1, 5])("with %i message(s), neither DELE nor QUIT leaves before the commits have ended", async (count) => {
  const messages = Array.from({ length: count }, (_, index) => mail(`m${index}`));
  await using provider = await startPop3StandIn({ accounts: [{ user: "box", password: "secret", messages }] });
  const gate = Promise.withResolvers<void>();
  const waiting: (readonly Write[])[] = [];
  const allWait = Promise.withResolvers<void>();
  const store = new MemoryStore({
    onCommit: (writes) => {
      if (!writes.some(({ table, value }) => table === "message" && value !== undefined)) return undefined;
      waiting.push(writes);
      if (waiting.length === count) allWait.resolve();
      return gate.promise;
    },
  });
  const ports = { clock: systemClock, random: systemRandom, events: { emit: () => undefined } };
  await using spool = await openMemorySpool(ports, store);
  const connect = connectTo(provider.port);
  const account = createAccount(
    {
      name: accountName,
      connect,
      server: { host: "127.0.0.1", secure: false },
      policy: collector,
      keep: { kind: "never" },
      initial: "all",
      maxOctets: 1_000_000,
      rules: { times: { kind: "every", ms: 60_000 }, minIntervalMs: 0 },
      limits: defaultLimits,
    },
    { spool, ...ports },
  );
  const polling = account.poll(never);
  await allWait.promise;
  // Whatever is ready to be sent would be sent in these turns.
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
  expect(provider.commands.filter((line) => line.startsWith("RETR"))).toHaveLength(count);
  expect(provider.commands.filter((line) => /^(?:DELE|QUIT)/u.test(line))).toEqual([]);
  // The ledger entry is in the very transaction of the message.
  for (const writes of waiting) expect(writes.map(({ table }) => table)).toContain("ledger");
  gate.resolve();
  expect(await polling).toMatchObject({ kind: "done", fetched: count, deleted: count });
  expect(provider.commands.filter((line) => line.startsWith("DELE"))).toHaveLength(count);
  expect(provider.commands.at(-1)).toBe("QUIT");
  expect(provider.box("box").list()).toEqual([]);
});
