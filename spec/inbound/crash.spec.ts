/** The process dies, or the connection breaks, at every single step: afterwards each message is there exactly once. */
import { describe, expect, it } from "vitest";
import type { AccountOptions } from "../../src/inbound/account-state.ts";
import { usualCapabilities } from "../fakes/fake-box.ts";
import { bench, mail, type Bench } from "./bench.ts";

interface World {
  readonly name: string;
  readonly options?: Partial<AccountOptions>;
  readonly uidl?: boolean;
  /** What has gone before the session that is disturbed. */
  readonly before?: (b: Bench) => Promise<void>;
}

const worlds: readonly World[] = [
  { name: "nothing kept" },
  { name: "kept for ever", options: { keep: { kind: "forever" } } },
  { name: "without unique ids", uidl: false },
  {
    name: "a rebuilt box",
    options: { keep: { kind: "forever" } },
    before: async (b) => {
      await b.poll();
      b.box.renameAll();
    },
  },
  {
    name: "one id for two messages",
    before: async (b) => {
      b.box.messages[1]!.uidl = b.box.messages[0]!.uidl;
    },
  },
  {
    name: "deletions rolled back",
    before: async (b) => {
      const all = [...b.box.messages];
      await b.settle();
      b.box.messages.push(...all);
    },
  },
];

const names = ["m0", "m1", "m2", "m3"];

async function prepared({ options = {}, uidl = true, before }: World): Promise<Bench> {
  const b = await bench(options);
  if (!uidl) b.box.capabilities = { ...usualCapabilities, uidl };
  for (const name of names) b.box.add(mail(name));
  await before?.(b);
  b.box.add(mail("m4"));
  return b;
}

/** All five messages are in the spool once, and none is left in the box that was to be deleted. */
async function expectExactlyOnce(b: Bench, keeps: boolean, where: string): Promise<void> {
  await b.settle();
  await b.settle();
  expect(await b.subjects(), where).toEqual([...names, "m4"]);
  expect(b.box.messages.length, where).toBe(keeps ? 5 : 0);
}

describe.each(worlds)("$name", (world) => {
  const keeps = world.options?.keep?.kind === "forever";

  it.each([false, true])("the process dies at each call of the spool (acted: %s)", async (acted) => {
    const undisturbed = await prepared(world);
    const start = undisturbed.crashing.calls;
    await undisturbed.poll();
    const calls = undisturbed.crashing.calls - start;
    expect(calls).toBeGreaterThan(5);
    for (let n = 1; n <= calls; n++) {
      const b = await prepared(world);
      b.crashing.crashAt(n, acted);
      await b.poll().catch(() => undefined);
      b.restart();
      await expectExactlyOnce(b, keeps, `crash at call ${n} of ${calls}`);
    }
  });

  it.each([false, true])("the connection breaks at each command (acted: %s)", async (acted) => {
    const undisturbed = await prepared(world);
    const start = undisturbed.box.calls;
    await undisturbed.poll();
    const calls = undisturbed.box.calls - start;
    expect(calls).toBeGreaterThan(5);
    for (let n = 1; n <= calls; n++) {
      const b = await prepared(world);
      b.box.breakAt(n, acted);
      await b.poll();
      await expectExactlyOnce(b, keeps, `connection lost at command ${n} of ${calls}`);
    }
  });

  it("the connection breaks in the middle of each message", async () => {
    for (const name of [...names, "m4"]) {
      const b = await prepared(world);
      for (const message of b.box.messages) {
        if (message.raw.includes(`Subject: ${name}\r\n`)) b.box.dropAfter.set(message.uidl ?? "", 100);
      }
      b.box.chunkOctets = 50;
      expect(await b.poll()).toMatchObject({ kind: "failed", failure: "connection" });
      b.box.dropAfter.clear();
      await expectExactlyOnce(b, keeps, `connection lost in ${name}`);
    }
  });
});
