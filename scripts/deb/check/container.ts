/**
 * A Debian of its own, booted with its own systemd by systemd-nspawn: no network but loopback, a file system that is thrown
 * away. The base system is made once by mmdebstrap and kept as a tarball. Needs root. Disposing ends it and removes it.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statfsSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import path from "node:path";
import { env } from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const cache = "/var/cache/popgate-deb-check";
/** What the package needs, and a service manager; nothing else. */
const include = "systemd-sysv,libstdc++6,ca-certificates";
const bootMs = 60_000;

export interface Result {
  readonly status: number | null;
  /** stdout and stderr. */
  readonly text: string;
}

export interface Container extends AsyncDisposable {
  readonly root: string;
  /** A command in it, with everything that a service there would see. */
  run(...argv: readonly string[]): Result;
}

/** What a base system, its tarball and three installed packages take, with room to spare. */
const wantedOctets = 3e9;

/** In memory where there is enough of it: two systems are unpacked there, and both are thrown away. */
function workFolder(): string {
  const memory = "/dev/shm";
  if (!existsSync(memory) || freemem() < 2 * wantedOctets) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize < wantedOctets ? tmpdir() : memory;
}

/** The base system's tarball, made when it is not there. */
function baseOf(suite: string): string {
  const kept = path.join(cache, `${suite}-2.tar`);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true });
  const fresh = `${kept}.${process.pid}.tar`;
  try {
    execFileSync(
      "mmdebstrap",
      ["--mode=root", "--variant=essential", `--include=${include}`, "--dpkgopt=force-unsafe-io", suite, fresh],
      { env: { ...env, TMPDIR: workFolder() }, stdio: ["ignore", "ignore", "inherit"], timeout: 400_000 },
    );
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, { force: true });
  }
  return kept;
}

/** Resolves when its system has started. */
export async function bootContainer(suite: string): Promise<Container> {
  const base = baseOf(suite);
  const dir = mkdtempSync(path.join(workFolder(), "popgate-deb-"));
  const root = path.join(dir, "root");
  mkdirSync(root);
  let child: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const closed = once(child, "close");
      // Nothing in it is to be kept: the end of its process 1 ends all of it.
      const leader = leaderOf(child);
      if (leader === undefined) child.kill("SIGTERM");
      else process.kill(leader, "SIGKILL");
      await closed;
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    execFileSync("tar", ["--extract", "--file", base, "--directory", root]);
    const options = ["--quiet", "--directory", root, "--register=no", "--keep-unit", "--private-network", "--boot"];
    child = spawn("systemd-nspawn", [...options, "--console=pipe", "--resolv-conf=off"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said: string[] = [];
    child.stdout?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => said.push(chunk.toString()));
    const started = child;
    const run = (...argv: readonly string[]): Result => runIn(started, argv);
    await until("the system has started", bootMs, () => {
      if (started.exitCode !== null) throw new Error(`systemd-nspawn has ended: ${said.join("").slice(-2000)}`);
      return leaderOf(started) !== undefined && /running|degraded/u.test(run("systemctl", "is-system-running").text);
    });
    return { root, run, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Process 1 of the container, seen from outside. */
function leaderOf({ pid }: ChildProcess): number | undefined {
  if (pid === undefined) return undefined;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
  return children.map(Number).find((child) => child > 0);
}

function runIn(child: ChildProcess, argv: readonly string[]): Result {
  const leader = leaderOf(child);
  if (leader === undefined) throw new Error("the container has ended");
  const inside = {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LC_ALL: "C.UTF-8",
    HOME: "/root",
    DEBIAN_FRONTEND: "noninteractive",
  };
  const { status, stdout, stderr, error } = spawnSync(
    "nsenter",
    ["--target", String(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", ...argv],
    { encoding: "utf8", env: inside, timeout: 120_000 },
  );
  return { status, text: `${stdout}${stderr}${error === undefined ? "" : error.message}` };
}

/** Resolves when `holds` says so, and throws when it has not by then. */
export async function until(what: string, withinMs: number, holds: () => boolean): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${withinMs / 1000} s in vain until ${what}`);
    await delay(100);
  }
}
