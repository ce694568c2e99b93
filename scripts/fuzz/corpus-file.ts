/**
 * Inputs in files: one a line, as a JSON string in which each character is an octet. Texts stay readable, and a change of
 * the corpus shows in a diff.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

/** The inputs of a file; none if it is not there. */
export function readInputs(file: string): Buffer[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => {
      const text: unknown = JSON.parse(line);
      if (typeof text !== "string" || /[^\0-\xff]/u.test(text))
        throw new TypeError(`${file}:${index + 1} is not a text of octets`);
      return Buffer.from(text, "latin1");
    });
}

/** In the order given, without doubles. */
export function writeInputs(file: string, inputs: readonly Buffer[]): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const lines = new Set(inputs.map(inputLine));
  writeFileSync(file, [...lines].map((line) => `${line}\n`).join(""));
}

/** One input as it stands in a file: ASCII only. */
export function inputLine(input: Buffer): string {
  return JSON.stringify(input.toString("latin1")).replace(
    /[\x7f-\xff]/gu,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}
