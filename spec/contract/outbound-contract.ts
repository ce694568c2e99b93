/** What every spool must do for outbound mail: due times apart from the inbound ones, and reports that are owed. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MessageId } from "../../src/core/ids.ts";
import type { OwnedSpool } from "../../src/spool/spool.ts";
import type { MessageDraft, MessageRecord, OwedReport } from "../../src/spool/record.ts";
import { delivered, draft, dueIds, octets, stored } from "../spool/support.ts";
import type { SpoolUnderTest } from "./spool-contract.ts";

export function outboundContract(name: string, open: () => Promise<SpoolUnderTest>): void {
  describe(`outbound mail in the spool on ${name}`, () => {
    let test: SpoolUnderTest;
    let spool: OwnedSpool;
    beforeEach(async () => {
      test = await open();
      ({ spool } = test);
    });
    afterEach(async () => test.end());
    const reopen = async (): Promise<void> => {
      test = await test.reopen();
      ({ spool } = test);
    };

    it("falls due apart from inbound mail, and behind whatever was seen last", async () => {
      const inward = await stored(spool, octets(1), draft({ at: 1000 }));
      const first = await stored(spool, octets(1), outward({ at: 2000 }));
      const second = await stored(spool, octets(1), outward({ at: 2000 }));
      const third = await stored(spool, octets(1), outward({ at: 3000 }));
      await reopen();
      const both = [first.id, second.id].toSorted();
      expect(await dueIds(spool, 9000, 10)).toEqual([inward.id]);
      expect(await dueIds(spool, 2999, 10, "outbound")).toEqual(both);
      expect(await spool.nextDueAt("inbound")).toBe(1000);
      expect(await spool.nextDueAt("outbound")).toBe(2000);
      const [one] = await spool.due("outbound", 9000, 1);
      expect(one).toEqual({ id: both[0], at: 2000 });
      if (one === undefined) return;
      expect((await spool.due("outbound", 9000, 10, one)).map(({ id }) => id)).toEqual([both[1], third.id]);
      expect(spool.counts()).toMatchObject({ queued: 4 });
      await spool.update(first.id, delivered);
      expect(spool.counts()).toMatchObject({ queued: 3 });
      expect(await dueIds(spool, 2999, 10, "outbound")).toEqual([second.id]);
    });

    it("stays, with its body, until its sender has had the report that is owed", async () => {
      const { id } = await stored(spool, octets(10), outward({ at: 0 }));
      await spool.update(id, (record) => owing(delivered(record)));
      expect(await spool.owed(undefined, 10)).toEqual([id]);
      expect(await spool.history(id)).toBeUndefined();
      await reopen();
      expect(await spool.owed(undefined, 10)).toEqual([id]);
      expect(await spool.owed(id, 10)).toEqual([]);
      expect(spool.counts()).toMatchObject({ queued: 0, held: 0 });
      const report = await reportOf(id);
      expect(report.kind).toBe("stored");
      await reopen();
      expect(await spool.owed(undefined, 10)).toEqual([]);
      expect(await spool.history(id)).toMatchObject({ id, owed: [] });
      expect((await spool.list(undefined, 10)).map((record) => record.id)).toEqual([
        report.kind === "stored" ? report.record.id : "",
      ]);
    });

    it("takes no report of a message that is not there, and keeps nothing of it", async () => {
      const { id } = await stored(spool, octets(1), outward({ at: 0 }));
      await spool.update(id, delivered);
      const before = spool.counts();
      await expect(reportOf(id)).rejects.toMatchObject({ code: "SPOOL_NO_MESSAGE" });
      expect(spool.counts()).toEqual(before);
      expect(await spool.list(undefined, 10)).toEqual([]);
    });

    it("makes one of two reports that settle the same debt at the same time", async () => {
      const { id } = await stored(spool, octets(1), outward({ at: 0 }));
      await spool.update(id, (record) => owing(delivered(record)));
      const results = await Promise.allSettled([reportOf(id), reportOf(id)]);
      expect(results.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(await spool.list(undefined, 10)).toHaveLength(1);
    });

    async function reportOf(id: MessageId): Promise<Awaited<ReturnType<ReturnType<OwnedSpool["begin"]>["commit"]>>> {
      await using ingest = spool.begin();
      await ingest.write(octets(20));
      return await ingest.commit(draft(), undefined, {
        settles: { id, change: (record) => ({ ...record, owed: [] }) },
      });
    }
  });
}

function outward(options: { readonly at: number }): MessageDraft {
  return {
    ...draft(options),
    direction: "outbound",
    origin: { kind: "smtp", client: "192.0.2.1", user: undefined, protocol: "ESMTP" },
    submission: { sender: undefined, ret: undefined, envid: undefined, requireTls: false },
  };
}

function owing(record: MessageRecord): MessageRecord {
  const owed: OwedReport = { kind: "failed", recipients: record.recipients.map(({ address }) => address), since: 0 };
  return { ...record, owed: [owed] };
}
