/** Mistakes of relays, the listener and the host, each planted into a configuration that is good: the doctor names each. */
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { makeCertificate } from "../fakes/certificates.ts";
import { makeDoctorWorld } from "./doctor-world.ts";

describe("the outbound half", () => {
  test("a relay with a wrong password", async () => {
    await using world = await makeDoctorWorld();
    await writeFile(path.join(world.dir, "relay-password"), "falsch\n");
    const { status, words } = await world.ask({ listener: world.listen }, ["relay", "provider"]);
    expect(status).toBe(5);
    expect(words).toContain("the login as info@firma.example is refused: 535 5.7.8");
    expect(words).toContain(path.join(world.dir, "relay-password"));
    expect(words).not.toContain("falsch");
  });

  test("a relay that takes one sender only, and no reports", async () => {
    await using world = await makeDoctorWorld({
      relay: {
        knobs: {
          at: {
            mail: ({ argument }) =>
              argument === "info@firma.example" ? undefined : { do: "reply", line: "550 5.7.1 not your address" },
          },
        },
      },
    });
    const { status, words } = await world.ask({ listener: world.listen }, ["relay", "provider"]);
    expect(status).toBe(5);
    expect(words).toContain("it does not take mail from postmaster@firma.example: 550 5.7.1 not your address");
    expect(words).toContain('envelope_from = "info@firma.example"');
    expect(words).toContain("it does not take reports (the null sender)");
  });

  test("the listener's port is taken by another program", async () => {
    await using world = await makeDoctorWorld();
    await using other = await taken("220 mail.firma.example ESMTP Postfix\r\n");
    const { status, words } = await world.ask({ listener: `listen = ["127.0.0.1:${other.port}"]` }, ["listener"]);
    expect(status).toBe(5);
    expect(words).toContain(
      `127.0.0.1:${other.port} is taken by another program, which greets: 220 mail.firma.example`,
    );
    expect(words).toContain(`ss -ltnp 'sport = :${other.port}'`);
  });

  test("the listener's certificate is for another name, and has few days left", async () => {
    await using world = await makeDoctorWorld();
    const soon = makeCertificate({
      name: "x",
      hosts: ["old.firma.example"],
      to: new Date(Date.now() + 3.5 * 86_400_000),
    });
    await writeFile(path.join(world.dir, "cert.pem"), soon.cert);
    await writeFile(path.join(world.dir, "key.pem"), soon.key, { mode: 0o600 });
    const written = { listener: `${world.listen}\ntls = { cert = "cert.pem", key = "key.pem" }` };
    const { words } = await world.ask({ ...written, hostname: "popgate.firma.example" }, ["listener"]);
    expect(words).toContain("is not for popgate.firma.example");
    expect(words).toContain("ends in 3 day(s)");
  });
});

describe("the host", () => {
  test("a password file that others can read", async () => {
    await using world = await makeDoctorWorld();
    await chmod(path.join(world.dir, "password"), 0o644);
    const { status, words } = await world.ask();
    expect(status).toBe(2);
    expect(words).toContain("can be reached by group or others (mode 0644)");
    expect(words).toContain(`Run: chmod 600 ${path.join(world.dir, "password")}`);
  });

  test("a spool on a full disk, and on one that is smaller than it may grow", async () => {
    await using world = await makeDoctorWorld();
    const full = await world.ask({}, ["host"], { freeOctets: async () => 400_000 });
    expect(full.status).toBe(5);
    expect(full.words).toContain("the disk is full: 400 kB free on the disk");
    const small = await world.ask({}, ["host"], { freeOctets: async () => 50_000_000 });
    expect(small.status).toBe(0);
    expect(small.words).toContain("50 MB free on the disk");
    const ample = await world.ask({}, ["host"], { freeOctets: async () => 5e9 });
    expect(ample.words).toBe("");
  });

  test("a configuration that others can write to", async () => {
    await using world = await makeDoctorWorld();
    await world.ask({}, ["host"]);
    // The file is written again without a change of its mode.
    await chmod(path.join(world.dir, "popgate.toml"), 0o666);
    const { words, status } = await world.ask({}, ["host"]);
    expect(status).toBe(5);
    expect(words).toContain("others than its owner can write");
  });
});

/** A program that listens on a port of its own, and greets. */
async function taken(greeting: string): Promise<AsyncDisposable & { readonly port: number }> {
  const other = createServer((socket) => socket.on("error", () => undefined).end(greeting));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = other.address() as AddressInfo;
  return {
    port,
    [Symbol.asyncDispose]: async () => void (await new Promise((resolve) => other.close(resolve))),
  };
}
