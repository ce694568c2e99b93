/** The spool of schema version 1 that spec/corpus keeps, for the upgrade that loses its power. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { z } from "zod";

const corpus = path.join(import.meta.dirname, "..", "..", "spec", "corpus", "spool-v1");
const expected = z.object({ messages: z.record(z.string(), z.object({ id: z.string(), digest: z.string() })) });

/** Makes `dir` that spool. Returns the messages that are in it, ended ones among them. */
export function unpackedSpoolV1(dir: string): readonly { readonly id: string; readonly digest: string }[] {
  mkdirSync(dir);
  writeFileSync(path.join(dir, "data.mdb"), gunzipSync(readFileSync(path.join(corpus, "data.mdb.gz"))));
  return Object.values(expected.parse(JSON.parse(readFileSync(path.join(corpus, "expected.json"), "utf8"))).messages);
}
