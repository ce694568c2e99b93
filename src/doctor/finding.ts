/**
 * What the doctor has to say, one fact each, and how facts are put in order: what stops mail first, what is good last.
 * Pure. Words are whole sentences for the administrator; text of servers in them is free of control characters.
 */
import type { FindingId } from "./finding-ids.ts";

/**
 * - `error`: mail does not flow, or would reach the wrong people.
 * - `warning`: it flows, and something will go wrong some day, or for some messages.
 * - `info`: worth knowing.
 * - `ok`: looked at, and good.
 */
export type Severity = "error" | "warning" | "info" | "ok";

export interface Finding {
  /** Which kind of finding it is. */
  readonly id: FindingId;
  readonly severity: Severity;
  /** `account sammel`, `exchange`, `relay strato`, `listener`, `host`, `configuration`. */
  readonly about: string;
  readonly what: string;
  /** What to do, where there is anything to do. */
  readonly remedy?: string | undefined;
  /** To be copied as they stand: lines of the configuration, or commands. */
  readonly lines?: readonly string[] | undefined;
}

const order: readonly Severity[] = ["error", "warning", "info", "ok"];

/** Most important first; what is equally important keeps its order. */
export function byImportance(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

/** Gathers what is found about one thing. */
export class Notes {
  readonly about: string;
  readonly findings: Finding[] = [];

  constructor(about: string) {
    this.about = about;
  }

  ok(id: FindingId, what: string, remedy?: string, lines?: readonly string[]): void {
    this.#add("ok", id, what, remedy, lines);
  }

  info(id: FindingId, what: string, remedy?: string, lines?: readonly string[]): void {
    this.#add("info", id, what, remedy, lines);
  }

  warn(id: FindingId, what: string, remedy?: string, lines?: readonly string[]): void {
    this.#add("warning", id, what, remedy, lines);
  }

  error(id: FindingId, what: string, remedy?: string, lines?: readonly string[]): void {
    this.#add("error", id, what, remedy, lines);
  }

  #add(severity: Severity, id: FindingId, what: string, remedy?: string, lines?: readonly string[]): void {
    this.findings.push({ id, severity, about: this.about, what: clean(what), remedy, lines: lines?.map(clean) });
  }
}

const longest = 1500;

/** Servers' words stand in findings: nothing in them may move the cursor or look like a line of its own. */
function clean(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return safe.length > longest ? `${safe.slice(0, longest)}…` : safe;
}
