/**
 * What zod finds wrong, in words for an administrator: what stands there, what would be right, and for an unknown key
 * the known one that it may have been meant to be. Values are shown only where no secret can stand.
 */
import { z } from "zod";
import type { TomlTable, TomlValue } from "./document.ts";
import type { KeyPath } from "./key-path.ts";
import { nearestKey } from "./nearest-key.ts";
import { strictSchema } from "./schema.ts";

export interface Complaint {
  readonly path: KeyPath;
  /** Whether it is about the key itself or about its value. */
  readonly about: "key" | "value" | "missing";
  readonly message: string;
  readonly hint: string;
}

type Issue = z.core.$ZodIssue;

/** One complaint for each thing that is wrong. */
export function complaintsOf(issues: readonly Issue[], root: TomlTable): readonly Complaint[] {
  return issues.flatMap((issue) => fromIssue(issue, [], root));
}

function fromIssue(issue: Issue, base: KeyPath, root: TomlTable): readonly Complaint[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === "symbol" ? part.toString() : part))];
  const value = valueAt(root, path);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey([...path, key], path, key));
  if (value === undefined && issue.code !== "custom") {
    return [{ path, about: "missing", message: "it is missing", hint: exampleOf(path) }];
  }
  if (issue.code === "invalid_union") return fromUnion(issue.errors, path, value, root);
  const { message, hint } = words(issue, value, path);
  return [{ path, about: "value", message, hint }];
}

/** The branch that was meant is the one whose kind of value stands there. */
function fromUnion(
  branches: readonly (readonly Issue[])[],
  path: KeyPath,
  value: TomlValue | undefined,
  root: TomlTable,
): readonly Complaint[] {
  const meant = branches.find(
    (issues) => !issues.some(({ code, path }) => code === "invalid_type" && path.length === 0),
  );
  if (meant !== undefined) return meant.flatMap((issue) => fromIssue(issue, path, root));
  const wanted = branches.flatMap((issues) =>
    issues.flatMap((issue) => (issue.code === "invalid_type" ? [kindName(issue.expected)] : [])),
  );
  const message = `it is ${kindOf(value)} where ${[...new Set(wanted)].join(" or ")} is needed`;
  return [{ path, about: "value", message, hint: "" }];
}

function words(
  issue: Issue,
  value: TomlValue | undefined,
  path: KeyPath,
): { readonly message: string; readonly hint: string } {
  switch (issue.code) {
    case "invalid_type":
      return {
        message: `it is ${kindOf(value)} where ${kindName(issue.expected)} is needed`,
        hint: kindHint(issue.expected, value, path),
      };
    case "invalid_value": {
      const allowed = issue.values.map(String);
      const near = typeof value === "string" ? nearestKey(value, allowed) : undefined;
      const list = `Allowed are ${allowed.map((name) => `"${name}"`).join(", ")}`;
      const shown = typeof value === "string" ? `"${value}"` : kindOf(value);
      return {
        message: `${shown} is not allowed here`,
        hint: near === undefined ? list : `Did you mean "${near}"? ${list}`,
      };
    }
    case "too_small":
      return issue.origin === "number" || issue.origin === "int"
        ? { message: `it must be at least ${issue.minimum}`, hint: "" }
        : { message: "it is empty", hint: "" };
    case "too_big":
      return { message: `it must be at most ${issue.maximum}`, hint: "" };
    case "custom":
      return { message: issue.message, hint: typeof issue.params?.["hint"] === "string" ? issue.params["hint"] : "" };
    default:
      return { message: issue.message, hint: "" };
  }
}

function unknownKey(path: KeyPath, table: KeyPath, key: string): Complaint {
  const known = knownKeys(table);
  const near = nearestKey(key, known);
  return {
    path,
    about: "key",
    message: "this key is not known here",
    hint: near === undefined ? elsewhere(key) : `Did you mean ${near}?`,
  };
}

/** Where in the file the key would be right. */
function elsewhere(key: string): string {
  const places = Object.entries(strictSchema.shape).flatMap(([name, type]) => {
    const table = objectOf(type);
    if (table === undefined || !(key in table.shape)) return [];
    return [name === "collector" || name === "mailbox" || name === "relay" ? `[[${name}]]` : `[${name}]`];
  });
  if (key in strictSchema.shape) places.unshift("the top of the file, before the first table");
  return places.length === 0 ? "" : `It belongs to ${places.slice(0, 3).join(" or ")}`;
}

function knownKeys(path: KeyPath): readonly string[] {
  let type: z.core.$ZodType = strictSchema;
  for (const part of path) {
    const inner: z.core.$ZodType | undefined =
      typeof part === "number" ? elementOf(type) : (objectOf(type)?.shape[part] ?? recordOf(type));
    if (inner === undefined) return [];
    type = inner;
  }
  return Object.keys(objectOf(type)?.shape ?? {});
}

/** The table that a type is at its heart, under defaults, options, transformations and alternatives. */
function objectOf(type: z.core.$ZodType): z.ZodObject<z.core.$ZodShape> | undefined {
  if (type instanceof z.ZodObject) return type;
  if (type instanceof z.ZodArray) return objectOf(type.element);
  if (type instanceof z.ZodUnion) return firstDefined(type.options, objectOf);
  const inner = innerOf(type);
  return inner === undefined ? undefined : objectOf(inner);
}

function elementOf(type: z.core.$ZodType): z.core.$ZodType | undefined {
  if (type instanceof z.ZodArray) return type.element;
  if (type instanceof z.ZodUnion) return firstDefined(type.options, elementOf);
  const inner = innerOf(type);
  return inner === undefined ? undefined : elementOf(inner);
}

function recordOf(type: z.core.$ZodType): z.core.$ZodType | undefined {
  if (type instanceof z.ZodRecord) return type.valueType;
  const inner = innerOf(type);
  return inner === undefined ? undefined : recordOf(inner);
}

function innerOf(type: z.core.$ZodType): z.core.$ZodType | undefined {
  if (type instanceof z.ZodOptional || type instanceof z.ZodDefault || type instanceof z.ZodPrefault)
    return type.unwrap();
  return type instanceof z.ZodPipe ? type.in : undefined;
}

function firstDefined<A, B>(items: readonly A[], find: (item: A) => B | undefined): B | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value at a path; `undefined` if nothing stands there. */
export function valueAt(root: TomlTable, path: KeyPath): TomlValue | undefined {
  let value: TomlValue | undefined = root;
  for (const part of path) {
    if (value === undefined || typeof value !== "object" || value instanceof Date) return undefined;
    if (isList(value)) value = typeof part === "number" ? value[part] : undefined;
    else value = Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

export function isList(value: TomlValue): value is readonly TomlValue[] {
  return Array.isArray(value);
}

const kindNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a table",
  record: "a table",
};

function kindName(expected: string): string {
  return kindNames[expected] ?? expected;
}

function kindOf(value: TomlValue | undefined): string {
  if (value === undefined) return "nothing";
  if (value instanceof Date) return "a date";
  if (typeof value === "string") return value === "" ? "empty text" : "text";
  if (typeof value === "number") return "a number";
  if (typeof value === "boolean") return String(value);
  return isList(value) ? "a list" : "a table";
}

function kindHint(expected: string, value: TomlValue | undefined, path: KeyPath): string {
  const name = path.at(-1);
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean"))
    return "Put it between quotation marks";
  if (expected === "array" && value !== undefined && typeof value === "object" && !(value instanceof Date))
    return `Write [[${String(name)}]], with double brackets`;
  if (expected === "array") return "Put it between square brackets";
  if ((expected === "object" || expected === "record") && value !== undefined && typeof value === "object")
    return `Write [${String(name)}], with single brackets`;
  if ((expected === "number" || expected === "int") && typeof value === "string")
    return "Write it without quotation marks";
  if (expected === "int" && typeof value === "number") return "Write it without a fraction";
  return "";
}

const examples: Readonly<Record<string, string>> = {
  hostname: 'Write, for example, hostname = "mail.firma.example"',
  postmaster: 'Write, for example, postmaster = "admin@firma.example"',
  domains: 'Write, for example, domains = ["firma.example"]',
  exchange: 'Write a table [exchange] with host = "…"',
};

function exampleOf(path: KeyPath): string {
  return path.length === 1 ? (examples[String(path[0])] ?? "") : "";
}
