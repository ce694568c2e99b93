import { spawnSync } from "node:child_process";
import { scryptSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashPassword, isPasswordHash, verifyPassword } from "../../src/core/password-hash.ts";

/** Quick ones, for specs only. */
const quick = { ln: 10 };

describe("password hashes", () => {
  test("a password fits its own hash and no other", async () => {
    const hash = await hashPassword("korrektes Pferd");
    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/u);
    expect(await verifyPassword("korrektes Pferd", hash)).toBe(true);
    expect(await verifyPassword("korrektes pferd", hash)).toBe(false);
    expect(await verifyPassword("", hash)).toBe(false);
  });

  test("the same password has another hash each time", async () => {
    expect(await hashPassword("geheim", quick)).not.toBe(await hashPassword("geheim", quick));
  });

  test("it is scrypt over salt and password, as others compute it", async () => {
    const salt = Buffer.from("0123456789abcdef");
    const hash = await hashPassword("geheim", { ...quick, salt });
    const expected = scryptSync("geheim", salt, 32, { N: 1024, r: 8, p: 1 }).toString("base64").replace(/=+$/u, "");
    expect(hash).toBe(`$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$${expected}`);
  });

  test("RFC 7914 §12: the third vector, written as a hash", async () => {
    // scrypt("pleaseletmein", "SodiumChloride", N = 16384, r = 8, p = 1), 64 octets.
    const hex =
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" +
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887";
    const base64 = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/u, "");
    const hash = `$scrypt$ln=14,r=8,p=1$${base64(Buffer.from("SodiumChloride"))}$${base64(Buffer.from(hex, "hex"))}`;
    expect(isPasswordHash(hash)).toBe(true);
    expect(await verifyPassword("pleaseletmein", hash)).toBe(true);
    expect(await verifyPassword("pleaseletmeout", hash)).toBe(false);
  });

  test("é is é, however it was typed", async () => {
    expect(await verifyPassword("caf\u00e9", await hashPassword("cafe\u0301", quick))).toBe(true);
    // No compatibility folding: a full-width letter is another character.
    expect(await verifyPassword("\uff41", await hashPassword("a", quick))).toBe(false);
  });

  test("whatever the password, it fits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", maxLength: 300 }), fc.string({ maxLength: 20 }), async (a, b) => {
        const hash = await hashPassword(a, quick);
        expect(await verifyPassword(a, hash)).toBe(true);
        expect(await verifyPassword(b, hash)).toBe(a.normalize("NFC") === b.normalize("NFC"));
      }),
      { numRuns: 40 },
    );
  });
});

describe("hostile and broken hashes", () => {
  const salt = "MDEyMzQ1Njc4OWFiY2RlZg";
  const hash = "A".repeat(43);

  test.each([
    ["a plain password", "geheim"],
    ["nothing", ""],
    ["another scheme", `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${hash}`],
    ["crypt(3)", "$6$saltsalt$abcdefghijklmnopqrstuvwxyz"],
    ["2 GiB of memory", `$scrypt$ln=21,r=8,p=1$${salt}$${hash}`],
    ["memory by r", `$scrypt$ln=15,r=99,p=1$${salt}$${hash}`],
    ["work by p", `$scrypt$ln=15,r=8,p=99$${salt}$${hash}`],
    ["a cost beyond numbers", `$scrypt$ln=99,r=8,p=1$${salt}$${hash}`],
    ["hardly any cost", `$scrypt$ln=1,r=8,p=1$${salt}$${hash}`],
    ["a cost with a leading zero", `$scrypt$ln=015,r=8,p=1$${salt}$${hash}`],
    ["no salt", `$scrypt$ln=15,r=8,p=1$$${hash}`],
    ["a hash of three octets", `$scrypt$ln=15,r=8,p=1$${salt}$AAAA`],
    ["padding", `$scrypt$ln=15,r=8,p=1$${salt}==$${hash}=`],
    ["bits left over", `$scrypt$ln=15,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZh$${hash}`],
    ["a line end", `$scrypt$ln=15,r=8,p=1$${salt}$${hash}\n`],
    ["parameters in another order", `$scrypt$r=8,ln=15,p=1$${salt}$${hash}`],
  ])("%s is not taken", async (_, text) => {
    expect(isPasswordHash(text)).toBe(false);
    expect(await verifyPassword("geheim", text)).toBe(false);
  });

  test("what passlib and OWASP recommend is taken", () => {
    expect(isPasswordHash(`$scrypt$ln=16,r=8,p=1$${salt}$${hash}`)).toBe(true);
    expect(isPasswordHash(`$scrypt$ln=14,r=8,p=5$${salt}$${hash}`)).toBe(true);
  });

  test("whatever is written there, the answer comes without harm", async () => {
    const part = fc.string({ unit: fc.constantFrom(...Array.from("$scryptln=,r0123456789ABCz+/")), maxLength: 60 });
    fc.assert(
      fc.property(part, (text) => {
        expect(isPasswordHash(text)).toBe(false);
      }),
    );
    await expect(hashPassword("geheim", { ln: 40 })).rejects.toThrow("out of bounds");
    await expect(hashPassword("geheim", { ln: 2 })).rejects.toThrow("out of bounds");
  });

  test("many hashes at once leave no memory behind", () => {
    // In a process of its own, so that what others did is not counted.
    const script = `
      const { hashPassword, verifyPassword } = await import(${JSON.stringify(new URL("../../src/core/password-hash.ts", import.meta.url).href)});
      const hash = await hashPassword("geheim", { ln: 12 });
      for (let i = 0; i < 50; i++) await verifyPassword("falsch", hash);
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 200; i++) await verifyPassword("falsch", hash);
      console.log(process.memoryUsage().rss - before);`;
    const { stdout, status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    // 200 runs of 4 MiB each would be 800 MiB.
    expect(Number(stdout)).toBeLessThan(64 * 1024 * 1024);
  });
});
