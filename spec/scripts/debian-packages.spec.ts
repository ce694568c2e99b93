/** What the installing scripts have in common, with a stand-in for apt-get: nothing is started, and nothing is left behind. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TemporaryDirectory } from "../spool/support.ts";

const shared = path.join(import.meta.dirname, "../../scripts/debian-packages.sh");
let home: TemporaryDirectory;
let policy: string;

beforeEach(() => {
  home = new TemporaryDirectory();
  policy = path.join(home.path, "policy-rc.d");
  mkdirSync(path.join(home.path, "bin"));
  program("dpkg-query", 'case "$4" in postfix) echo "install ok installed" ;; *) exit 1 ;; esac');
});
afterEach(() => home[Symbol.dispose]());

function program(name: string, text: string): void {
  writeFileSync(path.join(home.path, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** An apt-get that notes how it was called and what a daemon's start would be answered, and then does this. */
function aptGet(then: string): void {
  const { path: dir } = home;
  program("apt-get", `echo "$DEBIAN_FRONTEND $*" > ${dir}/called\n${policy}; echo $? > ${dir}/answer\n${then}`);
}

function noted(name: string): string {
  return readFileSync(path.join(home.path, name), "utf8").trim();
}

function run(text: string): { status: number | null; stdout: string; stderr: string } {
  const script = `set -eu\n. ${shared}\npolicy_rc_d=${policy}\n${text}`;
  const env = { PATH: `${path.join(home.path, "bin")}:/usr/bin:/bin` };
  return spawnSync("sh", ["-c", script], { encoding: "utf8", env, timeout: 20_000 });
}

test("while packages are installed no daemon may start, and afterwards it is as before", () => {
  aptGet("exit 0");
  expect(run("install_packages -o x=y dovecot-pop3d swaks")).toMatchObject({ status: 0 });
  expect(noted("called")).toBe("noninteractive install -y -qq --no-install-recommends -o x=y dovecot-pop3d swaks");
  // "Action forbidden by policy", to invoke-rc.d.
  expect(noted("answer")).toBe("101");
  expect(existsSync(policy)).toBe(false);
});

test.each(["exit 100", "kill -TERM $PPID; exit 0"])("also when that fails: %s", (then) => {
  aptGet(then);
  const { status, stdout } = run("install_packages swaks\necho went on");
  expect(status).not.toBe(0);
  expect(stdout).toBe("");
  expect(noted("answer")).toBe("101");
  expect(existsSync(policy)).toBe(false);
});

test("a policy that is there already stays, and is what counts", () => {
  aptGet("exit 0");
  writeFileSync(policy, "#!/bin/sh\nexit 102\n", { mode: 0o755 });
  expect(run("install_packages swaks")).toMatchObject({ status: 0 });
  expect(noted("answer")).toBe("102");
  expect(readFileSync(policy, "utf8")).toBe("#!/bin/sh\nexit 102\n");
});

test("only what is missing is named, and a program that does not come is an error", () => {
  expect(run('echo "<$(missing_packages postfix)><$(missing_packages swaks postfix curl)>"')).toMatchObject({
    status: 0,
    stdout: "<>< swaks curl>\n",
  });
  expect(run("installed_programs some-install sh")).toMatchObject({ status: 0 });
  expect(run("installed_programs some-install sh no-such-program-here\necho went on")).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "some-install: no-such-program-here is still missing after the installation\n",
  });
});

test("somebody else than root is told what it is about", () => {
  program("id", "echo 1000");
  expect(run('debian_root some-install "swaks"\necho went on')).toMatchObject({
    status: 1,
    stdout: "",
    stderr: "some-install: must be root: it installs Debian packages (swaks)\n",
  });
});
