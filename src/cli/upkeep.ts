/** `popgate reload` and `popgate backup DIR`: short requests to the running daemon. */
import { statSync } from "node:fs";
import path from "node:path";
import { dataFile, unfinishedFolder } from "../spool/page-layout.ts";
import { anyAnswer, longMs } from "./admin-client.ts";
import type { Asking } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";
import { Progress } from "./progress.ts";
import { octetsText } from "./time-words.ts";

/** A bad configuration is told line by line, with status 2; the old one stays. */
export async function runReload({ client, screen, json }: Asking): Promise<number> {
  const answer = await client.post(anyAnswer, "/v1/reload", {}, longMs);
  if (json) screen.json(answer);
  else screen.print("the configuration has been taken");
  return exitStatus.ok;
}

/** The daemon writes the copy: the directory must be one that it may make. */
export async function runBackup(dir: string, { client, screen, aside, json }: Asking): Promise<number> {
  const absolute = path.resolve(dir);
  using progress = new Progress({ screen: aside, isWanted: !json });
  const asked = client.post(anyAnswer, "/v1/backup", { dir: absolute }, longMs);
  const answer = await progress.during(asked, () => `the daemon copies the spool${copied(absolute)}`);
  if (json) screen.json(answer);
  else screen.print(`the spool has been copied to ${absolute}; popgate verify ${absolute} checks the copy`);
  return exitStatus.ok;
}

/** What is there of the copy, where this user may look. */
function copied(dir: string): string {
  for (const file of [path.join(dir, unfinishedFolder, dataFile), path.join(dir, dataFile)]) {
    try {
      return `: ${octetsText(statSync(file).size)}`;
    } catch {
      // Not there yet, or not to be seen by this user.
    }
  }
  return "";
}
