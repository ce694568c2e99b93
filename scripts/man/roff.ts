/**
 * Text as roff's man macros have it (man(7)): what stands between backticks becomes bold, placeholders in angle brackets
 * italic, as man-pages(7) asks. Pure.
 */

/** Letters that roff would read as something else. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga");
}

/** A line that begins with a dot or an apostrophe would be a request. */
function line(text: string): string {
  return /^[.']/u.test(text) ? `\\&${text}` : text;
}

/** Prose: code in bold. Hyphens stay hyphens in words, and become minus signs in code. */
export function prose(text: string): string {
  const parts = text.split("`").map((part, index) => (index % 2 === 1 ? bold(part) : plain(part)));
  return wrapped(parts.join(""));
}

/** Lines of at most 80 columns, as roff's own style has it; a sentence that is longer goes on in the next one. */
function wrapped(text: string): string {
  return text
    .replaceAll(/(?! )(.{1,78}|[^ ]{79,})(?: |$)/gu, "$1\n")
    .trimEnd()
    .split("\n")
    .map(line)
    .join("\n");
}

function plain(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll(/(^|\s)--?(?=[a-z])/gu, (dashes) => escaped(dashes));
}

export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fP`;
}

function italic(text: string): string {
  return `\\fI${escaped(text)}\\fP`;
}

/** `-c, --config <file>`: what is typed is bold, what it stands for italic. */
export function usage(text: string): string {
  return text
    .split(/(<[^>]+>|\[[a-z-]+(?:\.{3})?\])/u)
    .map((part) => {
      if (part === "") return "";
      if (part.startsWith("<")) return italicWord(part.slice(1, -1));
      if (part.startsWith("[")) return `[${italicWord(part.slice(1, -1))}]`;
      return part.replaceAll(/[^\s,]+/gu, (word) => bold(word));
    })
    .join("");
}

function italicWord(word: string): string {
  return word.endsWith("...") ? `${italic(word.slice(0, -3))}\\|.\\|.\\|.` : italic(word);
}

/** Lines exactly as they are. */
export function verbatim(text: string): string {
  return [".PP", ".in +4n", ".nf", ...text.split("\n").map((each) => line(escaped(each))), ".fi", ".in"].join("\n");
}

export function title(name: string, section: number, date: string, source: string, manual: string): string {
  return `.TH ${name.toUpperCase()} ${section} "${date}" "${source}" "${manual}"`;
}

export function section(name: string, ...body: readonly string[]): string {
  return [`.SH ${quoted(name.toUpperCase())}`, ...paragraphs(body)].join("\n");
}

export function subsection(name: string, ...body: readonly string[]): string {
  return [`.SS ${quoted(escaped(name))}`, ...paragraphs(body)].join("\n");
}

/** A list's entry: the term, already formatted, and what is said of it. */
export function entry(term: string, ...body: readonly string[]): string {
  return [".TP", line(term), ...body].join("\n");
}

/** `.PP` between paragraphs that bring no macro of their own. */
function paragraphs(body: readonly string[]): readonly string[] {
  return body.flatMap((each, index) =>
    index === 0 || each.startsWith(".") ? [each.replace(/^\.PP\n/u, index === 0 ? "" : ".PP\n")] : [".PP", each],
  );
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', "\\(dq")}"`;
}
