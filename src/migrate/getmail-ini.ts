/**
 * Reads a getmailrc as the ini file that it is: sections, `key = value` or `key: value`, comments by `#` and `;`, values
 * that go on in indented lines. Values in the form of Python tuples are read as lists of texts. Pure; never throws.
 */
import type { Remark } from "./imported.ts";

export interface IniValue {
  readonly line: number;
  readonly text: string;
}

export interface IniSection {
  readonly name: string;
  readonly line: number;
  readonly values: Map<string, IniValue>;
}

/** A section whose name comes twice is one. */
export function readIni(text: string): {
  readonly sections: readonly IniSection[];
  readonly remarks: readonly Remark[];
} {
  const sections = new Map<string, IniSection>();
  const remarks: Remark[] = [];
  let section: IniSection | undefined;
  let key: string | undefined;
  for (const [index, raw] of text.split(/\r?\n/u).entries()) {
    const line = index + 1;
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("#") || trimmed.startsWith(";")) continue;
    const header = /^\[([^\]]+)\]/u.exec(trimmed)?.[1];
    const earlier = key === undefined ? undefined : section?.values.get(key);
    if (/^\s/u.test(raw) && key !== undefined && earlier !== undefined)
      section?.values.set(key, { line: earlier.line, text: `${earlier.text}\n${trimmed}` });
    else if (header !== undefined) {
      const name = header.trim().toLowerCase();
      section = sections.get(name) ?? { name, line, values: new Map() };
      sections.set(name, section);
      key = undefined;
    } else {
      const pair = /^([^=:]+?)\s*[=:]\s*(.*)$/u.exec(trimmed);
      key = pair?.[1]?.toLowerCase();
      if (section === undefined || key === undefined) {
        key = undefined;
        remarks.push({ line, text: "a line that is not understood here; it was left out" });
      } else section.values.set(key, { line, text: pair?.[2] ?? "" });
    }
  }
  return { sections: [...sections.values()], remarks };
}

/** The texts in quotes of a tuple, however deep: `("a", "b")`. Without quotes nothing. */
export function tupleTexts(text: string): string[] {
  const quoted = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/gsu;
  return [...text.matchAll(quoted)].map(([, double, single]) => (double ?? single ?? "").replaceAll(/\\(.)/gsu, "$1"));
}
