/**
 * What is wrong with a configuration file, and where: the form in which every check of this folder reports.
 * Lines and columns count from 1 (a tab is one column); 1:1 stands for the file as a whole.
 */

export interface ConfigProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Dotted path, tables of an array with their index from 1: `collector[2].keep`. Empty: the file as a whole. */
  readonly key: string;
  /** What is wrong. Never holds a secret's value. */
  readonly message: string;
  /** What would be right; empty if there is nothing to add. */
  readonly hint: string;
}

/** `file:line:column: key: message. hint` on one line, free of control characters. */
export function formatProblem(problem: ConfigProblem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const head = problem.key === "" ? where : `${where}: ${problem.key}`;
  const text = problem.hint === "" ? `${head}: ${problem.message}` : `${head}: ${problem.message}. ${problem.hint}`;
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/** By position in the file, which is how a person works through them. */
export function sortProblems(problems: readonly ConfigProblem[]): readonly ConfigProblem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
