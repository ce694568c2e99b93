/** Which popgate this is: what package.json says. */
import { readFileSync } from "node:fs";

export function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return /"version": "([^"]+)"/u.exec(text)?.[1] ?? "unknown";
}
