/**
 * A TOML text as plain values, with the place of each: what the checks of this folder look at.
 *
 * Guarantees: never throws. The parser stops at its first error, but an administrator wants to see all of them at once;
 * so a broken line is set aside and the rest is read again, up to a bound. What stood in a broken line is then missing:
 * `damaged` says so, and no check should complain about what is not there.
 *
 * TOML 1.1, by toml-eslint-parser. A byte order mark, which Windows editors write, is skipped.
 */
import { parseTOML, type AST } from "toml-eslint-parser";
import { keyText, type KeyPath, type Position } from "./key-path.ts";
import { isAside, setAside, type SyntaxFault } from "./syntax-fault.ts";

export type TomlValue = string | number | boolean | Date | readonly TomlValue[] | TomlTable;
export interface TomlTable {
  readonly [key: string]: TomlValue;
}

export interface Document {
  readonly root: TomlTable;
  readonly faults: readonly SyntaxFault[];
  /** A line could not be read, so that something may be missing from `root`. */
  readonly damaged: boolean;
  /** Where the value stands, or what would hold it if it is not there. */
  valueAt(path: KeyPath): Position;
  /** Where the key is written. */
  keyAt(path: KeyPath): Position;
}

/** Errors of syntax shown at once; more are rarely more than echoes of these. */
const maxFaults = 20;
/** Every error of syntax has the whole text read again: so much is read in all. */
const maxRead = 2 * 1024 * 1024;

/** Reads a text; the document of one that cannot be read at all is empty. */
export function readDocument(text: string): Document {
  let current = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const faults: SyntaxFault[] = [];
  while (faults.length < maxFaults && faults.length * text.length <= maxRead) {
    const result = tryParse(current);
    if (result.kind === "ok") return documentOf(result.program, faults);
    const { fault, rest } = setAside(current, result.error, faults.length);
    // Not getting on: what is said now is an echo of the last one.
    if (faults.some((earlier) => earlier.kind === "unreadable" && earlier.line >= fault.line)) break;
    faults.push(fault);
    if (rest === undefined) break;
    current = rest;
  }
  return new PlacedDocument({}, faults, true, new Map(), new Map());
}

type ParseResult =
  | { readonly kind: "ok"; readonly program: AST.TOMLProgram }
  | { readonly kind: "bad"; readonly error: unknown };

function tryParse(text: string): ParseResult {
  try {
    return { kind: "ok", program: parseTOML(text, { tomlVersion: "1.1" }) };
  } catch (error) {
    return { kind: "bad", error };
  }
}

function documentOf(program: AST.TOMLProgram, faults: readonly SyntaxFault[]): Document {
  const builder = new Builder();
  for (const node of program.body[0].body) {
    if (node.type === "TOMLTable") builder.table(node);
    else builder.pair([], node);
  }
  const damaged = faults.some(({ kind }) => kind === "unreadable");
  return new PlacedDocument(builder.root, faults, damaged, builder.keys, builder.values);
}

type Places = Map<string, Position>;

class PlacedDocument implements Document {
  readonly root: TomlTable;
  readonly faults: readonly SyntaxFault[];
  readonly damaged: boolean;
  readonly #keys: Places;
  readonly #values: Places;

  constructor(root: TomlTable, faults: readonly SyntaxFault[], damaged: boolean, keys: Places, values: Places) {
    this.root = root;
    this.faults = faults;
    this.damaged = damaged;
    this.#keys = keys;
    this.#values = values;
  }

  valueAt(path: KeyPath): Position {
    return nearest(path, this.#values);
  }

  keyAt(path: KeyPath): Position {
    return nearest(path, this.#keys);
  }
}

function nearest(path: KeyPath, places: Places): Position {
  for (let length = path.length; length > 0; length--) {
    const place = places.get(keyText(path.slice(0, length)));
    if (place !== undefined) return place;
  }
  return { line: 1, column: 1 };
}

interface MutableTable {
  [key: string]: TomlValue;
}

function newTable(): MutableTable {
  // Without a prototype, so that a key named __proto__ is a key like any other.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion, typescript/no-unsafe-assignment -- Object.create is typed any
  return Object.create(null) as MutableTable;
}

class Builder {
  readonly root = newTable();
  readonly keys: Places = new Map();
  readonly values: Places = new Map();
  readonly #tables = new Map<string, MutableTable>([["", this.root]]);
  readonly #arrays = new Map<string, TomlValue[]>();

  table(node: AST.TOMLTable): void {
    if (node.resolvedKey.some((part) => isAside(part))) return;
    const at = positionOf(node);
    for (let length = 1; length <= node.resolvedKey.length; length++) {
      const path = node.resolvedKey.slice(0, length);
      this.#enter(path, at);
    }
    for (const pair of node.body) this.pair(node.resolvedKey, pair);
  }

  pair(base: KeyPath, node: AST.TOMLKeyValue): void {
    const parts = node.key.keys.map((key) => ({
      name: key.type === "TOMLBare" ? key.name : key.value,
      at: positionOf(key),
    }));
    if (parts.some(({ name }) => isAside(name))) return;
    let path = [...base];
    for (const { name, at } of parts.slice(0, -1)) {
      path = [...path, name];
      this.#enter(path, at);
    }
    const last = parts.at(-1);
    if (last === undefined) return;
    const full = [...path, last.name];
    this.keys.set(keyText(full), last.at);
    this.#tableAt(path)[last.name] = this.#content(full, node.value);
  }

  /** Makes the table or array element at `path`, unless it is there. */
  #enter(path: KeyPath, at: Position): void {
    const key = keyText(path);
    if (this.#tables.has(key) || this.#arrays.has(key)) return;
    this.keys.set(key, at);
    this.values.set(key, at);
    const last = path.at(-1);
    const parent = path.slice(0, -1);
    if (typeof last === "number") {
      const table = newTable();
      this.#tables.set(key, table);
      this.#arrayAt(parent).push(table);
      return;
    }
    // Whether it becomes a table or an array of tables shows in the next part of the path.
    this.#tables.set(key, newTable());
    const table = this.#tables.get(key);
    if (last !== undefined && table !== undefined) this.#tableAt(parent)[last] = table;
  }

  #arrayAt(path: KeyPath): TomlValue[] {
    const key = keyText(path);
    const known = this.#arrays.get(key);
    if (known !== undefined) return known;
    const made: TomlValue[] = [];
    this.#arrays.set(key, made);
    this.#tables.delete(key);
    const last = path.at(-1);
    if (last !== undefined) this.#tableAt(path.slice(0, -1))[last] = made;
    return made;
  }

  #tableAt(path: KeyPath): MutableTable {
    return this.#tables.get(keyText(path)) ?? this.root;
  }

  #content(path: KeyPath, node: AST.TOMLContentNode): TomlValue {
    this.values.set(keyText(path), positionOf(node));
    switch (node.type) {
      case "TOMLArray":
        return node.elements.map((element, index) => this.#content([...path, index], element));
      case "TOMLInlineTable": {
        const table = newTable();
        this.#tables.set(keyText(path), table);
        for (const pair of node.body) this.pair(path, pair);
        return table;
      }
      case "TOMLValue":
        return node.value;
    }
  }
}

function positionOf(node: AST.TOMLNode): Position {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 };
}
