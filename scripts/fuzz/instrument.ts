/**
 * Source text with a counter at each branch: function bodies, both ways of an `if` (a missing `else` too), loop bodies,
 * cases, arms of conditional and logical expressions, defaults, catch blocks. The counters live in one array on the global
 * object, so that counting costs an increment.
 *
 * Guarantees: types are blanked and insertions keep line numbers, so that stacks still say where something is. What is
 * not an executable branch is left as it stands. Throws for a source that cannot be parsed: it could not run either.
 */
import { stripTypeScriptTypes } from "node:module";
import { parseSync, Visitor } from "oxc-parser";

/** The name of the counters' array on the global object. */
export const countersName = "__popgateFuzzCounters";

export interface Instrumented {
  readonly code: string;
  /** How many counters it uses, from the first one on. */
  readonly branches: number;
  /** Texts that stand in the source: keywords, field names. What a comparison waits for is mostly one of them. */
  readonly literals: readonly string[];
}

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Statement extends Span {
  readonly type: string;
}

const longestLiteral = 40;

/** `first`: the number of the first counter that is free. */
export function instrument(source: string, file: string, first: number): Instrumented {
  const plain = stripTypeScriptTypes(source, { mode: "strip" });
  const { program, errors } = parseSync(file.replace(/\.ts$/u, ".js"), plain, { sourceType: "module" });
  if (errors.length > 0) throw new TypeError(`${file} cannot be parsed: ${errors[0]?.message ?? ""}`);
  const insertions = new Insertions(first);
  const literals = new Set<string>();
  const loop = ({ body }: { readonly body: Statement }): void => insertions.statement(body);
  const body = ({ body }: { readonly body: Statement | null }): void => {
    if (body !== null) insertions.block(body);
  };
  new Visitor({
    FunctionDeclaration: body,
    FunctionExpression: body,
    ArrowFunctionExpression: ({ body }) =>
      body.type === "BlockStatement" ? insertions.block(body) : insertions.expression(body),
    IfStatement: ({ consequent, alternate }) => {
      insertions.statement(consequent, alternate === null);
      if (alternate !== null) insertions.statement(alternate);
    },
    ForStatement: loop,
    ForInStatement: loop,
    ForOfStatement: loop,
    WhileStatement: loop,
    DoWhileStatement: loop,
    CatchClause: body,
    SwitchCase: ({ consequent, end }) => insertions.before(consequent[0]?.start ?? end),
    ConditionalExpression: ({ consequent, alternate }) => {
      insertions.expression(consequent);
      insertions.expression(alternate);
    },
    LogicalExpression: ({ right }) => insertions.expression(right),
    AssignmentExpression: ({ operator, right }) => {
      if (/^(?:\?\?|\|\||&&)=$/u.test(operator)) insertions.expression(right);
    },
    AssignmentPattern: ({ right }) => insertions.expression(right),
    Literal: ({ value }) => {
      if (typeof value === "string" && value !== "" && value.length <= longestLiteral) literals.add(value);
    },
  }).visit(program);
  const { code, branches } = insertions.applied(plain);
  return { code, branches, literals: [...literals] };
}

/** Texts to be put in. Visited from the outside inwards, so what opens goes in by that order and what closes by its reverse. */
class Insertions {
  readonly #first: number;
  #branches = 0;
  readonly #opening = new Map<number, string>();
  readonly #closing = new Map<number, string>();

  constructor(first: number) {
    this.#first = first;
  }

  /** A body in braces. */
  block({ start }: Span): void {
    this.#open(start + 1, `${this.#count()};`);
  }

  /** The body of an `if` or a loop; `orElse`: the way past it is a branch as well. */
  statement({ type, start, end }: Statement, orElse = false): void {
    const braces = type === "BlockStatement";
    if (braces) this.block({ start, end });
    else this.#open(start, `{${this.#count()};`);
    this.#close(end, `${braces ? "" : "}"}${orElse ? ` else {${this.#count()};}` : ""}`);
  }

  expression({ start, end }: Span): void {
    this.#open(start, `(${this.#count()},(`);
    this.#close(end, "))");
  }

  before(position: number): void {
    this.#open(position, `${this.#count()};`);
  }

  applied(plain: string): { readonly code: string; readonly branches: number } {
    const places = [...new Set([...this.#opening.keys(), ...this.#closing.keys()])].sort((a, b) => a - b);
    let code = `const __b=globalThis.${countersName};`;
    let from = 0;
    for (const place of places) {
      code += plain.slice(from, place) + (this.#closing.get(place) ?? "") + (this.#opening.get(place) ?? "");
      from = place;
    }
    return { code: code + plain.slice(from), branches: this.#branches };
  }

  #count(): string {
    return `__b[${this.#first + this.#branches++}]++`;
  }

  #open(place: number, text: string): void {
    this.#opening.set(place, (this.#opening.get(place) ?? "") + text);
  }

  #close(place: number, text: string): void {
    this.#closing.set(place, text + (this.#closing.get(place) ?? ""));
  }
}
