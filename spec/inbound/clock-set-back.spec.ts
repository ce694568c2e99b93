/** A clock that was ahead and is set right: boxes must not stay unread until it has caught up. */
import { describe, expect, it } from "vitest";
import { Pop3Error } from "../../src/pop3/port.ts";
import { bench, mail } from "./bench.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

describe("after the clock was set back", () => {
  it("the pause to the next poll begins anew, once", async () => {
    const b = await bench();
    await b.poll();
    expect(await b.account.nextPollAt()).toBe(b.clock.now() + minute);
    b.clock.set(b.clock.now() - 6 * day);
    const due = b.clock.now() + minute;
    expect(await b.account.nextPollAt()).toBe(due);
    b.clock.set(due);
    expect(await b.account.nextPollAt()).toBe(due);
  });

  it("a back-off is not longer than it was", async () => {
    const b = await bench();
    b.box.connectErrors.push(new Pop3Error("auth", "no"));
    await b.poll();
    const pause = (await b.account.nextPollAt()) - b.clock.now();
    expect(pause).toBeGreaterThan(minute);
    b.clock.set(b.clock.now() - 6 * day);
    expect((await b.account.nextPollAt()) - b.clock.now()).toBe(pause);
  });

  it("the provider's minimum is counted from then, and its time comes, also after a restart", async () => {
    const b = await bench({ rules: { times: { kind: "every", ms: minute }, minIntervalMs: 15 * minute } });
    await b.poll();
    b.clock.set(b.clock.now() - 6 * day);
    b.restart();
    const allowed = b.clock.now() + 15 * minute;
    expect(await b.poll()).toMatchObject({ kind: "delayed", until: allowed });
    b.box.add(mail("late"));
    b.clock.set(allowed);
    expect(await b.poll()).toMatchObject({ kind: "done", fetched: 1 });
  });
});
