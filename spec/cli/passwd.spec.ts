import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runPasswd } from "../../src/cli/passwd.ts";
import { isPasswordHash, verifyPassword } from "../../src/core/password-hash.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** `popgate passwd …` as a process that is given `input`. */
async function passwd(input: string | Buffer, ...args: readonly string[]) {
  const child = spawn(process.execPath, [main, "passwd", ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  // It need not read all that it is given.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

describe("popgate passwd, from a pipe", () => {
  test("the hash alone on stdout, the line for the configuration on stderr", async () => {
    const { code, stdout, stderr } = await passwd("korrektes Pferd\nnoch eine Zeile\n", "scanner");
    expect(code).toBe(0);
    const hash = stdout.trimEnd();
    expect(stdout).toBe(`${hash}\n`);
    expect(await verifyPassword("korrektes Pferd", hash)).toBe(true);
    expect(stderr).toContain(`\nscanner = "${hash}"\n`);
    expect(stderr).toContain("[listener.users]");
    expect(stderr).not.toContain("warning");
    expect(stdout + stderr).not.toContain("korrektes Pferd");
  });

  test("without a line end, with one of Windows, with umlauts", async () => {
    expect(
      await verifyPassword("l\u00f6wenm\u00e4ulchen", (await passwd("l\u00f6wenm\u00e4ulchen\r\n")).stdout.trim()),
    ).toBe(true);
    expect(await verifyPassword("ohne Zeilenende", (await passwd("ohne Zeilenende")).stdout.trim())).toBe(true);
  });

  test("a short one is warned of, and made all the same", async () => {
    const { code, stdout, stderr } = await passwd("abc\n", "max m");
    expect({ code, hash: isPasswordHash(stdout.trimEnd()) }).toEqual({ code: 0, hash: true });
    expect(stderr).toMatch(/^warning: a password of 3 character/u);
    expect(stderr).toContain('\n"max m" = "$scrypt$');
  });

  test.each([
    ["nothing", "", "no password was given"],
    ["an empty line", "\n", "no password was given"],
    ["what is not UTF-8", Buffer.from([0x61, 0xff, 0x0a]), "not UTF-8"],
    ["a control character", "ab\u0007cd\n", "not UTF-8"],
    ["a file by mistake", "x".repeat(100_000), "too long"],
  ])("%s: status 1, no hash", async (_, input, words) => {
    const { code, stdout, stderr } = await passwd(input, "scanner");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(words);
  });

  test("two names are a mistake", async () => {
    expect(await passwd("geheim\n", "scanner", "geheim")).toMatchObject({ code: 2, stdout: "" });
  });
});

/** A terminal: what is typed, and whether it is shown. */
class FakeTerminal extends PassThrough {
  readonly isTTY = true;
  readonly raw: boolean[] = [];
  setRawMode(raw: boolean): this {
    this.raw.push(raw);
    return this;
  }
}

async function typed(...chunks: readonly (string | Buffer)[]) {
  const stdin = new FakeTerminal();
  const shown: string[] = [];
  let stdout = "";
  const status = runPasswd("scanner", {
    stdin,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => shown.push(text) },
  });
  for (const chunk of chunks) {
    stdin.write(chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { status, stdin, shown, hash: () => stdout.trimEnd() };
}

describe("popgate passwd, on a terminal", () => {
  test("asks twice, shows nothing, and leaves the terminal as it was", async () => {
    const session = await typed("geheimes", " Wort\r", "geheimes Wort\r");
    expect(await session.status).toBe(0);
    expect(await verifyPassword("geheimes Wort", session.hash())).toBe(true);
    expect(session.shown.slice(0, 4)).toEqual(["Password: ", "\n", "Once more: ", "\n"]);
    expect(session.shown.join("")).not.toContain("geheimes");
    expect(session.stdin.raw).toEqual([true, false]);
  });

  test("both typed ahead in one go", async () => {
    const session = await typed("geheimes Wort\rgeheimes Wort\r");
    expect(await session.status).toBe(0);
  });

  test("backspace, Ctrl-U, arrow keys, a letter cut in two", async () => {
    const [first, second] = [Buffer.from("\u00e4").subarray(0, 1), Buffer.from("\u00e4").subarray(1)];
    const session = await typed(
      "falsch\u0015geheimesx\u007f\u001b[D\u001bOA W",
      first,
      second,
      "rt\n",
      "geheimes W\u00e4rt\r",
    );
    expect(await session.status).toBe(0);
    expect(await verifyPassword("geheimes W\u00e4rt", session.hash())).toBe(true);
  });

  test.each([
    ["different ones", ["geheimes Wort\r", "anderes Wort\r"], "different"],
    ["nothing", ["\r"], "no password"],
    ["Ctrl-C at once", ["\u0003"], "given up"],
    ["Ctrl-C in the second", ["geheimes Wort\r", "gehei\u0003"], "given up"],
    ["Ctrl-D", ["\u0004"], "given up"],
  ])("%s: status 1, no hash, terminal as it was", async (_, chunks, words) => {
    const session = await typed(...chunks);
    expect(await session.status).toBe(1);
    expect(session.hash()).toBe("");
    expect(session.shown.join("")).toContain(words);
    expect(session.stdin.raw).toEqual([true, false]);
  });

  test("the terminal goes away", async () => {
    const session = await typed("gehei");
    session.stdin.end();
    expect(await session.status).toBe(1);
    expect(session.stdin.raw).toEqual([true, false]);
  });
});
