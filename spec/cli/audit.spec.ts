/** `popgate audit`: what a person and a script read, of the daemon and of a spool that is not in use. */
import path from "node:path";
import { expect, it } from "vitest";
import { audit as auditSchema } from "../../src/admin/schemas.ts";
import { defaultSpoolOptions, openSpool } from "../../src/spool/spool.ts";
import { goodAudit, openInterface, someId } from "../admin/interface.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { delivered, EventList, octets, seededRandom, stored, TemporaryDirectory } from "../spool/support.ts";
import { typed } from "./console.ts";

it("asks the daemon, names what does not add up, and ends with 5", async () => {
  await using admin = await openInterface({
    audit: async () => ({
      ...goodAudit,
      messages: 3,
      open: 1,
      ended: 2,
      ways: [{ direction: "inbound", origin: "box", messages: 3, open: 1, ended: 2 }],
      droppedBy: { "web:erika": 2 },
      wrong: 3,
      inconsistencies: [
        { id: someId, detail: "it is in the history, and in the queue as well" },
        { id: "", detail: "3 messages were accounted for, and the tables have 4" },
      ],
    }),
  });
  const { code, stdout, stderr } = await typed(["audit", "--socket", admin.socket]);
  expect({ code, stderr }).toEqual({ code: 5, stderr: "" });
  expect(stdout).toMatch(/^inbound +box +3 +1 +2$/mu);
  expect(stdout).toContain("Dropped: 2 by web:erika.\n");
  expect(stdout).toContain(`${someId}: it is in the history, and in the queue as well\n`);
  expect(stdout).toContain("the spool: 3 messages were accounted for, and the tables have 4\nand 1 more of them\n");
  expect(stdout).toContain("3 thing(s) do not add up");
});

it("says that everything is accounted for, also as JSON", async () => {
  await using admin = await openInterface();
  expect((await typed(["audit", "--socket", admin.socket])).stdout).toContain("every message is accounted for\n");
  const { code, stdout } = await typed(["audit", "--json", "--socket", admin.socket]);
  expect({ code, audit: JSON.parse(stdout) as unknown }).toEqual({ code: 0, audit: goodAudit });
});

it("looks into a spool that no daemon uses; not into one that is in use, nor into none", async () => {
  using home = new TemporaryDirectory();
  const dir = path.join(home.path, "spool");
  {
    await using spool = await openSpool(
      { ...defaultSpoolOptions, dir, maxOctets: 1e12, minFreeOctets: 0, historyDays: 30, ballastOctets: 0 },
      { clock: new ManualClock(), random: seededRandom(), events: new EventList() },
    );
    await stored(spool, octets(10));
    await spool.update((await stored(spool, octets(10))).id, delivered);
    expect(await typed(["audit", "--spool", dir])).toMatchObject({ code: 1, stdout: "" });
  }
  const { code, stdout } = await typed(["audit", "--json", "--spool", dir]);
  expect(code).toBe(0);
  expect(auditSchema.parse(JSON.parse(stdout))).toMatchObject({ messages: 2, open: 1, ended: 1, wrong: 0 });
  expect(await typed(["audit", "--spool", home.path])).toMatchObject({
    code: 1,
    stderr: `popgate: there is no spool in ${home.path}\n`,
  });
});
