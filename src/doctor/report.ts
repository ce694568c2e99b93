/** The doctor's findings as text for a terminal or a mail: most important first, the id in brackets, the summary last. Pure. */
import { byImportance, type Finding, type Severity } from "./finding.ts";

const labels: Readonly<Record<Severity, string>> = { error: "ERROR", warning: "warning", info: "info", ok: "ok" };

const indent = " ".repeat(9);

/** Lines without line ends. */
export function reportLines(findings: readonly Finding[]): readonly string[] {
  return [
    ...byImportance(findings).flatMap(({ id, severity, about, what, remedy, lines }) => [
      `${labels[severity].padEnd(indent.length - 1)} ${about}: ${what} [${id}]`,
      ...(remedy === undefined ? [] : [`${indent}${remedy}`]),
      ...(lines ?? []).map((line) => `${indent}    ${line}`),
    ]),
    summaryOf(findings),
  ];
}

/** `2 errors, 1 warning, 14 checks good; first: exchange: connection refused …` on one line. */
export function summaryOf(findings: readonly Finding[]): string {
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  const said = [plural(count("error"), "error"), plural(count("warning"), "warning"), `${count("ok")} checks good`];
  const worst = byImportance(findings)[0];
  const isTrouble = worst?.severity === "error" || worst?.severity === "warning";
  return `${said.join(", ")}${isTrouble ? `; first: ${worst.about}: ${shortened(worst.what)}` : ""}`;
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

const longestQuote = 120;

function shortened(text: string): string {
  return text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text;
}

/** The exit status: 5 when something needs a person. Warnings count only when asked for. */
export function statusOf(findings: readonly Finding[], strict: boolean): 0 | 5 {
  const bad: readonly Severity[] = strict ? ["error", "warning"] : ["error"];
  return findings.some(({ severity }) => bad.includes(severity)) ? 5 : 0;
}
