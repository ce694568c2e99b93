/** Gathers what the checks find, each with its place in the file. */
import type { Document } from "./document.ts";
import type { KeyPath } from "./key-path.ts";
import { keyText } from "./key-path.ts";
import { sortProblems, type ConfigProblem } from "./problem.ts";

/** No name, path or key that a person wrote on purpose is longer. */
const longestText = 500;

export class Findings {
  readonly #file: string;
  readonly #document: Document;
  readonly #errors: ConfigProblem[] = [];
  readonly #warnings: ConfigProblem[] = [];

  constructor(file: string, document: Document) {
    this.#file = file;
    this.#document = document;
  }

  /** The configuration cannot be used. `about: "key"` points at the key instead of its value. */
  error(path: KeyPath, message: string, hint = "", about: "key" | "value" = "value"): void {
    this.#errors.push(this.#problem(path, message, hint, about));
  }

  /** It can be used, but hardly as it was meant. */
  warn(path: KeyPath, message: string, hint = "", about: "key" | "value" = "value"): void {
    this.#warnings.push(this.#problem(path, message, hint, about));
  }

  /** A problem whose place is known already. */
  add(problem: Omit<ConfigProblem, "file">): void {
    this.#errors.push(readable({ file: this.#file, ...problem }));
  }

  /** The line where something else stands that a message speaks of. */
  lineOf(path: KeyPath): number {
    return this.#document.keyAt(path).line;
  }

  get errors(): readonly ConfigProblem[] {
    return sortProblems(this.#errors);
  }

  get warnings(): readonly ConfigProblem[] {
    return sortProblems(this.#warnings);
  }

  #problem(path: KeyPath, message: string, hint: string, about: "key" | "value"): ConfigProblem {
    const { line, column } = about === "key" ? this.#document.keyAt(path) : this.#document.valueAt(path);
    return readable({ file: this.#file, line, column, key: keyText(path), message, hint });
  }
}

/** Messages quote what stands in the file, which can be anything and of any length. */
function readable(problem: ConfigProblem): ConfigProblem {
  return { ...problem, key: cut(problem.key), message: cut(problem.message), hint: cut(problem.hint) };
}

function cut(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText).toWellFormed()}…`;
}
