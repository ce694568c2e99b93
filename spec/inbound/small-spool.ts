/**
 * The least of a spool that the collector needs, in memory: what is committed is there, what is not is not, and
 * `onceFor` holds among commits in flight. A stand-in for specs of the collector only; see `spool-contract` for the
 * promises of a real one.
 */
import { createHash } from "node:crypto";
import { addressKey } from "../../src/core/address.ts";
import { makeMessageId, type AccountName, type MessageId } from "../../src/core/ids.ts";
import type { Clock, Random } from "../../src/core/ports.ts";
import { SpoolError, type CommitResult, type Ingest, type LedgerEntry, type Spool } from "../../src/spool/port.ts";
import { isEnded, type HistoryRecord, type MessageRecord } from "../../src/spool/record.ts";

export function openSmallSpool({ clock, random }: { readonly clock: Clock; readonly random: Random }): Spool {
  const records = new Map<MessageId, MessageRecord>();
  const bodies = new Map<MessageId, Buffer>();
  const ended = new Map<MessageId, HistoryRecord>();
  const ledgers = new Map<AccountName, Map<string, LedgerEntry>>();
  const states = new Map<AccountName, unknown>();
  const given = new Map<string, MessageId>();
  const ledger = (account: AccountName): Map<string, LedgerEntry> => {
    const found = ledgers.get(account) ?? new Map<string, LedgerEntry>();
    ledgers.set(account, found);
    return found;
  };
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const store = (record: MessageRecord): void => {
    if (isEnded(record)) {
      records.delete(record.id);
      ended.set(record.id, { ...record, endedAt: clock.now() });
    } else records.set(record.id, record);
  };
  const begin = (): Ingest => {
    const chunks: Buffer[] = [];
    const id = makeMessageId(clock.now(), random);
    let size = 0;
    return {
      id,
      get size() {
        return size;
      },
      async write(chunk) {
        chunks.push(chunk);
        size += chunk.length;
      },
      async commit(draft, entry, onceFor): Promise<CommitResult> {
        const raw = Buffer.concat(chunks);
        const digest = createHash("sha256").update(raw).digest("hex");
        await turn();
        const key = (recipient: MessageRecord["recipients"][number]): string =>
          `${draft.contentDigest} ${addressKey(recipient.address)}`;
        const fresh = draft.recipients.filter((one) => onceFor === undefined || !given.has(key(one)));
        const [of] = draft.recipients.flatMap((one) => given.get(key(one)) ?? []);
        const duplicate = onceFor !== undefined && draft.recipients.length > 0 && fresh.length === 0;
        const messageId = duplicate ? undefined : id;
        if (entry !== undefined) ledger(entry.account).set(entry.entry.uidl, { ...entry.entry, digest, messageId });
        if (duplicate && of !== undefined) return { kind: "duplicate", of };
        for (const one of fresh) given.set(key(one), id);
        const record: MessageRecord = {
          ...draft,
          recipients: fresh,
          version: 1,
          id,
          receivedAt: clock.now(),
          size,
          digest,
          attempts: [],
          noticedAt: undefined,
        };
        store(record);
        bodies.set(id, raw);
        return { kind: "stored", record };
      },
      async [Symbol.asyncDispose]() {
        await turn();
      },
    };
  };
  const page = (all: readonly MessageRecord[], after: MessageId | undefined, limit: number): MessageRecord[] =>
    all
      .filter(({ id }) => after === undefined || id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
  return {
    begin,
    entries: async (account) => [...ledger(account).values()],
    async put(account, entries) {
      await turn();
      for (const entry of entries) ledger(account).set(entry.uidl, entry);
    },
    async forget(account, uidls) {
      await turn();
      for (const uidl of uidls) ledger(account).delete(uidl);
    },
    // Through JSON, as a real spool keeps it.
    state: async (account) => JSON.parse(JSON.stringify(states.get(account) ?? null)) as unknown,
    async putState(account, state) {
      await turn();
      states.set(account, state);
    },
    due: async () => [],
    nextDueAt: async () => undefined,
    load: async (id) => records.get(id),
    async *body(id) {
      const raw = bodies.get(id);
      if (raw === undefined) throw new SpoolError("SPOOL_NO_MESSAGE", id);
      for (let at = 0; at < raw.length; at += 1000) yield raw.subarray(at, at + 1000);
    },
    async update(id, change) {
      await turn();
      const record = records.get(id);
      if (record === undefined) throw new SpoolError("SPOOL_NO_MESSAGE", id);
      const next = change(record);
      store(next);
      return next;
    },
    onChange: () => ({ [Symbol.dispose]: () => undefined }),
    list: async (after, limit) => page([...records.values()], after, limit),
    held: async (after, limit) =>
      page(
        [...records.values()].filter(({ hold }) => hold !== undefined),
        after,
        limit,
      ),
    history: async (id) => ended.get(id),
    byMessageIdField: async (messageId) =>
      [...records.values(), ...ended.values()]
        .filter(({ summary }) => summary.messageId.replace(/[<>]/gu, "") === messageId.replace(/[<>]/gu, ""))
        .map(({ id }) => id),
    counts: () => ({ queued: records.size, held: 0, octets: 0 }),
    health: () => ({ kind: "ok" }),
    [Symbol.asyncDispose]: async () => undefined,
  };
}
