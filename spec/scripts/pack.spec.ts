/**
 * From outside: the tarball of `npm pack`, installed by `npm install -g` below a temporary folder, does what a checkout
 * does. Needs the npm registry, from which the dependencies and an old Node come.
 */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { freePorts } from "../peer/support/program.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");
const run = promisify(execFile);

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
}
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Manifest;

let folder = "";
let tarball = "";
let command = "";

/** With an environment of its own: nothing of the npm that runs these specs, and nothing of the checkout but Node. */
const env = { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: tmpdir() };

async function popgate(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    return { status: 0, ...(await run(command, args, { env, cwd: folder, timeout: 120_000 })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "popgate-pack-"));
  const packed = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root });
  tarball = path.join(folder, `popgate-${manifest.version}.tgz`);
  expect(packed.stdout).toContain(`popgate-${manifest.version}.tgz`);
  const prefix = path.join(folder, "prefix");
  await run("npm", ["install", "-g", "--prefix", prefix, "--no-audit", "--no-fund", tarball], { cwd: folder });
  command = path.join(prefix, "bin/popgate");
}, 300_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** With the web page; the one box is nowhere. */
function configuration(port: number): string {
  return [
    'hostname = "popgate.firma.example"',
    'postmaster = "postmaster@firma.example"',
    'domains = ["firma.example"]',
    '[spool]\ndir = "spool"\nmin_free = "1 MB"',
    '[exchange]\nhost = "127.0.0.1"\nport = 1',
    '[[collector]]\nname = "box"\nhost = "127.0.0.1"\nport = 1\ntls = "off"\nuser = "u"\npassword = { file = "password" }',
    `[admin]\nsocket = "admin.sock"\nweb = { listen = "127.0.0.1:${port}", users = { admin = { file = "hash" } } }`,
  ].join("\n");
}

/** Where the web page is, once the daemon says so. */
async function firstPage(daemon: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  const listen = (chunk: Buffer): void => {
    said += chunk.toString();
    const url = /http:\/\/127\.0\.0\.1:\d+/u.exec(said)?.[0];
    if (url !== undefined) resolve(url);
  };
  daemon.stdout.on("data", listen);
  daemon.stderr.on("data", listen);
  daemon.once("exit", () => reject(new Error(`no web page: ${said}`)));
  return promise;
}

describe("the tarball", () => {
  it("has what runs and what is read, and nothing else", async () => {
    const { stdout } = await run("tar", ["-tzf", tarball]);
    const files = stdout.trim().split("\n");
    const tops = new Set(files.map((file) => file.split("/").slice(1, 2).join("")));
    expect([...tops].toSorted()).toEqual(
      ["CHANGELOG.md", "LICENSE", "README.md", "certs", "dist", "docs", "package.json", "web"].toSorted(),
    );
    for (const file of ["dist/main.js", "web/dist/index.html", "docs/handbook.md", "docs/popgate.schema.json"])
      expect(files).toContain(`package/${file}`);
    expect(files.filter((file) => /\.ts$|\.(?:pem|key)$/u.test(file))).toEqual([]);
  });
});

describe("the installed command", () => {
  it("tells its version", async () => {
    expect(await popgate("--version")).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: "" });
  });

  it("plays the demonstration", async () => {
    const { status, stdout } = await popgate("demo");
    expect(stdout).toMatch(/(\d+) of \1 messages as they must be/u);
    expect(status).toBe(0);
  });

  it("checks a configuration, serves the web page, and ends when it is told to", async () => {
    const file = path.join(folder, "popgate.toml");
    mkdirSync(path.join(folder, "spool"));
    const [port = 0] = await freePorts(1);
    writeFileSync(file, configuration(port));
    writeFileSync(path.join(folder, "password"), "geheim\n", { mode: 0o600 });
    const hash = await run("sh", ["-c", 'echo geheim-geheim-12 | "$0" passwd', command], { env });
    writeFileSync(path.join(folder, "hash"), hash.stdout, { mode: 0o600 });
    const checked = await popgate("check", "--config", file);
    expect(checked.status, checked.stderr).toBe(0);

    const daemon = spawn(command, ["run", "--config", file], { env, cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(daemon, "exit");
    try {
      const page = await firstPage(daemon);
      const answer = await fetch(page, { signal: AbortSignal.timeout(10_000) });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("<!doctype html>");
      const status = await popgate("status", "--config", file);
      expect([0, 5]).toContain(status.status);
      daemon.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    } finally {
      daemon.kill("SIGKILL");
    }
  });

  it("says to a real Node that is too old which one it needs", async () => {
    const old = path.join(folder, "old");
    const name = `node-linux-${process.arch}`;
    await run("npm", ["install", "--prefix", old, "--no-audit", "--no-fund", `${name}@20`], { cwd: folder });
    const node = path.join(old, "node_modules", name, "bin/node");
    const failure = await run(node, [command, "--version"], { env }).then(
      () => undefined,
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
    expect(failure).toMatchObject({ code: 1, stdout: "" });
    expect(failure?.stderr).toMatch(/^popgate: Node\.js 24 or newer is needed; this is 20\.\d+\.\d+ \(.*\)\.\n/u);
    expect(failure?.stderr).not.toMatch(/Error/u);
  });
});
