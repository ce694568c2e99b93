/** `popgate reload` and `popgate backup DIR`: short requests to the running daemon. */
import path from "node:path";
import { anyAnswer, longMs } from "./admin-client.ts";
import type { Asking } from "./asking.ts";
import { exitStatus } from "./exit-status.ts";

/** A bad configuration is told line by line, with status 2; the old one stays. */
export async function runReload({ client, screen, json }: Asking): Promise<number> {
  const answer = await client.post(anyAnswer, "/v1/reload", {}, longMs);
  if (json) screen.json(answer);
  else screen.print("the configuration has been taken");
  return exitStatus.ok;
}

/** The daemon writes the copy: the directory must be one that it may make. */
export async function runBackup(dir: string, { client, screen, json }: Asking): Promise<number> {
  const absolute = path.resolve(dir);
  const answer = await client.post(anyAnswer, "/v1/backup", { dir: absolute }, longMs);
  if (json) screen.json(answer);
  else screen.print(`the spool has been copied to ${absolute}; popgate verify ${absolute} checks the copy`);
  return exitStatus.ok;
}
