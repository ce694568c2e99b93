/**
 * Holds a document against the schema. What has the wrong form is reported and left out; the rest comes back as a draft,
 * so that the checks of meaning can go on and everything that is wrong is told at once.
 */
import { lenientSchema, strictSchema, type Draft, type Raw } from "./schema.ts";
import { complaintsOf, isList, valueAt, type Complaint } from "./schema-issues.ts";
import type { TomlTable, TomlValue } from "./document.ts";
import { keyText, type KeyPath } from "./key-path.ts";

export interface Shaped {
  readonly complaints: readonly Complaint[];
  /** The whole, if everything has its form. */
  readonly raw: Raw | undefined;
  /** What has its form. */
  readonly draft: Draft;
}

/** Leaving something out can leave its table incomplete, which is then left out in turn: as deep as tables go. */
const maxRounds = 8;

export function shape(root: TomlTable): Shaped {
  const strict = strictSchema.safeParse(root);
  if (strict.success) return { complaints: [], raw: strict.data, draft: strict.data };
  let rest = root;
  for (let round = 0; round < maxRounds; round++) {
    const lenient = lenientSchema.safeParse(rest);
    if (lenient.success)
      return { complaints: complaintsOf(strict.error.issues, root), raw: undefined, draft: lenient.data };
    const complete = rest;
    const drops = complaintsOf(lenient.error.issues, complete).map((complaint) => pathToDrop(complete, complaint));
    rest = without(complete, [], new Set(drops.map(keyText)));
  }
  return { complaints: complaintsOf(strict.error.issues, root), raw: undefined, draft: {} };
}

/** The key to leave out: lists are left out whole, since the indexes of their elements must not move. */
function pathToDrop(root: TomlTable, complaint: Complaint): KeyPath {
  let path = complaint.about === "missing" ? complaint.path.slice(0, -1) : complaint.path;
  while (path.length > 0 && (typeof path.at(-1) === "number" || valueAt(root, path) === undefined))
    path = path.slice(0, -1);
  return path;
}

/** The table without the keys of `drops`; `path` is its own place. */
function without(table: TomlTable, path: KeyPath, drops: ReadonlySet<string>): TomlTable {
  // Object.fromEntries makes own properties, whatever they are called.
  return Object.fromEntries(
    Object.entries(table).flatMap(([key, inner]) => {
      const place = [...path, key];
      return drops.has(keyText(place)) ? [] : [[key, withoutInner(inner, place, drops)]];
    }),
  );
}

function withoutInner(value: TomlValue, path: KeyPath, drops: ReadonlySet<string>): TomlValue {
  if (isList(value)) return value.map((element, index) => withoutInner(element, [...path, index], drops));
  return typeof value === "object" && !(value instanceof Date) ? without(value, path, drops) : value;
}
