/** What the figures were measured on, and with which versions. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { harakaVersion } from "./haraka.ts";

export interface Machine {
  readonly date: string;
  readonly words: string;
  readonly versions: Readonly<Record<string, string>>;
}

const packages = ["dovecot-pop3d", "fetchmail", "getmail6", "mpop", "msmtp", "postfix"];

export async function machine(): Promise<Machine> {
  const [cpu] = cpus();
  const versions: Record<string, string> = { node: process.version };
  for (const name of packages) versions[name] = installed(name);
  versions["Haraka"] = harakaVersion() ?? "(not installed)";
  const words = [
    `${availableParallelism()} processors (${cpu?.model.trim() ?? "unknown"})`,
    `${Math.round(totalmem() / 1024 ** 3)} GB of memory`,
    await fileSystem(),
    `Linux ${release()}`,
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
  ].join(", ");
  return { date: new Date().toISOString().slice(0, 10), words, versions };
}

function installed(name: string): string {
  return execFileSync("dpkg-query", ["-W", "-f", "${Version}", name], { encoding: "utf8" }).trim();
}

/** Where temporary files are. */
async function fileSystem(): Promise<string> {
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  const root = mounts.findLast(([, where]) => where === "/tmp") ?? mounts.findLast(([, where]) => where === "/");
  return `${root?.[2] ?? "unknown file system"} on ${root?.[0] ?? "?"}`;
}
