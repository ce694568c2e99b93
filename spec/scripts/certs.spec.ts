import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CertsError, type CertsOptions, makeCerts } from "../../scripts/certs.ts";
import { dial } from "../../src/net/dial.ts";
import { listenTls, policy, target } from "../net/loopback.ts";

describe("make certs", () => {
  let dir = "";
  const usual: readonly string[] = ["localhost", "popgate.firma.example", "127.0.0.1", "::1"];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "popgate-certs-"));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  const make = (changes: Partial<CertsOptions> = {}) =>
    makeCerts({ dir, names: usual, force: false, newCa: false, ...changes });
  const pem = async (name: string) => readFile(join(dir, name), "utf8");
  const certificate = async (name: string) => new X509Certificate(await pem(name));

  it("makes a CA and a certificate that a client with that CA trusts", async () => {
    const { madeCa } = await make();
    expect(madeCa).toBe(true);
    expect((await readdir(dir)).sort()).toEqual(["ca.key", "ca.pem", "server.key", "server.pem"]);
    await using server = await listenTls({ key: await pem("server.key"), cert: await pem("server.pem") });
    for (const host of ["localhost", "127.0.0.1"]) {
      const trusting = target(server.port, { host, tls: policy({ ca: [await pem("ca.pem")], minVersion: "TLSv1.3" }) });
      const socket = await dial(trusting, new AbortController().signal);
      socket.destroy();
    }
    await expect(dial(target(server.port), new AbortController().signal)).rejects.toThrow(/not known here/u);
  });

  it("keeps to current practice", async () => {
    await make();
    const [server, ca] = [await certificate("server.pem"), await certificate("ca.pem")];
    expect(server.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(server.subjectAltName).toBe(
      "DNS:localhost, DNS:popgate.firma.example, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
    expect(server.ca).toBe(false);
    expect(server.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    const days = (server.validToDate.getTime() - server.validFromDate.getTime()) / 86_400_000;
    expect(days).toBeLessThanOrEqual(825);
    expect(ca.ca).toBe(true);
    expect(ca.subjectAltName).toBeUndefined();
    // basicConstraints with CA TRUE and pathLenConstraint 0 (RFC 5280 §4.2.1.9), in DER.
    expect(ca.raw.includes(Buffer.from("30060101ff020100", "hex"))).toBe(true);
    expect(server.checkPrivateKey(createPrivateKey(await pem("server.key")))).toBe(true);
    for (const key of ["ca.key", "server.key"]) expect((await stat(join(dir, key))).mode & 0o777).toBe(0o600);
  });

  it("replaces nothing unless told to, and then keeps the CA", async () => {
    await make();
    const before = await Promise.all(["ca.pem", "ca.key", "server.pem", "server.key"].map(pem));
    await expect(make()).rejects.toThrow(/already there; --force/u);
    await expect(make({ newCa: true })).rejects.toThrow(CertsError);
    expect(await Promise.all(["ca.pem", "ca.key", "server.pem", "server.key"].map(pem))).toEqual(before);
    expect((await make({ force: true })).madeCa).toBe(false);
    expect([await pem("ca.pem"), await pem("ca.key")]).toEqual(before.slice(0, 2));
    expect(await pem("server.pem")).not.toBe(before[2]);
    expect((await certificate("server.pem")).verify((await certificate("ca.pem")).publicKey)).toBe(true);
    expect((await make({ force: true, newCa: true })).madeCa).toBe(true);
    expect(await pem("ca.pem")).not.toBe(before[0]);
  });

  it("says what is missing, and leaves nothing half done", async () => {
    await expect(make({ openssl: join(dir, "no-openssl") })).rejects.toThrow(/is missing\. Install it.*README/u);
    expect(await readdir(dir)).toEqual([]);
    await writeFile(join(dir, "ca.pem"), "only half");
    await expect(make()).rejects.toThrow(/one is missing/u);
  });

  it.each(["", "a b", "x\nDNS.9 = evil.example", "name$ENV", "-", "a..b"])("refuses %j as a name", async (name) => {
    await expect(make({ names: [name] })).rejects.toThrow(/neither a host name/u);
    expect(await readdir(dir)).toEqual([]);
  });
});
