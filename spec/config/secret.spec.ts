import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format, inspect } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { Secret, SecretError, type SecretPorts, type SecretSource } from "../../src/config/secret.ts";

const folder = mkdtempSync(join(tmpdir(), "popgate-secret-"));
afterAll(() => rmSync(folder, { recursive: true }));

const uid = process.geteuid?.();

function secret(source: SecretSource, ports: Partial<SecretPorts> = {}): Secret {
  return new Secret("collector[1].password", source, { env: process.env, onValue: () => undefined, uid, ...ports });
}

function file(name: string, content: string | Buffer, mode = 0o600): string {
  const path = join(folder, name);
  // One of mode 0400 cannot be written again.
  rmSync(path, { force: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

async function whyNot(source: SecretSource, ports: Partial<SecretPorts> = {}): Promise<string> {
  const result = await secret(source, ports).tryRead();
  return result.kind === "bad" ? `${result.why}. ${result.hint}` : `unexpectedly read: ${result.value}`;
}

describe("where a secret is kept", () => {
  test("in the configuration", async () => {
    expect(await secret({ kind: "plain", value: "geheim" }).read()).toBe("geheim");
  });

  test("in a file, without its line end", async () => {
    expect(await secret({ kind: "file", path: file("one", "ge heim\r\n\n") }).read()).toBe("ge heim");
  });

  test("in the environment", async () => {
    expect(await secret({ kind: "env", name: "P" }, { env: { P: "geheim" } }).read()).toBe("geheim");
    expect(await whyNot({ kind: "env", name: "Q" }, { env: { P: "geheim" } })).toContain("Q is not set");
  });

  test("in a service credential, whatever its mode", async () => {
    const env = { CREDENTIALS_DIRECTORY: folder };
    file("pop", "geheim\n", 0o444);
    expect(await secret({ kind: "credential", name: "pop" }, { env }).read()).toBe("geheim");
    expect(await whyNot({ kind: "credential", name: "absent" }, { env })).toContain("does not exist");
    expect(await whyNot({ kind: "credential", name: "pop" }, { env: {} })).toContain(
      "CREDENTIALS_DIRECTORY is not set",
    );
  });

  test("behind a command, whose arguments no shell sees", async () => {
    const source: SecretSource = { kind: "command", argv: ["printf", "%s", "$HOME; `id`"], timeoutMs: 10_000 };
    expect(await secret(source).read()).toBe("$HOME; `id`");
  });
});

describe("what is refused", () => {
  test.each([0o640, 0o604, 0o620, 0o644, 0o666, 0o601])(
    "a file of mode %o, with the command that mends it",
    async (mode) => {
      const path = file("shared", "geheim", mode);
      expect(await whyNot({ kind: "file", path })).toContain(`Run: chmod 600 ${path}`);
    },
  );

  test.each([0o600, 0o400, 0o700])("but not a file of mode %o", async (mode) => {
    expect(await secret({ kind: "file", path: file("private", "geheim", mode) }).read()).toBe("geheim");
  });

  test("a file of another user", async () => {
    const path = file("foreign", "geheim");
    if (uid === 0) chownSync(path, 4711, 4711);
    const someoneElse = uid === 0 ? 4712 : (uid ?? 0) + 1;
    expect(await whyNot({ kind: "file", path }, { uid: someoneElse })).toContain("belongs to another user");
  });

  test("but root may look at the file of the service's user", async () => {
    const path = file("of-service", "geheim");
    if (uid === 0) chownSync(path, 4711, 4711);
    expect(await secret({ kind: "file", path }, { uid: 0 }).read()).toBe("geheim");
  });

  test.each([
    ["nothing", "", "it is empty"],
    ["only a line end", "\n", "it is empty"],
    ["two lines", "geheim\nQUIT\n", "more than one line"],
    ["a NUL", "ge\0heim", "more than one line, or a NUL"],
    ["Latin-1", Buffer.from([0xfc]), "not UTF-8"],
    ["a large file", Buffer.alloc(70_000, "a"), "longer than"],
  ])("a file with %s", async (_, content, why) => {
    expect(await whyNot({ kind: "file", path: file("content", content) })).toContain(why);
  });

  test("a file that is not there, and one that is a folder", async () => {
    mkdirSync(join(folder, "dir"), { recursive: true, mode: 0o700 });
    expect(await whyNot({ kind: "file", path: join(folder, "absent") })).toContain("does not exist");
    expect(await whyNot({ kind: "file", path: join(folder, "dir") })).toContain("not a regular file");
  });

  test.each([
    [["/nonexistent/program"], "was not found"],
    [["sh", "-c", "echo locked >&2; exit 3"], "failed with status 3, saying: locked"],
    [["true"], "it is empty"],
    [["sh", "-c", "head -c 200000 /dev/zero"], "printed too much"],
  ] as const)("the command %j", async (argv, why) => {
    expect(await whyNot({ kind: "command", argv: [...argv], timeoutMs: 10_000 })).toContain(why);
  });

  test("a command that does not end is killed, children that hold its output included", async () => {
    const why = await whyNot({ kind: "command", argv: ["sh", "-c", "sleep 60; echo geheim"], timeoutMs: 50 });
    expect(why).toContain("took longer than");
  });
});

test("an abort ends the waiting for a command", async () => {
  const controller = new AbortController();
  const reading = secret({ kind: "command", argv: ["sleep", "60"], timeoutMs: 60_000 }).read(controller.signal);
  controller.abort(new Error("stopping"));
  await expect(reading).rejects.toThrow("stopping");
});

test("each read sees the present value: a changed password needs no restart", async () => {
  const path = file("changing", "old\n");
  const changing = secret({ kind: "file", path });
  expect(await changing.read()).toBe("old");
  writeFileSync(path, "new\n");
  expect(await changing.read()).toBe("new");
});

test("a renewed token takes the place of the old one, with mode and owner kept, and is told", async () => {
  const told: string[] = [];
  const path = file("renewed", "old\n");
  if (uid === 0) chownSync(path, 4711, 4711);
  symlinkSync("renewed", join(folder, "link"));
  const renewed = secret(
    { kind: "file", path: join(folder, "link") },
    { uid: 0, onValue: (value) => told.push(value) },
  );
  await renewed.replace?.("new");
  expect(await renewed.read()).toBe("new");
  expect(readFileSync(path, "utf8")).toBe("new\n");
  expect(lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  const { mode, uid: owner } = statSync(path);
  expect({ mode: mode & 0o777, owner }).toEqual({ mode: 0o600, owner: uid === 0 ? 4711 : uid });
  expect(told).toEqual(["new", "new"]);
  expect(readdirSync(folder).filter((name) => name.startsWith("renewed"))).toEqual(["renewed"]);
});

test("only a file can be written", () => {
  expect(secret({ kind: "env", name: "P" }).replace).toBeUndefined();
  expect(secret({ kind: "plain", value: "x" }).replace).toBeUndefined();
});

test("read rejects with an error that names the key", async () => {
  const failing = secret({ kind: "env", name: "Q" }, { env: {} });
  await expect(failing.read()).rejects.toThrow(SecretError);
  await expect(failing.read()).rejects.toThrow("collector[1].password: the environment variable Q is not set");
});

test("every value that is read is told, so that the log can leave it out", async () => {
  const told: string[] = [];
  await secret({ kind: "plain", value: "geheim" }, { onValue: (value) => told.push(value) }).read();
  expect(told).toEqual(["geheim"]);
});

test("no way of printing a secret shows its value", () => {
  const hidden = secret({ kind: "plain", value: "geheim" });
  const shown = [
    String(hidden),
    JSON.stringify({ hidden }),
    inspect(hidden, { depth: 9, showHidden: true }),
    inspect({ nested: { hidden } }, { depth: 9 }),
    format("%s %o %j", hidden, hidden, hidden),
    Object.entries(hidden).join(),
    hidden.origin,
  ];
  for (const text of shown) expect(text).not.toContain("geheim");
});
