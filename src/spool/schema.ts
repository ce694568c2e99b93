/**
 * Which schema version a spool has, who wrote it, and the words for one that this program cannot use.
 *
 * The entries that say so stand in `meta` and keep their form in all versions, so that an older program can say of a newer
 * spool what to do: `schema` is a number, or `1 to 2` while the entries are being changed, which no program takes for
 * its own; `about` names the program and the copy of before; `change` says how far a change has come.
 *
 * Reads only. Something that cannot be understood counts as of a newer program: it is refused, never changed.
 */
import { statSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { encode } from "./codec.ts";
import { aboutKey, changeKey, schemaKey, schemaVersion } from "./keys.ts";
import { dataFile } from "./page-layout.ts";
import { SpoolError } from "./port.ts";
import type { Store, Write } from "./store.ts";

/**
 * Of these versions on, all entries can be read as they are: checking and accounting (`verify`, `audit`) need no change
 * first, and make none.
 */
const oldestReadable = 1;

const aboutSchema = z.object({
  /** The program that opened it last. */
  popgate: z.string().optional(),
  /** Since when it has its schema version; milliseconds since 1970. */
  since: z.number().optional(),
  /** What it was before, and where the copy of that is, within the spool's directory. */
  before: z.object({ schema: z.number(), copy: z.string().optional() }).optional(),
});

const changeSchema = z.object({
  from: z.number().int(),
  to: z.number().int(),
  /** Up to this version all is changed; the step from it on may be half done. */
  reached: z.number().int(),
  copy: z.string().optional(),
  popgate: z.string().optional(),
});

export type About = z.infer<typeof aboutSchema>;
export type Change = z.infer<typeof changeSchema>;

export type SchemaState =
  /** Nothing has been written yet. */
  | { readonly kind: "none" }
  | { readonly kind: "current"; readonly about: About }
  | { readonly kind: "older"; readonly version: number; readonly about: About }
  /** A change between versions that this program knows was interrupted. */
  | { readonly kind: "changing"; readonly change: Change }
  /** `version` in the words in which it stands there. */
  | { readonly kind: "newer"; readonly version: string; readonly about: About; readonly change: Change | undefined };

/** `known`: the newest version that the program knows. */
export function schemaOf(store: Store, known: number = schemaVersion): SchemaState {
  const version = store.get("meta", schemaKey)?.toString("latin1");
  if (version === undefined) return { kind: "none" };
  const about = read(store, aboutKey, aboutSchema) ?? {};
  const number = /^\d{1,6}$/u.test(version) ? Number(version) : Number.NaN;
  if (number === known) return { kind: "current", about };
  if (number >= 1 && number < known) return { kind: "older", version: number, about };
  const change = read(store, changeKey, changeSchema);
  const ours = change !== undefined && version === changingText(change) && Math.max(change.from, change.to) <= known;
  return ours && change.from >= 1 && change.to >= 1
    ? { kind: "changing", change }
    : { kind: "newer", version, about, change };
}

/** What stands for the version while it is changed. */
export function changingText({ from, to }: Pick<Change, "from" | "to">): string {
  return `${from} to ${to}`;
}

/** Who writes a spool of version `schema` from now on. Version 1 does not say. */
export function writesOfSchema(schema: number, about: About): Write[] {
  return [
    { table: "meta", key: schemaKey, value: Buffer.from(String(schema)) },
    { table: "meta", key: aboutKey, value: schema < 2 ? undefined : encode(about) },
  ];
}

/**
 * For whoever looks into the spool in `dir` and changes nothing. Returns a remark when it has an older version; throws
 * SPOOL_UNUSABLE, with what to do, when its entries cannot be read by this program.
 */
export function mustBeReadable(store: Store, dir: string): string | undefined {
  const state = schemaOf(store);
  switch (state.kind) {
    case "none":
      throw new SpoolError("SPOOL_UNUSABLE", `the spool ${dir} has no schema version: nothing was ever stored in it`);
    case "current":
      return undefined;
    case "older":
      if (state.version >= oldestReadable)
        return (
          `it has schema version ${state.version}, of an older popgate: the next start, or popgate upgrade, ` +
          `makes it version ${schemaVersion} and keeps a copy`
        );
      throw new SpoolError(
        "SPOOL_UNUSABLE",
        `the spool ${dir} has schema version ${state.version}, which only an older popgate can check; ` +
          `this one checks it after popgate upgrade`,
      );
    case "changing":
      throw new SpoolError(
        "SPOOL_UNUSABLE",
        `the spool ${dir} is half way from schema version ${state.change.from} to ${state.change.to}: ` +
          `start popgate, or run popgate upgrade or downgrade, to go on; nothing is lost`,
      );
    case "newer":
      throw refusalOfNewer(dir, state);
  }
}

/** Why a spool of a newer program is not touched, and the ways on and back. */
export function refusalOfNewer(dir: string, state: Extract<SchemaState, { kind: "newer" }>): SpoolError {
  const { version, about, change } = state;
  const name = (popgate: string | undefined): string =>
    popgate === undefined ? "a newer popgate" : `popgate ${popgate}`;
  const writer = name(change?.popgate ?? about.popgate);
  const since = about.since === undefined ? "" : ` since ${day(about.since)}`;
  const what =
    change === undefined
      ? `has schema version ${version}, written by ${writer}${since}`
      : `was being changed from schema version ${version} by ${writer}, which did not come to an end`;
  const copy = change?.copy ?? about.before?.copy;
  const lines = [
    `the spool ${dir} ${what}; this popgate knows version ${schemaVersion} at most, and has changed nothing`,
    `To go on: install ${writer} again`,
    `To go back and keep all mail: run "popgate downgrade --to ${schemaVersion}" of ${writer}, then start this one`,
  ];
  if (copy !== undefined && isSpool(path.join(dir, copy)))
    lines.push(
      `Without that program there is the copy of before the upgrade, ${path.join(dir, copy)}: ` +
        "it knows nothing of what came in, was fetched or was delivered since; the handbook says how to use it " +
        "(Upgrade and rollback)",
    );
  return new SpoolError("SPOOL_UNUSABLE", lines.join(". "));
}

/** True when a spool's file is there. */
export function isSpool(dir: string): boolean {
  return (statSync(path.join(dir, dataFile), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

function day(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? "(unknown)" : date.toISOString().slice(0, 10);
}

function read<T>(store: Store, key: string, schema: z.ZodType<T>): T | undefined {
  const octets = store.get("meta", key);
  if (octets === undefined) return undefined;
  try {
    const result = schema.safeParse(JSON.parse(octets.toString("utf8")));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
