/** STARTTLS, implicit TLS, REQUIRETLS, logins, and the certificate: loaded, refused, and loaded again when it changes. */
import { once } from "node:events";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { connect as connectTls } from "node:tls";
import { describe, expect, it } from "vitest";
import { loadServerIdentity, type ServerTlsFiles } from "../../src/net/server-tls.ts";
import { ListenerFailed } from "../../src/outbound/smtp-listener.ts";
import { LineClient } from "../demo/line-client.ts";
import { certificates, makeCertificate } from "../fakes/certificates.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { withoutPrivileges } from "../fakes/unprivileged.ts";
import { certificateFiles } from "./smtp-tls-support.ts";
import { addressed, EventList, later, listen, no, send, until } from "./smtp-support.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The common name of the certificate that is shown to a client of implicit TLS. */
async function shown(port: number): Promise<string | undefined> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const { subject } = socket.getPeerCertificate();
  socket.destroy();
  return subject.CN === undefined ? undefined : String(subject.CN);
}

describe("TLS", () => {
  it("by STARTTLS: offered once, REQUIRETLS afterwards, and the receiver knows of it", async () => {
    const { greeted, receiver } = await listen({ tls: certificateFiles(certificates().server) });
    const client = await greeted();
    client.write("EHLO me\r\n");
    const before = (await client.lines()).map((line) => line.slice(4));
    expect(before).toContain("STARTTLS");
    expect(before).not.toContain("REQUIRETLS");
    expect(await client.say("MAIL FROM:<a@b.example> REQUIRETLS")).toBe("530 5.7.10");
    expect(await client.say("STARTTLS please")).toBe("501 5.5.4");
    expect(await client.say("STARTTLS")).toBe("220 2.0.0");
    await client.startTls();
    client.write("EHLO me\r\n");
    const after = (await client.lines()).map((line) => line.slice(4));
    expect(after).toContain("REQUIRETLS");
    expect(after).not.toContain("STARTTLS");
    expect(await client.say("STARTTLS")).toBe("503 5.5.1");
    expect(await client.say("MAIL FROM:<a@b.example> REQUIRETLS")).toBe("250 2.1.0");
    await client.say("RCPT TO:<x@kunde.example>");
    await client.say("DATA");
    client.write("Hi\r\n.\r\n");
    expect(await client.reply()).toMatch(/^250/u);
    expect(receiver.taken[0]).toMatchObject({
      client: { tls: { protocol: "TLSv1.3", cipher: expect.stringMatching(/^TLS_/u) as string } },
      request: { requireTls: true },
    });
  });

  it("implicit: the greeting comes inside", async () => {
    const { hello, receiver, gatekeeper } = await listen({ tls: certificateFiles(certificates().server) });
    const client = await hello(true);
    expect(await send(client, "Hi\r\n.\r\n")).toMatch(/^250/u);
    expect(receiver.taken[0]?.client.tls?.protocol).toBe("TLSv1.3");
    expect(gatekeeper.admitted[0]?.tls?.protocol).toBe("TLSv1.3");
  });

  it("streams large messages in both directions of slowness", async () => {
    const { hello, receiver } = await listen({ tls: certificateFiles(certificates().server) });
    receiver.limit = 100_000_000;
    const client = await hello(true);
    await addressed(client);
    client.write("BDAT 5000000 LAST\r\n");
    client.write(Buffer.alloc(5_000_000, "x"));
    expect(await client.reply()).toMatch(/^250/u);
    expect(receiver.octets).toBe(5_000_000);
  });

  it("a client that speaks no TLS where it is expected harms nobody, and is told of", async () => {
    const { tlsPort, port, hello, events } = await listen({ tls: certificateFiles(certificates().server) });
    const wrong = connect(tlsPort, "127.0.0.1");
    wrong.on("error", () => undefined);
    wrong.write("EHLO me\r\n");
    await once(wrong, "close");
    await events.count("client-refused", 1);
    const half = await LineClient.open(port);
    later(() => half[Symbol.dispose]());
    await half.reply();
    await half.say("EHLO me");
    await half.say("STARTTLS");
    half.write("this is no handshake\r\n");
    expect(await half.reply()).not.toMatch(/^\d{3}/u);
    await events.count("client-refused", 2);
    expect(events.of("client-refused").map(({ reply }) => reply)).toEqual([
      "TLS failed: wrong version number",
      "TLS failed: wrong version number",
    ]);
    expect(events.of("internal-error")).toEqual([]);
    expect(await send(await hello(true), "Hi\r\n.\r\n")).toMatch(/^250/u);
  });

  it("a handshake that does not go on is ended by the idle timer, and by a stop", async () => {
    const { tlsPort, port, gatekeeper } = await listen({ tls: certificateFiles(certificates().server), idleMs: 300 });
    const silent = connect(tlsPort, "127.0.0.1");
    silent.on("error", () => undefined);
    await once(silent, "close");
    const half = await LineClient.open(port);
    later(() => half[Symbol.dispose]());
    await half.reply();
    await half.say("EHLO me");
    await half.say("STARTTLS");
    expect(await half.reply()).toMatch(/^(?:closed|reset)$/u);
    await until(() => gatekeeper.open === 0);

    const patient = await listen({ tls: certificateFiles(certificates().server), graceMs: 60_000 });
    const sockets: Socket[] = [];
    for (const to of [patient.tlsPort, patient.port]) {
      const socket = connect(to, "127.0.0.1");
      socket.on("error", () => undefined);
      await once(socket, "connect");
      sockets.push(socket);
    }
    const started = await LineClient.open(patient.port);
    later(() => started[Symbol.dispose]());
    await started.reply();
    await started.say("EHLO me");
    await started.say("STARTTLS");
    const closed = sockets.map((socket) => once(socket.resume(), "close"));
    await patient.listener[Symbol.asyncDispose]();
    await Promise.all(closed);
    expect(patient.gatekeeper.open).toBe(0);
  });
});

describe("logins", () => {
  it.each([
    ["PLAIN with an initial response", [`AUTH PLAIN ${base64("\0scanner\0Päss")}`], ["235 2.7.0"]],
    ["PLAIN without", ["AUTH PLAIN", base64("scanner\0scanner\0Päss")], ["334", "235 2.7.0"]],
    ["PLAIN with the name in the wrong place", [`auth plain ${base64("scanner\0\0Päss")}`], ["235 2.7.0"]],
    ["LOGIN as Exchange does it", ["AUTH LOGIN", base64("scanner"), base64("Päss")], ["334", "334", "235 2.7.0"]],
    ["LOGIN with an initial response", [`AUTH LOGIN ${base64("scanner")}`, base64("Päss")], ["334", "235 2.7.0"]],
    ["a wrong password", ["AUTH LOGIN", base64("scanner"), base64("x")], ["334", "334", "535 5.7.8"]],
    ["an empty password", ["AUTH LOGIN", base64("scanner"), ""], ["334", "334", "535 5.7.8"]],
    ["cancelled", ["AUTH LOGIN", "*"], ["334", "501 5.7.0"]],
    ["cancelled later", ["AUTH LOGIN", base64("scanner"), "*"], ["334", "334", "501 5.7.0"]],
    ["a name that is no text", ["AUTH LOGIN", "QUIT"], ["334", "501 5.5.2"]],
    ["no base64", ["AUTH LOGIN", "!!!"], ["334", "501 5.5.2"]],
    ["a name with a line break", [`AUTH PLAIN ${base64("\0a\r\nb\0c")}`], ["501 5.5.2"]],
    ["no UTF-8", [`AUTH PLAIN ${Buffer.from([0, 255, 0, 255]).toString("base64")}`], ["501 5.5.2"]],
    ["in another's name", [`AUTH PLAIN ${base64("boss\0scanner\0Päss")}`], ["501 5.5.2"]],
    ["nothing in it", ["AUTH PLAIN ="], ["501 5.5.2"]],
    ["another mechanism", ["AUTH CRAM-MD5"], ["504 5.5.4"]],
    ["XOAUTH2", [`AUTH XOAUTH2 ${base64("user=x")}`], ["504 5.5.4"]],
    ["no mechanism", ["AUTH"], ["501 5.5.2"]],
  ])("%s", async (_, lines, replies) => {
    const { hello } = await listen();
    const client = await hello();
    const heard = [];
    for (const line of lines) heard.push(await client.say(line));
    expect(heard).toEqual(replies);
  });

  it("asks for the name and the password in the words that clients know", async () => {
    const { hello } = await listen();
    const client = await hello();
    client.write("AUTH LOGIN\r\n");
    expect(await client.reply()).toBe("334 VXNlcm5hbWU6");
    client.write(`${base64("scanner")}\r\n`);
    expect(await client.reply()).toBe("334 UGFzc3dvcmQ6");
    client.write("*\r\nAUTH PLAIN\r\n");
    expect(await client.reply()).toMatch(/^501/u);
    expect(await client.reply()).toBe("334 ");
  });

  it("names the user to the receiver, offers no second login, and takes none", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await client.say(`AUTH PLAIN ${base64("\0scanner\0Päss")}`);
    expect(await client.say("AUTH LOGIN")).toBe("503 5.5.1");
    client.write("EHLO me\r\n");
    expect((await client.lines()).join()).not.toContain("AUTH");
    await addressed(client);
    expect(await client.say("AUTH LOGIN")).toBe("503 5.5.1");
    await client.say("RSET");
    await send(client, "Hi\r\n.\r\n");
    expect(receiver.taken[0]?.client.user).toBe("scanner");
  });

  it("are neither offered nor taken where the gatekeeper does not allow them", async () => {
    const { greeted, gatekeeper } = await listen({ tls: certificateFiles(certificates().server) });
    gatekeeper.mayLogIn = ({ tls }) => tls !== undefined;
    const asked: string[] = [];
    gatekeeper.logIn = (user) => {
      asked.push(user);
      return Promise.resolve({ kind: "ok" });
    };
    const client = await greeted();
    expect(await client.say(`AUTH PLAIN ${base64("\0scanner\0Päss")}`)).toBe("503 5.5.1");
    client.write("EHLO me\r\n");
    expect((await client.lines()).join()).not.toContain("AUTH");
    expect(await client.say(`AUTH PLAIN ${base64("\0scanner\0Päss")}`)).toBe("538 5.7.11");
    expect(asked).toEqual([]);
    await client.say("STARTTLS");
    await client.startTls();
    client.write("EHLO me\r\n");
    expect(await client.lines()).toContain("250 AUTH PLAIN LOGIN");
    expect(await client.say(`AUTH PLAIN ${base64("\0scanner\0Päss")}`)).toBe("235 2.7.0");
  });

  it("are told when they fail, without the password", async () => {
    const { hello, events, gatekeeper } = await listen();
    gatekeeper.logIn = () => Promise.resolve(no(421, "4.7.0", "Too often", true));
    const client = await hello();
    expect(await client.say(`AUTH PLAIN ${base64("\0scanner\0geheim")}`)).toBe("421 4.7.0");
    expect(await client.reply()).toBe("closed");
    expect(events.of("client-refused")).toMatchObject([{ stage: "auth", reply: "421 4.7.0 Too often" }]);
    expect(JSON.stringify(events.all)).not.toMatch(new RegExp(`geheim|${base64("\0scanner\0geheim")}`, "u"));
  });

  it("end quietly when the client leaves while its password is checked", async () => {
    const { hello, gatekeeper, events } = await listen();
    const checked = Promise.withResolvers<void>();
    let asked = false;
    gatekeeper.logIn = async () => {
      asked = true;
      await checked.promise;
      return { kind: "ok" };
    };
    const client = await hello();
    client.write(`AUTH PLAIN ${base64("\0scanner\0Päss")}\r\n`);
    await until(() => asked);
    client.reset();
    await until(() => gatekeeper.open === 0);
    checked.resolve();
    expect(events.of("internal-error")).toEqual([]);
  });
});

describe("the certificate", () => {
  const { server, renewed, expired, notYet, chained, otherCa, selfSigned } = certificates();

  it("is told of, with its name and its end", async () => {
    const files = certificateFiles(server);
    const { events } = await listen({ tls: files });
    expect(events.of("certificate-loaded")).toMatchObject([{ file: files.certFile, subject: "CN=mail.test.example" }]);
    expect(events.of("listening").map(({ tls }) => tls)).toEqual(["starttls", "implicit"]);
    expect(events.of("certificate-expiring")).toEqual([]);
  });

  type Spoil = (files: ServerTlsFiles) => void;
  const faults: [string, Spoil, "certFile" | "keyFile", RegExp][] = [
    ["no certificate file", ({ certFile }) => rmSync(certFile), "certFile", /there is no such file/u],
    ["no key file", ({ keyFile }) => rmSync(keyFile), "keyFile", /there is no such file/u],
    [
      "a key of another certificate",
      ({ keyFile }) => writeFileSync(keyFile, otherCa.key),
      "keyFile",
      /does not belong to/u,
    ],
    [
      "no PEM",
      ({ certFile }) => writeFileSync(certFile, Buffer.from([0x30, 0x82, 1, 2])),
      "certFile",
      /no certificate in PEM/u,
    ],
    [
      "the key in the certificate's place",
      ({ certFile }) => writeFileSync(certFile, server.key),
      "certFile",
      /no certificate in PEM/u,
    ],
    [
      "the certificate in the key's place",
      ({ keyFile }) => writeFileSync(keyFile, server.cert),
      "keyFile",
      /no private key/u,
    ],
    [
      "a damaged certificate",
      ({ certFile }) => writeFileSync(certFile, server.cert.replace(/\n[^\n]{20}/u, "\nAAAA")),
      "certFile",
      /cannot be read/u,
    ],
    [
      "a damaged key",
      ({ keyFile }) => writeFileSync(keyFile, server.key.replace(/\n[^\n]{20}/u, "\nAAAA")),
      "keyFile",
      /cannot be read/u,
    ],
    [
      "a key with a passphrase",
      ({ keyFile }) =>
        writeFileSync(keyFile, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
      "keyFile",
      /passphrase/u,
    ],
  ];
  it.each(faults)("is refused at the start, with the file and the fault: %s", async (_, spoil, which, why) => {
    const files = certificateFiles(server);
    spoil(files);
    const events = new EventList();
    const error: unknown = await listen({ tls: files, events }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ListenerFailed);
    expect(String(error)).toContain(files[which]);
    expect(String(error)).toMatch(why);
    expect(events.of("listener-failed")).toHaveLength(2);
    expect(events.of("listener-failed")[0]?.detail).toMatch(why);
  });

  it("is refused when it may not be read", async () => {
    const files = certificateFiles(server);
    chmodSync(path.dirname(files.keyFile), 0o755);
    chmodSync(files.keyFile, 0);
    expect(await withoutPrivileges(async () => loadServerIdentity(files))).toMatchObject({
      kind: "bad",
      file: files.keyFile,
      why: "it may not be read by this user",
    });
  });

  it("can be one with its intermediates, RSA or ECDSA, its own issuer", async () => {
    const rsa = makeCertificate({ name: "rsa.test.example", key: "rsa2048" });
    for (const pair of [chained, selfSigned, rsa]) {
      expect(await loadServerIdentity(certificateFiles(pair))).toMatchObject({ kind: "ok" });
    }
  });

  it("implicit TLS without one is refused", async () => {
    const opening = listen({ listenImplicit: [{ host: "127.0.0.1", port: 0 }] });
    await expect(opening).rejects.toThrow(/needs a certificate/u);
  });

  it("is used although it has expired, or is not yet valid, and that is told once a day", async () => {
    for (const pair of [expired, notYet]) {
      const clock = new ManualClock();
      const { events, tlsPort } = await listen({ tls: certificateFiles(pair), clock, certificateCheckMs: 3_600_000 });
      expect(await shown(tlsPort)).toBe("mail.test.example");
      expect(events.of("certificate-expiring")).toHaveLength(1);
      await hours(clock, 30);
      expect(events.of("certificate-expiring")).toHaveLength(2);
    }
  });

  it("is loaded again when its files change, for new connections, and open ones go on", async () => {
    const clock = new ManualClock();
    const files = certificateFiles(server);
    const { events, tlsPort, hello } = await listen({ tls: files, clock, certificateCheckMs: 1000 });
    const open = await hello(true);
    const plain = await hello();
    const other = makeCertificate({ name: "new.test.example", hosts: ["localhost"] });
    writeFileSync(files.keyFile, other.key);
    writeFileSync(files.certFile, other.cert);
    await look(clock, () => events.of("certificate-loaded").length === 2);
    expect(await shown(tlsPort)).toBe("new.test.example");
    expect(await open.say("NOOP")).toBe("250 2.0.0");
    // STARTTLS on a connection that was there before gets the new one as well.
    expect(await plain.say("STARTTLS")).toBe("220 2.0.0");
    await plain.startTls();
    expect(await plain.say("EHLO me")).toBe("250");
  });

  it("stays as it is while the new pair does not fit together, and one look later that is told, once", async () => {
    const clock = new ManualClock();
    const files = certificateFiles(server);
    const { events, tlsPort } = await listen({ tls: files, clock, certificateCheckMs: 1000 });
    writeFileSync(files.certFile, makeCertificate({ name: "new.test.example" }).cert);
    await lookOnce(clock);
    // It sleeps again: it has looked.
    await clock.sleeping(clock.now() + 1);
    expect(events.of("certificate-refused")).toEqual([]);
    await look(clock, () => events.of("certificate-refused").length === 1);
    expect(events.of("certificate-refused")).toMatchObject([{ file: files.keyFile }]);
    for (let i = 0; i < 5; i++) await lookOnce(clock);
    expect(events.of("certificate-refused")).toHaveLength(1);
    expect(await shown(tlsPort)).toBe("mail.test.example");
    // The old pair comes back, renewed.
    writeFileSync(files.certFile, renewed.cert);
    await look(clock, () => events.of("certificate-loaded").length === 2);
    expect(await shown(tlsPort)).toBe("mail.test.example");
  });

  it("is not replaced by one that has expired", async () => {
    const clock = new ManualClock();
    const files = certificateFiles(server);
    const { events, tlsPort } = await listen({ tls: files, clock, certificateCheckMs: 1000 });
    const stale = makeCertificate({
      name: "stale.test.example",
      from: new Date("2020-01-01"),
      to: new Date("2021-01-01"),
    });
    writeFileSync(files.certFile, stale.cert);
    writeFileSync(files.keyFile, stale.key);
    await look(clock, () => events.of("certificate-refused").length === 1);
    expect(events.of("certificate-refused")[0]?.detail).toContain("expired on 2021-01-01");
    expect(await shown(tlsPort)).toBe("mail.test.example");
  });
});

/** Lets the watch look at the files, which takes real I/O, until a condition holds. */
async function look(clock: ManualClock, condition: () => boolean): Promise<void> {
  for (let done = false; !done; done = condition()) await lookOnce(clock);
}

async function lookOnce(clock: ManualClock): Promise<void> {
  await clock.sleeping(clock.now() + 1);
  await clock.advance(1000);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function hours(clock: ManualClock, count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    await clock.advance(3_600_000);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
