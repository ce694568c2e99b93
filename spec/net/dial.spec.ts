import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { type LookupFunction, type Socket } from "node:net";
import tls, { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { dial, DialError, type DialTarget, upgrade } from "../../src/net/dial.ts";
import { formatPin, pinsOf, type TlsPolicy } from "../../src/net/tls-policy.ts";
import { TlsSessions } from "../../src/net/tls-sessions.ts";
import { tlsConnectOptions } from "../../src/net/verify-peer.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { certificates, type KeyAndCertificate, makeCertificate } from "../fakes/certificates.ts";
import { listen, listenTls, policy, target } from "./loopback.ts";

const signal = new AbortController().signal;
const pinOf = (it: KeyAndCertificate, of: "certificate" | "key" = "certificate") =>
  formatPin(pinsOf(new X509Certificate(it.cert))[of]);

async function failure(promise: Promise<unknown>): Promise<DialError> {
  const error: unknown = await promise.then(
    () => new Error("it did not fail"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof DialError)) throw error;
  return error;
}

async function text(socket: Socket): Promise<string> {
  const [octets] = (await once(socket, "data")) as [Buffer];
  return octets.toString();
}

describe("dial without TLS", () => {
  it("connects by name and by address, and can be talked to at once", async () => {
    await using server = await listen((socket) => socket.end("+OK\r\n"));
    for (const host of ["127.0.0.1", "localhost"]) {
      const socket = await dial(target(server.port, { host, tls: policy({ mode: "off" }) }), signal);
      expect(socket).not.toBeInstanceOf(TLSSocket);
      expect(await text(socket)).toBe("+OK\r\n");
      socket.destroy();
    }
  });

  it("goes on to the next address when one refuses", async () => {
    await using server = await listen((socket) => socket.end("+OK\r\n"));
    const lookup: LookupFunction = (_host, _options, callback) =>
      callback(null, [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ]);
    const socket = await dial(
      target(server.port, { host: "mail.test.example", lookup, tls: policy({ mode: "starttls" }) }),
      signal,
    );
    expect(await text(socket)).toBe("+OK\r\n");
    socket.destroy();
  });

  it("says that nothing listens, and where", async () => {
    const server = await listen();
    await server[Symbol.asyncDispose]();
    const error = await failure(dial(target(server.port), signal));
    expect(error).toMatchObject({ kind: "connection", code: "ECONNREFUSED" });
    expect(error.message).toContain(`127.0.0.1:${server.port}: connection refused`);
  });

  it("says that there is no such host", async () => {
    const lookup: LookupFunction = (host, _options, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND" }), []);
    const error = await failure(dial(target(110, { host: "typo.test.example", lookup }), signal));
    expect(error).toMatchObject({ kind: "connection", code: "ENOTFOUND" });
    expect(error.message).toContain("typo.test.example: there is no host of this name");
  });

  it("does not start when it is already aborted", async () => {
    await using server = await listen();
    await expect(dial(target(server.port), AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
    expect(server.accepted).toHaveLength(0);
  });

  it("hands out a socket whose failure cannot end the process", async () => {
    await using server = await listen((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const socket = await dial(target(server.port, { tls: policy({ mode: "off" }) }), signal);
    socket.write("x");
    await new Promise((resolve) => socket.once("close", resolve));
    expect(socket.destroyed).toBe(true);
  });
});

describe("dial with implicit TLS", () => {
  const names = certificates();

  it("resolves once the server has proved itself", async () => {
    await using server = await listenTls(names.server);
    for (const host of ["127.0.0.1", "localhost"]) {
      const socket = await dial(target(server.port, { host }), signal);
      expect(socket).toBeInstanceOf(TLSSocket);
      expect(await text(socket)).toBe("hello\r\n");
      socket.destroy();
    }
  });

  it("asks for names in SNI, never for addresses", async () => {
    const asked: unknown[] = [];
    await using server = await listenTls(names.server, (socket) => {
      asked.push((socket as TLSSocket & { servername: unknown }).servername);
      socket.end();
    });
    const lookup: LookupFunction = (_host, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);
    const targets: Partial<DialTarget>[] = [
      { host: "127.0.0.1" },
      { host: "localhost" },
      { host: "MAIL.test.example.", lookup },
      { host: "127.0.0.1", tls: policy({ servername: "mail.test.example" }) },
    ];
    for (const one of targets) {
      const socket = await dial(target(server.port, one), signal);
      socket.resume();
      await once(socket, "close");
    }
    expect(asked).toEqual([false, "localhost", "mail.test.example", "mail.test.example"]);
  });

  it("takes a whole chain, and a server's own certificate or an intermediate given as ca", async () => {
    const given: readonly [KeyAndCertificate, string][] = [
      [names.chained, names.ca.cert],
      [names.selfSigned, names.selfSigned.cert],
      [names.server, names.server.cert],
    ];
    for (const [served, ca] of given) {
      await using server = await listenTls(served);
      const socket = await dial(target(server.port, { tls: policy({ ca: [ca] }) }), signal);
      expect(await text(socket)).toBe("hello\r\n");
      socket.destroy();
    }
  });

  const faults: readonly [string, KeyAndCertificate, Partial<TlsPolicy>, string, RegExp][] = [
    ["expired", names.expired, {}, "CERT_HAS_EXPIRED", /certificate expired on 2024-02-03\./u],
    ["not yet valid", names.notYet, {}, "CERT_NOT_YET_VALID", /not valid before 2093-04-05\..*clock/u],
    [
      "for another name",
      names.wrongName,
      {},
      "ERR_TLS_CERT_ALTNAME_INVALID",
      /it is for other\.test\.example, 192\.0\.2\.1\./u,
    ],
    [
      "without any name",
      names.noName,
      {},
      "ERR_TLS_CERT_ALTNAME_INVALID",
      /no host name at all, subject CN=localhost/u,
    ],
    ["self-signed", names.selfSigned, {}, "DEPTH_ZERO_SELF_SIGNED_CERT", /self-signed/u],
    [
      "from an unknown CA",
      names.server,
      { ca: [names.otherCa.cert] },
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      /issuer is not known here: CN=Test CA.*ca = /u,
    ],
    [
      "from a private CA under the usual roots",
      names.server,
      { ca: [] },
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      /CN=Test CA/u,
    ],
    [
      "sent with its unknown CA",
      { ...names.server, cert: names.server.cert + names.ca.cert },
      { ca: [names.otherCa.cert] },
      "SELF_SIGNED_CERT_IN_CHAIN",
      /private CA that is not known here: CN=Test CA/u,
    ],
    [
      "without its intermediate",
      names.incomplete,
      {},
      "UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE",
      /leaves out an intermediate/u,
    ],
    [
      "under an expired CA",
      names.underOldCa,
      { ca: [names.oldCa.cert] },
      "CERT_HAS_EXPIRED",
      /its issuer CN=Old CA expired on 2021-01-01/u,
    ],
    [
      "not the pinned one",
      names.server,
      { fingerprints: [pinOf(names.renewed)] },
      "PIN_MISMATCH",
      /is pinned: expected/u,
    ],
    [
      "not the pinned one, though self-signed",
      names.selfSigned,
      { fingerprints: [pinOf(names.server), pinOf(names.server, "key")] },
      "PIN_MISMATCH",
      /got sha256:[0-9a-f]{64}, spki-sha256:[0-9a-f]{64}/u,
    ],
  ];

  it.each(faults)("refuses a certificate that is %s", async (_what, served, changes, code, words) => {
    await using server = await listenTls(served);
    const error = await failure(dial(target(server.port, { tls: policy(changes) }), signal));
    await server.allEnded();
    expect(error.kind).toBe("tls");
    expect(error.code).toMatch(new RegExp(`^(?:${code})$`, "u"));
    expect(error.message).toMatch(words);
    expect(error.message).toContain(`127.0.0.1:${server.port}: `);
    // What to write to trust it all the same, and what it is.
    expect(error.message).toContain(`fingerprint = "${pinOf(served)}"`);
    expect(error.message).toMatch(
      /The server sent the certificate of CN=.+, issued by .+, valid from .+ to .+, sha256:/u,
    );
    expect(server.heard).toEqual([]);
  });

  it.each([
    ["self-signed", names.selfSigned],
    ["expired", names.expired],
    ["not yet valid", names.notYet],
    ["for another name", names.wrongName],
    ["from an unknown CA", names.server],
  ])("accepts a pinned certificate that is %s", async (_what, served) => {
    await using server = await listenTls(served);
    for (const pin of [pinOf(served), pinOf(served, "key")]) {
      const tls = policy({ ca: [], fingerprints: [pinOf(names.ca), pin] });
      const socket = await dial(target(server.port, { tls }), signal);
      expect(await text(socket)).toBe("hello\r\n");
      socket.destroy();
    }
  });

  it("accepts a renewed certificate by the pin of its key", async () => {
    await using server = await listenTls(names.renewed);
    const fingerprints = [pinOf(names.server, "key")];
    const socket = await dial(target(server.port, { tls: policy({ fingerprints }) }), signal);
    expect(await text(socket)).toBe("hello\r\n");
    socket.destroy();
  });

  it("asks for no proof only when opportunistic without ca and pins", async () => {
    await using server = await listenTls(names.selfSigned);
    const mode = "opportunistic";
    const plain = () => dial(target(server.port, { tls: policy({ mode: "off" }) }), signal);
    const encrypted = await upgrade(await plain(), target(server.port, { tls: policy({ mode, ca: [] }) }), signal);
    expect(await text(encrypted)).toBe("hello\r\n");
    encrypted.destroy();
    for (const changes of [{ mode }, { mode, ca: [], fingerprints: [pinOf(names.server)] }] as const)
      expect((await failure(upgrade(await plain(), target(server.port, { tls: policy(changes) }), signal))).kind).toBe(
        "tls",
      );
  });

  it("says that the port speaks plain text", async () => {
    await using server = await listen((socket) => socket.resume().write("+OK POP3 server ready\r\n"));
    const error = await failure(dial(target(server.port), signal));
    expect(error.kind).toBe("tls");
    expect(error.message).toMatch(/plain text.*starttls/u);
    await server.allEnded();
  });

  it("says that the server's TLS is too old, and talks to it when that is allowed", async () => {
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
    await using server = await listenTls({ ...names.server, ...old });
    const error = await failure(dial(target(server.port), signal));
    expect(error.kind).toBe("tls");
    expect(error.message).toMatch(/TLS version.*min_tls/u);
    const socket = await dial(target(server.port, { tls: policy({ minVersion: "TLSv1" }) }), signal);
    expect((socket as TLSSocket).getProtocol()).toBe("TLSv1.1");
    socket.destroy();
  });

  it("speaks no less than the version demanded", async () => {
    await using server = await listenTls({ ...names.server, maxVersion: "TLSv1.2" });
    expect((await failure(dial(target(server.port, { tls: policy({ minVersion: "TLSv1.3" }) }), signal))).kind).toBe(
      "tls",
    );
  });

  it("refuses a weak key unless old servers are allowed", async () => {
    const weak = makeCertificate({ name: "weak", hosts: ["127.0.0.1"], key: "rsa1024" });
    await using server = await listenTls({ ...weak, ciphers: "DEFAULT@SECLEVEL=0" });
    const error = await failure(dial(target(server.port, { tls: policy({ ca: [weak.cert] }) }), signal));
    expect(error.kind).toBe("tls");
    expect(error.message).toMatch(/too weak.*min_tls/u);
    const tls = policy({ ca: [weak.cert], minVersion: "TLSv1" });
    (await dial(target(server.port, { tls }), signal)).destroy();
  });

  it("calls a server that hangs up in the handshake trouble of the connection", async () => {
    await using server = await listen((socket) => socket.once("data", () => socket.destroy()));
    expect(await failure(dial(target(server.port), signal))).toMatchObject({ kind: "connection", code: "ECONNRESET" });
  });

  it("names a ca that cannot be read", async () => {
    await using server = await listenTls(names.server);
    const error = await failure(dial(target(server.port, { tls: policy({ ca: ["-----BEGIN nonsense"] }) }), signal));
    expect(error.kind).toBe("tls");
    await server.allEnded();
  });
});

describe("the options alone", () => {
  it("never accept what the policy refuses", async () => {
    const names = certificates();
    const cases: readonly [KeyAndCertificate, Partial<TlsPolicy>, boolean][] = [
      [names.server, {}, true],
      [names.selfSigned, {}, false],
      [names.wrongName, {}, false],
      [names.server, { fingerprints: [pinOf(names.server)] }, true],
      [names.wrongName, { fingerprints: [pinOf(names.wrongName)] }, true],
      [names.server, { fingerprints: [pinOf(names.renewed)] }, false],
      // Right by its pin, but node:tls sees the chain first: verifyPeer is needed.
      [names.selfSigned, { fingerprints: [pinOf(names.selfSigned)] }, false],
    ];
    for (const [served, changes, accepted] of cases) {
      await using server = await listenTls(served);
      const socket = tls.connect({ ...tlsConnectOptions(policy(changes), "127.0.0.1"), port: server.port });
      const ended = Promise.withResolvers<boolean>();
      socket.once("secureConnect", () => ended.resolve(true)).on("error", () => ended.resolve(false));
      expect(await ended.promise).toBe(accepted);
      socket.destroy();
    }
  });
});

describe("upgrade", () => {
  const start = (port: number) => dial(target(port, { tls: policy({ mode: "starttls" }) }), signal);
  const starttls = (port: number) => target(port, { tls: policy({ mode: "starttls" }) });

  /** Says a greeting in the clear, and goes on in TLS at STLS. */
  async function listenStls(served: KeyAndCertificate, goAhead = "+OK\r\n") {
    const context = tls.createSecureContext(served);
    const heard: string[] = [];
    const server = await listen((socket) => {
      socket.write("+OK hello\r\n");
      socket.once("data", () => {
        socket.write(goAhead);
        const secure = new TLSSocket(socket, { isServer: true, secureContext: context });
        secure.on("error", () => undefined);
        secure.on("data", (octets: Buffer) => {
          heard.push(octets.toString());
          secure.write(`+OK ${octets.toString()}`);
        });
      });
    });
    return { ...server, heard };
  }

  async function untilGoAhead(socket: Socket): Promise<void> {
    await text(socket);
    socket.write("STLS\r\n");
    await text(socket);
    socket.pause();
  }

  it("goes on in TLS over the same connection", async () => {
    await using server = await listenStls(certificates().server);
    const plain = await start(server.port);
    await untilGoAhead(plain);
    const secure = await upgrade(plain, starttls(server.port), signal);
    secure.write("CAPA\r\n");
    expect(await text(secure)).toBe("+OK CAPA\r\n");
    secure.destroy();
    await server.allEnded();
    expect(server.accepted).toHaveLength(1);
  });

  it("refuses a server that does not prove itself, and closes the connection", async () => {
    await using server = await listenStls(certificates().selfSigned);
    const plain = await start(server.port);
    await untilGoAhead(plain);
    const error = await failure(upgrade(plain, starttls(server.port), signal));
    expect(error).toMatchObject({ kind: "tls", code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    await server.allEnded();
    expect(plain.destroyed).toBe(true);
    expect(server.heard).toEqual([]);
  });

  it("refuses octets in the clear that wait behind the go-ahead", async () => {
    await using server = await listenStls(certificates().server);
    const plain = await start(server.port);
    await untilGoAhead(plain);
    plain.unshift(Buffer.from("+OK injected\r\n"));
    const error = await failure(upgrade(plain, starttls(server.port), signal));
    expect(error).toMatchObject({ kind: "tls", code: "PLAINTEXT_INJECTED" });
    await server.allEnded();
  });

  it("refuses octets in the clear that come later, as what cannot be TLS", async () => {
    await using server = await listen((socket) => {
      socket.write("+OK hello\r\n");
      socket.once("data", () => {
        socket.write("+OK\r\n");
        socket.once("data", () => socket.write("+OK injected\r\n"));
      });
    });
    const plain = await start(server.port);
    await untilGoAhead(plain);
    expect((await failure(upgrade(plain, starttls(server.port), signal))).kind).toBe("tls");
    await server.allEnded();
  });

  it("refuses a connection that is already closed", async () => {
    await using server = await listen((socket) => socket.end());
    const plain = await start(server.port);
    plain.destroy();
    expect((await failure(upgrade(plain, starttls(server.port), signal))).kind).toBe("connection");
  });

  it("closes the connection when it is aborted before it began", async () => {
    await using server = await listen((socket) => socket.resume());
    const plain = await start(server.port);
    await expect(upgrade(plain, starttls(server.port), AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
    await server.allEnded();
  });
});

describe("session resumption", () => {
  async function reused(port: number, sessions: TlsSessions, tls: TlsPolicy): Promise<boolean> {
    const socket = (await dial(target(port, { tls, sessions }), signal)) as TLSSocket;
    const answer = socket.isSessionReused();
    // Tickets of TLS 1.3 come before the first octets of the server's.
    await text(socket);
    socket.end();
    await once(socket, "close");
    return answer;
  }

  it.each(["TLSv1.2", "TLSv1.3"] as const)("spares the second handshake (%s)", async (maxVersion) => {
    await using server = await listenTls({ ...certificates().server, maxVersion });
    const sessions = new TlsSessions({ clock: systemClock });
    const tls = policy();
    expect(await reused(server.port, sessions, tls)).toBe(false);
    expect(await reused(server.port, sessions, tls)).toBe(true);
    expect(await reused(server.port, sessions, { ...tls })).toBe(true);
    expect(sessions.size).toBe(1);
  });

  it("never across another ca or other pins", async () => {
    await using server = await listenTls(certificates().server);
    const sessions = new TlsSessions({ clock: systemClock });
    await reused(server.port, sessions, policy());
    const error = await failure(
      dial(target(server.port, { sessions, tls: policy({ ca: [certificates().otherCa.cert] }) }), signal),
    );
    expect(error.kind).toBe("tls");
    const pinned = policy({ ca: [], fingerprints: [pinOf(certificates().server)] });
    expect(await reused(server.port, sessions, pinned)).toBe(false);
    expect(await reused(server.port, sessions, pinned)).toBe(true);
    expect(sessions.size).toBe(2);
  });

  it("keeps no session of a server that did not prove itself", async () => {
    await using server = await listenTls({ ...certificates().selfSigned, maxVersion: "TLSv1.2" });
    const sessions = new TlsSessions({ clock: systemClock });
    await failure(dial(target(server.port, { sessions }), signal));
    expect(sessions.size).toBe(0);
  });

  it("connects all the same when the server has forgotten the session", async () => {
    await using server = await listenTls(certificates().server);
    const sessions = new TlsSessions({ clock: systemClock });
    const tls = policy();
    await reused(server.port, sessions, tls);
    const kept = sessions.find("127.0.0.1", server.port, tls);
    await using other = await listenTls(certificates().server);
    sessions.keep("127.0.0.1", other.port, tls, kept!);
    expect(await reused(other.port, sessions, tls)).toBe(false);
  });
});
