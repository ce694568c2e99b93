/**
 * The way in: a message streams into chunks and is committed with its record.
 *
 * Guarantees: a message of one chunk is one transaction. A larger one writes its chunks as they come, at most
 * `maxUnwritten` octets ahead of the disk, and the record last: the record is what makes the chunks a message. Until
 * then an `ingest` mark names them for the sweep of the next start.
 */
import { createHash, type Hash } from "node:crypto";
import { addressKey } from "../core/address.ts";
import { makeMessageId, type MessageId } from "../core/ids.ts";
import { asError } from "../core/thrown.ts";
import { chunkKey, ledgerKey, seenKey } from "./keys.ts";
import { encode } from "./codec.ts";
import {
  SpoolError,
  type CommitOptions,
  type CommitResult,
  type Ingest,
  type LedgerDraft,
  type LedgerEntry,
} from "./port.ts";
import type { MessageDraft, MessageRecord, Recipient } from "./record.ts";
import { afterChange, changeOf, rememberStored } from "./queue.ts";
import { changed, commit, usedOctets, type SpoolCore } from "./spool-core.ts";
import type { Write } from "./store.ts";
import { writesForNew, writesForSeen } from "./writes.ts";

/** Octets of one message that may wait for the disk. */
const maxUnwritten = 4 * 1024 * 1024;
/** So many small pieces are gathered before they are joined: each costs far more memory than the octets it holds. */
const mostPieces = 256;
/** So often the room that is left is looked at while a message comes in. */
const checkEvery = 1024 * 1024;

export function beginIngest(core: SpoolCore): Ingest {
  if (core.ending.aborted) throw new SpoolError("SPOOL_UNUSABLE", "the spool is closed");
  core.health.check(usedOctets(core));
  return new OpenIngest(core, freshId(core));
}

function freshId(core: SpoolCore): MessageId {
  for (;;) {
    const id = makeMessageId(core.ports.clock.now(), core.ports.random);
    const taken = core.open.has(id) || idTables.some((table) => core.store.get(table, id) !== undefined);
    if (!taken) return id;
  }
}

/** Where an id can still be in use. */
const idTables = ["message", "history", "ingest", "trash", "setaside"] as const;

class OpenIngest implements Ingest {
  readonly id: MessageId;
  size = 0;
  readonly #core: SpoolCore;
  readonly #hash: Hash = createHash("sha256");
  #parts: Buffer[] = [];
  /** The last of them, as they came. */
  #pieces: Buffer[] = [];
  #partOctets = 0;
  #chunks = 0;
  #unwritten = 0;
  /** Octets of the chunks that are stored: they count among the stored ones. */
  #written = 0;
  readonly #writing = new Set<Promise<void>>();
  #failure: Error | undefined;
  #checkedAt = 0;
  #state: "open" | "committing" | "committed" | "failed" | "disposed" = "open";
  #committing: Promise<unknown> = Promise.resolve();

  constructor(core: SpoolCore, id: MessageId) {
    this.#core = core;
    this.id = id;
    core.open.add(id);
  }

  digest(): string {
    this.#settlePieces();
    return this.#hash.copy().digest("hex");
  }

  async write(chunk: Buffer): Promise<void> {
    this.#mustBeOpen();
    this.size += chunk.length;
    this.#core.incoming += chunk.length;
    this.#pieces.push(chunk);
    if (this.#pieces.length >= mostPieces) this.#settlePieces();
    this.#partOctets += chunk.length;
    const { chunkOctets } = this.#core.options;
    // A message of exactly one chunk still counts as small: only what is beyond it must be written now.
    if (this.#partOctets > chunkOctets) this.#writeChunks(chunkOctets);
    while (this.#unwritten > maxUnwritten) await Promise.race(this.#writing);
    if (this.size > this.#checkedAt + checkEvery) this.#checkRoom();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async commit(
    draft: MessageDraft,
    ledger: LedgerDraft | undefined,
    options: CommitOptions = {},
  ): Promise<CommitResult> {
    this.#mustBeOpen();
    this.#state = "committing";
    const committing = this.#commit(draft, ledger, options);
    this.#committing = committing.catch(() => (this.#state = "failed"));
    return committing;
  }

  async #commit(
    draft: MessageDraft,
    ledger: LedgerDraft | undefined,
    { onceFor, settles }: CommitOptions,
  ): Promise<CommitResult> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure;
    const last = this.#take();
    const digest = this.#hash.digest("hex");
    if (settles !== undefined) {
      const { id, change } = settles;
      return this.#core.turns.pass(id, async () => {
        const { writes } = changeOf(this.#core, id, change);
        const result = await this.#store(draft, { digest, last }, ledger, false, writes);
        afterChange(this.#core, id, writes);
        return result;
      });
    }
    if (onceFor === undefined) return this.#store(draft, { digest, last }, ledger, false);
    // Copies that come in at the same time wait for each other.
    return this.#core.turns.pass(`content ${draft.contentDigest}`, async () => {
      const { recipients, earlier } = this.#notYetGiven(draft);
      if (recipients.length > 0 || earlier === undefined)
        return this.#store({ ...draft, recipients }, { digest, last }, ledger, true);
      await this.#storeDuplicate(digest, ledger);
      return { kind: "duplicate", of: earlier };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A commit under way decides: its chunks must not be taken from under it.
    await this.#committing;
    if (this.#state !== "open" && this.#state !== "failed") return;
    this.#state = "disposed";
    await Promise.allSettled(this.#writing);
    this.#leave();
    if (this.#chunks === 0) return;
    // What cannot be removed now has its mark, and is swept at the next start.
    await commit(this.#core, this.#removal()).catch(() => undefined);
  }

  async #store(
    draft: MessageDraft,
    { digest, last }: { readonly digest: string; readonly last: Buffer },
    ledger: LedgerDraft | undefined,
    once: boolean,
    along: readonly Write[] = [],
  ): Promise<CommitResult> {
    const now = this.#core.ports.clock.now();
    const record: MessageRecord = {
      ...draft,
      version: 1,
      id: this.id,
      receivedAt: now,
      size: this.size,
      digest,
      attempts: [],
      noticedAt: undefined,
    };
    const writes: Write[] = [];
    if (last.length > 0) writes.push({ table: "chunk", key: chunkKey(this.id, this.#chunks), value: last });
    if (this.#chunks > 0) writes.push({ table: "ingest", key: this.id, value: undefined });
    writes.push(...writesForNew(record, now), ...ledgerWrites(ledger, digest, this.id));
    if (once) writes.push(...writesForSeen(record));
    writes.push(...along);
    await this.#finish(writes);
    rememberStored(this.#core, record, writes);
    changed(this.#core, this.id);
    return { kind: "stored", record };
  }

  async #storeDuplicate(digest: string, ledger: LedgerDraft | undefined): Promise<void> {
    // The ledger names no message: this copy is none.
    const writes = ledgerWrites(ledger, digest, undefined);
    if (this.#chunks > 0) writes.push(...this.#removal());
    await this.#finish(writes);
  }

  async #finish(writes: readonly Write[]): Promise<void> {
    if (writes.length > 0) await commit(this.#core, writes);
    this.#state = "committed";
    this.#leave();
  }

  #leave(): void {
    this.#core.incoming -= this.size - this.#written;
    this.#core.open.delete(this.id);
    this.#parts = [];
    this.#pieces = [];
  }

  #notYetGiven(draft: MessageDraft): { recipients: Recipient[]; earlier: MessageId | undefined } {
    let earlier: MessageId | undefined;
    const recipients = draft.recipients.filter(({ address }) => {
      const given = this.#core.store.get("seen", seenKey(draft.contentDigest, addressKey(address)));
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by ourselves
      if (given !== undefined) earlier ??= given.toString("latin1") as MessageId;
      return given === undefined;
    });
    return { recipients, earlier };
  }

  #writeChunk(value: Buffer): void {
    // The mark goes with every chunk: the commit that brought the first one may have failed.
    const writes: Write[] = [
      { table: "chunk", key: chunkKey(this.id, this.#chunks), value },
      { table: "ingest", key: this.id, value: Buffer.alloc(0) },
    ];
    this.#chunks += 1;
    this.#unwritten += value.length;
    const done = commit(this.#core, writes)
      .then(() => {
        this.#written += value.length;
        this.#core.incoming -= value.length;
      })
      .catch((error: unknown) => {
        this.#failure ??= asError(error);
      })
      .finally(() => {
        this.#unwritten -= value.length;
        this.#writing.delete(done);
      });
    this.#writing.add(done);
  }

  /** Writes whole chunks and keeps what is left over, which is never nothing. */
  #writeChunks(chunkOctets: number): void {
    const whole = this.#take();
    let begin = 0;
    for (; whole.length - begin > chunkOctets; begin += chunkOctets) {
      if (this.#failure === undefined) this.#writeChunk(whole.subarray(begin, begin + chunkOctets));
    }
    this.#parts = [whole.subarray(begin)];
    this.#partOctets = whole.length - begin;
  }

  /** What has gathered, as a buffer of its own: what a socket lends must not be kept. */
  #take(): Buffer {
    this.#settlePieces();
    const whole = Buffer.concat(this.#parts, this.#partOctets);
    this.#parts = [];
    this.#partOctets = 0;
    return whole;
  }

  /** Each octet is hashed here, once. */
  #settlePieces(): void {
    const settled = this.#pieces.length < mostPieces ? this.#pieces : [Buffer.concat(this.#pieces)];
    for (const piece of settled) this.#hash.update(piece);
    this.#parts.push(...settled);
    this.#pieces = [];
  }

  #removal(): Write[] {
    const writes: Write[] = [{ table: "ingest", key: this.id, value: undefined }];
    for (let number = 0; number < this.#chunks; number++)
      writes.push({ table: "chunk", key: chunkKey(this.id, number), value: undefined });
    return writes;
  }

  /** A long message must not fill the disk that was not full when it began. */
  #checkRoom(): void {
    this.#checkedAt = this.size;
    try {
      this.#core.health.check(usedOctets(this.#core));
    } catch (error) {
      this.#failure ??= asError(error);
    }
  }

  #mustBeOpen(): void {
    if (this.#state !== "open") throw new SpoolError("SPOOL_UNUSABLE", `the ingest ${this.id} is ${this.#state}`);
  }
}

function ledgerWrites(ledger: LedgerDraft | undefined, digest: string, messageId: MessageId | undefined): Write[] {
  if (ledger === undefined) return [];
  const entry: LedgerEntry = { ...ledger.entry, digest, messageId };
  return [{ table: "ledger", key: ledgerKey(ledger.account, entry.uidl), value: encode(entry) }];
}
