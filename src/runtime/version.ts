/** The version of the program that runs: read when it starts, since an upgrade may put another file there meanwhile. */
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
const version = /"version": "([^"]+)"/u.exec(text)?.[1] ?? "unknown";

export function packageVersion(): string {
  return version;
}
