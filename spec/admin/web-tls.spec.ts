/** The web page over TLS: what changes, and the certificate that is used when its files change; and what cannot be opened. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openWeb, WebFailed, type WebOptions } from "../../src/admin/web.ts";
import type { ServerTlsFiles } from "../../src/net/server-tls.ts";
import { certificates, makeCertificate, type KeyAndCertificate } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { EventList } from "../spool/support.ts";
import { fakeOperations } from "./interface.ts";
import { openPage } from "./web-support.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "popgate-web-tls-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write({ cert, key }: KeyAndCertificate): ServerTlsFiles {
  const files = { certFile: path.join(folder, "cert.pem"), keyFile: path.join(folder, "key.pem") };
  writeFileSync(files.certFile, cert);
  writeFileSync(files.keyFile, key);
  return files;
}

/** The common name of the certificate that is shown to this client, and the protocol. */
async function shown(
  port: number,
  options: ConnectionOptions = {},
): Promise<{ name: string; protocol: string | null }> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  try {
    await once(socket, "secureConnect");
    return { name: String(socket.getPeerCertificate().subject.CN), protocol: socket.getProtocol() };
  } finally {
    socket.destroy();
  }
}

describe("over TLS", () => {
  test("the cookie never travels without it, and browsers are to remember that", async () => {
    await using page = await openPage({ tls: write(certificates().server) });
    expect(page.url).toBe(`https://127.0.0.1:${page.port}`);
    const browser = page.browser();
    const answer = await browser.tryLogin();
    expect(answer.headers["set-cookie"]).toEqual([
      expect.stringMatching(/^__Host-popgate=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/u),
    ]);
    expect((await browser.get("/v1/status")).status).toBe(200);
    expect((await browser.post("/v1/poll")).status).toBe(200);
    for (const where of ["/", "/healthz", "/v1/status", "/assets/no", "/%zz"])
      expect((await page.ask(where)).headers["strict-transport-security"]).toBe("max-age=31536000");
    expect((await browser.post("/web/logout")).headers["set-cookie"]?.[0]).toContain("; Secure; Max-Age=0");
  });

  test("a cookie without the prefix, which a neighbour could plant, is none", async () => {
    await using page = await openPage({ tls: write(certificates().server) });
    const browser = await page.loggedIn();
    browser.cookie = browser.cookie?.replace("__Host-", "");
    expect((await browser.get("/v1/status")).status).toBe(401);
  });

  test("a page of the same name without TLS may not write", async () => {
    await using page = await openPage({ tls: write(certificates().server) });
    const browser = await page.loggedIn();
    expect((await browser.post("/v1/poll", {}, { origin: page.url.replace("https", "http") })).status).toBe(403);
  });

  test("1.2 at least", async () => {
    await using page = await openPage({ tls: write(certificates().server) });
    expect((await shown(page.port)).protocol).toBe("TLSv1.3");
    expect((await shown(page.port, { maxVersion: "TLSv1.2" })).protocol).toBe("TLSv1.2");
    await expect(
      shown(page.port, { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }),
    ).rejects.toThrow(/protocol version|unsupported protocol/u);
  });

  test("a new certificate is used as soon as it is seen, with and without a name in the handshake", async () => {
    const files = write(certificates().server);
    await using page = await openPage({ tls: files, certificateCheckMs: 1000 });
    const browser = await page.loggedIn();
    expect((await shown(page.port)).name).toBe("mail.test.example");
    write(makeCertificate({ name: "new.test.example", hosts: ["new.test.example"], issuer: certificates().ca }));
    const loaded = page.events.seen("certificate-loaded", 2);
    await page.clock.advance(1000);
    await loaded;
    expect((await shown(page.port)).name).toBe("new.test.example");
    expect((await shown(page.port, { servername: "mail.test.example" })).name).toBe("new.test.example");
    expect((await browser.get("/v1/status")).status).toBe(200);
  });

  test("one that cannot be used leaves the old one where it is, and is told of", async () => {
    const files = write(certificates().server);
    await using page = await openPage({ tls: files, certificateCheckMs: 1000 });
    writeFileSync(files.certFile, "no certificate");
    const refused = page.events.seen("certificate-refused", 1);
    // It is looked at once more before anybody is told.
    for (let look = 0; look < 2; look++) {
      await page.clock.sleeping(page.clock.now() + 1000);
      await page.clock.advance(1000);
    }
    await refused;
    expect((await shown(page.port)).name).toBe("mail.test.example");
  });

  test("who speaks no TLS is disconnected, and harms nobody", async () => {
    await using page = await openPage({ tls: write(certificates().server) });
    const socket = connect(page.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(socket, "close");
    expect((await page.ask("/healthz")).status).toBe(200);
    expect(page.events.of("internal-error")).toEqual([]);
  });

  test("closing ends a handshake that is under way", async () => {
    const page = await openPage({ tls: write(certificates().server) });
    const socket = connect(page.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    await once(socket, "connect");
    // The server has it once it has answered somebody who came later.
    await page.ask("/healthz");
    const closed = once(socket, "close");
    await page[Symbol.asyncDispose]();
    await closed;
    expect(socket.destroyed).toBe(true);
  });
});

describe("what cannot be opened is told, and leaves nothing open", () => {
  async function open(
    options: Partial<WebOptions>,
  ): Promise<{ events: EventList; clock: ManualClock; error: unknown }> {
    const events = new EventList();
    const clock = new ManualClock();
    const listen = { host: "127.0.0.1", port: 0 };
    const error = await openWeb({ listen, tls: undefined, version: "1", ...options }, fakeOperations(), {
      clock,
      events,
      users: () => new Map(),
      names: () => [],
    }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return { events, clock, error };
  }

  test("an address in use", async () => {
    await using page = await openPage();
    const { events, error, clock } = await open({
      listen: { host: "127.0.0.1", port: page.port },
      tls: write(certificates().server),
    });
    expect(error).toBeInstanceOf(WebFailed);
    expect(events.of("web-failed")).toEqual([
      { kind: "web-failed", address: `127.0.0.1:${page.port}`, detail: "another program listens there" },
    ]);
    expect(clock.waits).toEqual([]);
  });

  test("an address that this machine does not have", async () => {
    const { error } = await open({ listen: { host: "2001:db8::1", port: 0 } });
    expect(String(error)).toContain("no web page on [2001:db8::1]:0: this machine has no such address");
  });

  test("a certificate that cannot be used", async () => {
    const files = write(certificates().server);
    writeFileSync(files.keyFile, certificates().ca.key);
    const { events, error } = await open({ tls: files });
    expect(error).toBeInstanceOf(WebFailed);
    expect(events.of("web-failed")[0]?.detail).toBe(
      `${files.keyFile}: the key does not belong to the certificate in ${files.certFile}`,
    );
  });
});

describe("the address", () => {
  test.each([
    [{ host: "localhost", port: 0 }, /^http:\/\/localhost:\d+$/u],
    [{ host: "0.0.0.0", port: 0 }, /^http:\/\/mail\.test\.example:\d+$/u],
    [{ host: "127.0.0.2", port: 0 }, /^http:\/\/127\.0\.0\.2:\d+$/u],
  ])("%o is shown as one can ask for it", async (listen, url) => {
    await using page = await openPage({ listen });
    expect(page.url).toMatch(url);
    expect(page.events.of("web-listening")).toEqual([{ kind: "web-listening", url: page.url }]);
  });
});
