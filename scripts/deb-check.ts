/**
 * `make deb-check`: is the Debian package what it promises? As root: builds it twice (the same octets), has lintian look at
 * it, and lives a life with it in a clean Debian that has booted its own systemd: installed, configured, running as a
 * service with all its hardening, reloaded, watched, upgraded with mail in the spool, removed, purged.
 *
 * One line for each step; the first thing that is not as it should be ends it with status 1. SUITE=trixie takes Debian 13.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { env, getuid } from "node:process";
import { bootContainer } from "./deb/check/container.ts";
import { Scenario, type Packages } from "./deb/check/scenario.ts";

const suite = env["SUITE"] ?? "bookworm";
const tools = ["dpkg-deb", "lintian", "mmdebstrap", "systemd-nspawn", "systemd-analyze", "nsenter"];
const out = mkdtempSync(path.join(tmpdir(), "popgate-debs-"));

try {
  if (getuid?.() !== 0) throw new Error("must be root: it boots a Debian of its own");
  const missing = tools.filter((tool) => spawnSync("which", [tool]).status !== 0);
  if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; scripts/peers-install.sh installs them`);
  await step("the same commit gives the same octets", reproducible);
  await step("lintian finds no error", lintian);
  await step("the unit's exposure is low", exposure);
  await life();
  process.stdout.write("deb-check: the package is as it should be\n");
} catch (error) {
  process.stderr.write(`deb-check: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
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

/** Resolves with the path of the package. */
function build(dir: string, ...args: readonly string[]): string {
  const script = path.join(import.meta.dirname, "deb.ts");
  const into = path.join(out, dir);
  execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", script, "--out", into, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [name = ""] = readdirSync(into);
  return path.join(into, name);
}

function shipped(): string {
  const dir = path.join(import.meta.dirname, "..", "artefacts");
  const [name, ...others] = readdirSync(dir).filter((file) => file.endsWith(".deb"));
  if (name === undefined || others.length > 0) throw new Error(`not exactly one package in ${dir}: run make deb`);
  return path.join(dir, name);
}

function reproducible(): void {
  if (!readFileSync(shipped()).equals(readFileSync(build("again")))) throw new Error("a second build differs");
}

function lintian(): void {
  const { status, stdout, stderr } = spawnSync("lintian", ["--allow-root", "--fail-on", "error", shipped()], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`status ${status}\n${stdout}${stderr}`);
}

/** systemd's own measure, from 0 (nothing can happen) to 10. */
function exposure(): void {
  const unit = path.join(import.meta.dirname, "deb/popgate.service");
  const text = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", unit], {
    encoding: "utf8",
  });
  const score = /exposure level for popgate\.service: (\d+\.\d+)/u.exec(text)?.[1];
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
    await step("is started anew when it hangs", async () => trial.watchdogWatches());
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
