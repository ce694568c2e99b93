/**
 * `make deb-check`: is the Debian package what it promises? As root: has lintian look at it, builds it a second time and
 * compares, and lives a life with it in a clean Debian that has booted its own systemd: installed, configured, running as a
 * service with all its hardening, reloaded, watched, upgraded with mail in the spool, removed, purged.
 *
 * One line for each step; the first thing that is not as it should be ends it with status 1. SUITE=trixie takes Debian 13.
 * SHORT=1 leaves out the second build and the watchdog, and says so. lintian runs beside all others: it takes longest.
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, openSync, readdirSync, readFileSync, readSync, closeSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { env, getuid } from "node:process";
import { bootContainer } from "./deb/check/container.ts";
import { debianArchitecture } from "./deb/modules.ts";
import { shippedName } from "./deb/package-name.ts";
import { Scenario, type Packages } from "./deb/check/scenario.ts";

const suite = env["SUITE"] ?? "bookworm";
const isShort = env["SHORT"] === "1";
const tools = ["dpkg-deb", "lintian", "mmdebstrap", "systemd-nspawn", "systemd-analyze", "nsenter"];
const out = mkdtempSync(path.join(tmpdir(), "popgate-debs-"));
const ending = new AbortController();

try {
  if (getuid?.() !== 0) throw new Error("must be root: it boots a Debian of its own");
  const missing = tools.filter((tool) => spawnSync("which", [tool]).status !== 0);
  if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; scripts/deb/check/install.sh installs them`);
  const looked = lintian();
  await step("the unit's exposure is low", exposure);
  if (!isShort) await step("a second build has the same files, modes, times and control data", reproducible);
  await life();
  await step("lintian finds no error", async () => {
    const { status, said } = await looked;
    if (status !== 0) throw new Error(`status ${status}\n${said}`);
  });
  const left = isShort ? ", but for the second build and the watchdog, which SHORT=1 leaves out" : "";
  process.stdout.write(`deb-check: the package is as it should be${left}\n`);
} catch (error) {
  process.stderr.write(`deb-check: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  ending.abort();
  rmSync(out, { recursive: true, force: true });
}

async function step(what: string, work: () => void | Promise<void>): Promise<void> {
  const from = performance.now();
  try {
    await work();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
  process.stdout.write(`ok  ${what} (${((performance.now() - from) / 1000).toFixed(1)} s)\n`);
}

/** The path of a package with the time of the shipped one, whatever has been committed since. */
function build(dir: string, ...args: readonly string[]): string {
  const script = path.join(import.meta.dirname, "deb.ts");
  const into = path.join(out, dir);
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", script, "--out", into, ...args], {
    env: { ...env, SOURCE_DATE_EPOCH: timeOf(shipped()) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [name = ""] = readdirSync(into);
  return path.join(into, name);
}

function shipped(): string {
  const root = path.join(import.meta.dirname, "..");
  const dir = path.join(root, "artefacts");
  const version = /"version": "([^"]+)"/u.exec(readFileSync(path.join(root, "package.json"), "utf8"))?.[1] ?? "";
  return path.join(dir, shippedName(readdirSync(dir), version, debianArchitecture()));
}

/**
 * Compares what the packages hold: the tar archives of files and of control data, octet for octet. That xz makes the same
 * of the same is left to xz; `make release` compares whole packages.
 */
function reproducible(): void {
  const [first, second] = [shipped(), build("again", "--quick")];
  for (const part of ["--fsys-tarfile", "--ctrl-tarfile"])
    if (digestOf(part, first) !== digestOf(part, second)) throw new Error(`a second build differs: dpkg-deb ${part}`);
}

function digestOf(part: string, deb: string): string {
  const tar = execFileSync("dpkg-deb", [part, deb], { maxBuffer: 2 ** 30 });
  return createHash("sha256").update(tar).digest("hex");
}

/** When the package was made, in seconds: the time of its first member (deb(5), ar's header). */
function timeOf(deb: string): string {
  const head = Buffer.alloc(36);
  const file = openSync(deb, "r");
  try {
    readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  return head.toString("latin1", 24).trim();
}

/** Never rejects. */
async function lintian(): Promise<{ readonly status: number | null; readonly said: string }> {
  const child = spawn("lintian", ["--allow-root", "--fail-on", "error", shipped()], {
    stdio: ["ignore", "pipe", "pipe"],
    signal: ending.signal,
  });
  const ended = new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null)).once("close", resolve);
  });
  const [status, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { status, said: `${stdout}${stderr}` };
}

/** systemd's own measure, from 0 (nothing can happen) to 10. */
function exposure(): void {
  const unit = path.join(import.meta.dirname, "deb/popgate.service");
  const report = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], {
    encoding: "utf8",
  });
  const score = /exposure level for popgate\.service: (\d+\.\d+)/u.exec(report)?.[1];
  const claimed = /gives (\d+\.\d+)/u.exec(readFileSync(unit, "utf8"))?.[1];
  if (score === undefined || score !== claimed) throw new Error(`it is ${score}, and the unit says ${claimed}`);
}

async function life(): Promise<void> {
  const version = /popgate_(.+)-1_/u.exec(path.basename(shipped()))?.[1] ?? "";
  const packages: Packages = {
    first: shipped(),
    second: build("second", "--quick", "--version", `${version}+second`),
    third: build("third", "--quick", "--version", `${version}+third`),
  };
  await using container = await bootContainer(suite);
  const trial = new Scenario(container);
  try {
    await step(`installed on a clean ${suite}`, () => trial.installed(packages));
    await step("init makes what the daemon can read", () => trial.initialises());
    await step("peers and a configuration", async () => trial.peersStand());
    await step("runs as a service: port 25, DNS, credential, command, spool, socket", async () => trial.runs());
    await step("reloads, and refuses a bad configuration", async () => trial.reloads());
    if (!isShort) await step("is started anew when it hangs", async () => trial.watchdogWatches());
    await step("upgraded with mail in the spool", async () => trial.upgrades(packages));
    await step("removed and purged with mail in the spool, which is kept and delivered", async () =>
      trial.keepsMail(packages),
    );
    await step("purged without mail", async () => trial.purges());
  } catch (error) {
    process.stderr.write(trial.failure().text);
    throw error;
  }
}
