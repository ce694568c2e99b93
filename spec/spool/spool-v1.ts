/** The spool of schema version 1 that spec/corpus keeps, unpacked, and what is in it. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { openLmdbStore } from "../../src/spool/lmdb-store.ts";
import { tables, type Store } from "../../src/spool/store.ts";

const corpus = path.join(import.meta.dirname, "..", "corpus", "spool-v1");

const expectedSchema = z.object({
  messages: z.record(z.string(), z.object({ id: z.string(), digest: z.string(), size: z.number() })),
  unfinished: z.string(),
});

export const expectedOfV1 = expectedSchema.parse(JSON.parse(readFileSync(path.join(corpus, "expected.json"), "utf8")));

/** Makes `dir` a spool of version 1. */
export function unpackV1(dir: string): void {
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, "data.mdb"), gunzipSync(readFileSync(path.join(corpus, "data.mdb.gz"))), {
    mode: 0o600,
  });
}

/** Every entry of every table but `meta`, as text, to compare two spools by. */
export function contentOf(store: Store): string[] {
  return tables
    .filter((table) => table !== "meta")
    .flatMap((table) =>
      store
        .range(table, "", undefined, 1_000_000)
        .map(({ key, value }) => `${table} ${key} ${value.toString("base64")}`),
    );
}

export async function withStore<T>(dir: string, work: (store: Store) => T | Promise<T>): Promise<T> {
  const store = openLmdbStore({ dir });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
