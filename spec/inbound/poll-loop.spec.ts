import { describe, expect, it } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { parseAccountName, type AccountName } from "../../src/core/ids.ts";
import type { EpochMs } from "../../src/core/ports.ts";
import type { Account } from "../../src/inbound/account.ts";
import { createPollLoop, type PollLoopOptions } from "../../src/inbound/poll-loop.ts";
import type { PollReport } from "../../src/inbound/report.ts";
import { emptyTally } from "../../src/inbound/tally.ts";
import type { SpoolHealth } from "../../src/spool/port.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { accountName, bench, mail } from "./bench.ts";
import { minute } from "./entries.ts";

function named(name: string): AccountName {
  const parsed = parseAccountName(name);
  if (parsed === undefined) throw new TypeError(name);
  return parsed;
}

/** An account that only says when it was polled. Every minute, unless `more` says otherwise. */
class ScriptedAccount implements Account {
  readonly name: AccountName;
  readonly polled: EpochMs[] = [];
  readonly #clock: ManualClock;
  running = 0;
  mostRunning = 0;
  nextAt: EpochMs;
  /** What the next polls come to; `done` when there is none left. */
  readonly script: Partial<PollReport>[] = [];
  /** Each poll takes so long; forever when infinite. */
  takesMs = 0;

  constructor(name: string, clock: ManualClock) {
    this.name = named(name);
    this.#clock = clock;
    this.nextAt = clock.now();
  }

  nextPollAt = async (): Promise<EpochMs> => this.nextAt;
  earliestLoginAt = async (): Promise<EpochMs> => this.#clock.now();
  policy = async (): Promise<undefined> => undefined;
  forgetProfile = async (): Promise<void> => undefined;

  async poll(signal: AbortSignal): Promise<PollReport> {
    this.polled.push(this.#clock.now());
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      if (this.takesMs > 0) await this.#clock.sleep(this.takesMs, signal).catch(() => undefined);
    } finally {
      this.running--;
    }
    this.nextAt = this.#clock.now() + minute;
    const done = { kind: "done", account: this.name, ...emptyTally(), fetched: 1, ms: 0, more: false } as const;
    return { ...done, ...this.script.shift() } as PollReport;
  }
}

interface Setup {
  readonly clock: ManualClock;
  readonly accounts: readonly ScriptedAccount[];
  readonly events: PopgateEvent[];
  readonly stop: AbortController;
  readonly options: PollLoopOptions;
  health: SpoolHealth;
}

function setup(names: readonly string[], more: Partial<PollLoopOptions> = {}): Setup {
  const clock = new ManualClock();
  const events: PopgateEvent[] = [];
  const made: Setup = {
    clock,
    accounts: names.map((name) => new ScriptedAccount(name, clock)),
    events,
    stop: new AbortController(),
    health: { kind: "ok" },
    options: {
      clock,
      events: { emit: (event) => void events.push(event) },
      maxParallel: 2,
      health: () => made.health,
      ...more,
    },
  };
  return made;
}

async function running(s: Setup, work: (loop: ReturnType<typeof createPollLoop>) => Promise<void>): Promise<void> {
  const loop = createPollLoop(s.accounts, s.options);
  const run = loop.run(s.stop.signal);
  await s.clock.advance(0);
  await work(loop);
  s.stop.abort();
  await run;
  expect(s.clock.waits).toEqual([]);
}

describe("run", () => {
  it("polls each account when it is due, and stops with the signal", async () => {
    const s = setup(["a", "b"]);
    const [a, b] = s.accounts;
    const start = s.clock.now();
    b!.nextAt = start + 30_000;
    await running(s, async () => {
      await s.clock.advance(3 * minute);
    });
    expect(a!.polled.map((at) => at - start)).toEqual([0, minute, 2 * minute, 3 * minute]);
    expect(b!.polled.map((at) => at - start)).toEqual([30_000, 90_000, 150_000]);
  });

  it("lets a hanging account hold its own place only", async () => {
    const s = setup(["hanging", "good"]);
    const [hanging, good] = s.accounts;
    hanging!.takesMs = Infinity;
    await running(s, async () => {
      await s.clock.advance(10 * minute);
      expect(hanging!.polled).toHaveLength(1);
      expect(good!.polled).toHaveLength(11);
    });
  });

  it("never holds more places than it may, nor two sessions of one box", async () => {
    const s = setup(["a", "b", "c", "d", "e"]);
    let most = 0;
    for (const account of s.accounts) account.takesMs = 10_000;
    await running(s, async (loop) => {
      for (let n = 0; n < 60; n++) {
        void loop.pollNow(named("a"), s.stop.signal);
        await s.clock.advance(1000);
        most = Math.max(
          most,
          s.accounts.reduce((sum, account) => sum + account.running, 0),
        );
      }
    });
    expect(most).toBe(2);
    expect(s.accounts.map(({ mostRunning }) => mostRunning)).toEqual([1, 1, 1, 1, 1]);
    for (const account of s.accounts) expect(account.polled.length).toBeGreaterThan(0);
  });

  it("puts a box that has more to give at the end of the line", async () => {
    const s = setup(["full", "other"], { maxParallel: 1 });
    const [full, other] = s.accounts;
    const order: string[] = [];
    for (const account of s.accounts) {
      const poll = account.poll.bind(account);
      account.poll = async (signal) => {
        order.push(account.name);
        const report = await poll(signal);
        if (account === full && order.length < 4) full.nextAt = s.clock.now();
        return report;
      };
    }
    void other;
    await running(s, async () => s.clock.advance(1000));
    expect(order.slice(0, 3)).toEqual(["full", "other", "full"]);
  });

  it("polls nothing while nothing can be taken in, and goes on when it can", async () => {
    const s = setup(["a"]);
    s.health = { kind: "full", detail: "disk full" };
    await running(s, async () => {
      await s.clock.advance(10 * minute);
      expect(s.accounts[0]!.polled).toEqual([]);
      s.health = { kind: "ok" };
      await s.clock.advance(minute);
      expect(s.accounts[0]!.polled.length).toBeGreaterThan(0);
    });
  });

  it("outlives a fault of an account, and tells it", async () => {
    const s = setup(["a", "b"]);
    const [a, b] = s.accounts;
    a!.poll = () => Promise.reject(new TypeError("a bug"));
    await running(s, async () => {
      await s.clock.advance(4 * minute);
      expect(b!.polled).toHaveLength(5);
    });
    expect(s.events).toEqual([{ kind: "internal-error", where: "polling a", detail: "TypeError: a bug" }]);
  });
});

describe("pause, resume and pollNow", () => {
  it("leaves a paused account alone until it is resumed", async () => {
    const s = setup(["a"]);
    await running(s, async (loop) => {
      expect(loop.pause(named("a"))).toBe(true);
      await s.clock.advance(10 * minute);
      expect(s.accounts[0]!.polled).toHaveLength(1);
      expect(loop.status()).toMatchObject([{ name: "a", paused: true, nextPollAt: undefined }]);
      expect(await loop.pollNow(named("a"), s.stop.signal)).toMatchObject({ kind: "not-polled", why: "paused" });
      expect(loop.resume(named("a"))).toBe(true);
      await s.clock.advance(0);
      expect(s.accounts[0]!.polled).toHaveLength(2);
    });
  });

  it("polls at once when asked, and reckons the next time from there", async () => {
    const s = setup(["a"]);
    const start = s.clock.now();
    await running(s, async (loop) => {
      await s.clock.advance(30_000);
      expect(await loop.pollNow(named("a"), s.stop.signal)).toMatchObject({ kind: "done" });
      await s.clock.advance(minute);
    });
    expect(s.accounts[0]!.polled.map((at) => at - start)).toEqual([0, 30_000, 90_000]);
  });

  it("takes no two accounts of one name", () => {
    const s = setup(["a", "a"]);
    expect(() => createPollLoop(s.accounts, s.options)).toThrow(TypeError);
  });

  it("does not know other names", async () => {
    const loop = createPollLoop([], setup([]).options);
    const signal = new AbortController().signal;
    expect(loop.pause(named("x"))).toBe(false);
    expect(loop.resume(named("x"))).toBe(false);
    expect(await loop.pollNow(named("x"), signal)).toBeUndefined();
  });
});

describe("pollOnce", () => {
  it("drains every account, session by session, and adds up", async () => {
    const s = setup(["a", "b"]);
    s.accounts[0]!.script.push({ more: true }, { more: true });
    const reports = await createPollLoop(s.accounts, s.options).pollOnce(undefined, s.stop.signal);
    expect(reports).toMatchObject([
      { kind: "done", account: "a", fetched: 3, more: false },
      { kind: "done", account: "b", fetched: 1 },
    ]);
  });

  it("waits for a short delay of the provider, and reports a long one", async () => {
    const s = setup(["a"]);
    const delayed = (ms: number) => ({ kind: "delayed", until: s.clock.now() + ms }) as never;
    s.accounts[0]!.script.push(delayed(30_000));
    const loop = createPollLoop(s.accounts, s.options);
    const short = loop.pollOnce(named("a"), s.stop.signal);
    await s.clock.advance(30_000);
    expect(await short).toMatchObject([{ kind: "done" }]);
    s.accounts[0]!.script.push(delayed(10 * minute));
    expect(await loop.pollOnce(undefined, s.stop.signal)).toMatchObject([{ kind: "delayed" }]);
  });

  it("reports a failure after what had been done", async () => {
    const s = setup(["a"]);
    const failed = { kind: "failed", failure: "connection", detail: "gone", retryAt: 0, fetched: 2 };
    s.accounts[0]!.script.push({ more: true }, failed as never);
    const reports = await createPollLoop(s.accounts, s.options).pollOnce(undefined, s.stop.signal);
    expect(reports).toMatchObject([{ kind: "failed", failure: "connection", fetched: 3 }]);
  });
});

describe("with a whole account", () => {
  it("brings mail in through the loop while another box hangs, and ends with the signal", async () => {
    const good = await bench();
    const hanging = await bench({ name: named("hanging") });
    good.box.add(mail("one"));
    hanging.box.hangConnect = true;
    const stop = new AbortController();
    const loop = createPollLoop([hanging.account, good.account], {
      clock: good.clock,
      events: { emit: () => undefined },
      maxParallel: 2,
      health: () => ({ kind: "ok" }),
    });
    const run = loop.run(stop.signal);
    await good.clock.advance(minute);
    expect(await good.subjects()).toEqual(["one"]);
    expect(loop.status().map(({ polling }) => polling)).toEqual([true, false]);
    expect(good.account.name).toBe(accountName);
    stop.abort();
    await run;
  });
});
