/**
 * Holds a document against the schema. What has the wrong form is reported and left out; the rest comes back as a draft,
 * so that the checks of meaning can go on and everything that is wrong is told at once.
 */
import { lenientSchema, strictSchema, type Draft, type Raw } from "./schema.ts";
import { complaintsOf, isList, valueAt, type Complaint } from "./schema-issues.ts";
import type { TomlTable, TomlValue } from "./document.ts";
import type { KeyPath } from "./key-path.ts";

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
    for (const complaint of complaintsOf(lenient.error.issues, rest)) rest = without(rest, pathToDrop(rest, complaint));
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

function without(value: TomlTable, path: KeyPath): TomlTable {
  const [first, ...rest] = path;
  // Object.fromEntries makes own properties, whatever they are called.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== first || rest.length > 0)
      .map(([key, inner]) => [key, key === first ? withoutInner(inner, rest) : inner]),
  );
}

function withoutInner(value: TomlValue, path: KeyPath): TomlValue {
  const [first, ...rest] = path;
  if (isList(value)) return value.map((element, index) => (index === first ? withoutInner(element, rest) : element));
  return typeof value === "object" && !(value instanceof Date) ? without(value, path) : value;
}
