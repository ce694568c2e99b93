/**
 * What nodemailer's SMTP connection does with what relays need (DSN, SIZE, extensions, TLS, AUTH), tried on the version in
 * use: each is fenced by `smtp-session.ts` and its neighbours. What the fences lean on is shown to be there.
 */
import SMTPConnection, { type SMTPConnectionOptions, type SMTPEnvelope } from "nodemailer/lib/smtp-connection";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { certificates } from "../fakes/certificates.ts";
import { impostor, saslServer } from "./sasl-server.ts";
import { startRawServer } from "./raw-server.ts";
import { never, openTransport, transaction } from "./smtp-fixtures.ts";

let server: SmtpStandIn;
const opened: SMTPConnection[] = [];
beforeEach(async () => {
  const { server: good } = certificates();
  server = await startSmtpStandIn({ tls: { key: good.key, cert: good.cert } });
});
afterEach(async () => {
  for (const connection of opened.splice(0)) connection.close();
  await server.close();
});

async function connect(options: SMTPConnectionOptions = { ignoreTLS: true }): Promise<SMTPConnection> {
  const connection = new SMTPConnection({ host: "127.0.0.1", port: server.port, socketCloseTimeout: 0, ...options });
  opened.push(connection);
  await new Promise<void>((resolve, reject) => {
    connection.on("error", reject);
    connection.connect((error) => (error === undefined ? resolve() : reject(error)));
  });
  return connection;
}

/** The error, or what came of it. */
async function send(
  connection: SMTPConnection,
  more: Partial<SMTPEnvelope> = {},
  body = Buffer.from("Subject: x\r\n\r\nx\r\n"),
): Promise<unknown> {
  const envelope = { from: "a@else.example", to: ["b@firma.example", "c@firma.example"], ...more };
  return new Promise((resolve) => connection.send(envelope, body, (error, info) => resolve(error ?? info)));
}

const said = (verb: string): string[] =>
  server.transcript.flatMap((line) => new RegExp(`^\\d+ C: (${verb} .*)$`, "u").exec(line)?.[1] ?? []);

describe("DSN", () => {
  test("all recipients are given the same NOTIFY and ORCPT", async () => {
    await send(await connect(), { dsn: { notify: ["SUCCESS"], orcpt: "rfc822;x@y" } });
    expect(said("RCPT")).toEqual([
      "RCPT TO:<b@firma.example> NOTIFY=SUCCESS ORCPT=rfc822;x@y",
      "RCPT TO:<c@firma.example> NOTIFY=SUCCESS ORCPT=rfc822;x@y",
    ]);
  });

  test.each([true, false])(
    "a method is asked for them, with the recipient last in the queue (PIPELINING %s)",
    async (pipelining) => {
      server.set({ pipelining });
      const connection = await connect();
      const asked: unknown[] = [];
      expect(Reflect.get(connection, "_getDsnRcptToArgs")).toBeTypeOf("function");
      Reflect.set(connection, "_getDsnRcptToArgs", () => {
        const queue: unknown = Reflect.get(connection, "_recipientQueue");
        asked.push(Array.isArray(queue) ? queue.at(-1) : undefined);
        return "";
      });
      await send(connection);
      expect(asked).toEqual(["b@firma.example", "c@firma.example"]);
    },
  );
});

test("what the server offers stands in a private field, line by line", async () => {
  server.set({ moreKeywords: ["AUTH SCRAM-SHA-256 PLAIN", "X-DSN"], dsn: false });
  const connection = await connect();
  expect(Reflect.get(connection, "_ehloLines")).toEqual(expect.arrayContaining(["AUTH SCRAM-SHA-256 PLAIN", "X-DSN"]));
  // Why it is read there: nodemailer itself knows four mechanisms, and takes X-DSN for DSN.
  expect(Reflect.get(connection, "_supportedAuth")).toEqual(["PLAIN"]);
  expect(Reflect.get(connection, "_supportedExtensions")).toContain("DSN");
});

describe("extensions that are not offered", () => {
  test("8BITMIME and SMTPUTF8: the mail is sent all the same, unannounced", async () => {
    server.set({ eightBitMime: false, smtpUtf8: false, at: { rcpt: { do: "reply", line: "250 2.1.5 OK" } } });
    await send(await connect(), { from: "a@else.example", to: ["jörg@firma.example"], use8BitMime: true });
    expect(said("MAIL")).toEqual(["MAIL FROM:<a@else.example>"]);
    expect(said("RCPT")[0]).toContain("jörg@firma.example");
  });

  test("SIZE: too large a message is refused without a reply", async () => {
    server.set({ size: 1000 });
    const error = await send(await connect(), { size: 2000 });
    expect(error).toMatchObject({ code: "EMESSAGE" });
    expect(error).not.toHaveProperty("responseCode");
    expect(said("MAIL")).toEqual([]);
  });

  test("REQUIRETLS: refused without a reply, in the clear and where it is not offered", async () => {
    expect(await send(await connect(), { requireTLSExtensionEnabled: true })).toMatchObject({ code: "EREQUIRETLS" });
    const secured = await connect({ tls: { rejectUnauthorized: false } });
    expect(await send(secured, { requireTLSExtensionEnabled: true })).toMatchObject({ code: "EREQUIRETLS" });
    expect(said("MAIL")).toEqual([]);
  });
});

test("the null reverse path, and a last line without an end", async () => {
  await send(await connect(), { from: "" }, Buffer.from("Subject: x\r\n\r\nx"));
  expect(said("MAIL")).toEqual(["MAIL FROM:<>"]);
  expect(server.messages[0]?.raw.toString()).toBe("Subject: x\r\n\r\nx\r\n");
});

describe("TLS", () => {
  test("STARTTLS that is not offered: demanded, nothing is sent; else the session goes on in the clear", async () => {
    server.set({ starttls: false });
    await expect(connect({ requireTLS: true })).rejects.toMatchObject({ code: "ETLS" });
    const connection = await connect({});
    expect(connection.secure).toBe(false);
  });

  test("demanded wins over ignored and opportunistic", async () => {
    const tls = { rejectUnauthorized: false };
    const connection = await connect({ requireTLS: true, ignoreTLS: true, opportunisticTLS: true, tls });
    expect(connection.secure).toBe(true);
  });

  test("a server that has not proved itself is accepted when told so: we judge it ourselves", async () => {
    await expect(connect({ requireTLS: true })).rejects.toMatchObject({ code: "ESOCKET" });
  });
});

describe("AUTH", () => {
  test("a login is tried although the server offers none", async () => {
    const connection = await connect();
    expect(connection.allowsAuth).toBe(false);
    const credentials = { user: "a", pass: "b" };
    const error = await new Promise((resolve) => connection.login({ credentials }, resolve));
    expect(error).toMatchObject({ code: "EAUTH" });
    expect(said("AUTH")).toHaveLength(1);
  });

  test("mail is sent without a login where none was made", async () => {
    server.set({ auth: ["PLAIN"] });
    expect(await send(await connect())).toMatchObject({ accepted: ["b@firma.example", "c@firma.example"] });
  });

  test("a custom login's own failure is given the last reply, even one of success", async () => {
    await using raw = await startRawServer(saslServer({ X: impostor }));
    const connection = await connect({
      port: raw.port,
      ignoreTLS: true,
      customAuth: {
        X: async (context) => {
          await context.sendCommand("AUTH X");
          await context.sendCommand("");
          throw new Error("the server has not proved itself");
        },
      },
    });
    const error = await new Promise((resolve) => connection.login({ user: "a", method: "X" }, resolve));
    expect(error).toMatchObject({ code: "EAUTH", responseCode: 235 });
  });
});

test("the server's SIZE is known once it has been asked, and again when it has changed", async () => {
  await using way = openTransport(server.port, { maxMessagesPerConnection: 1 });
  expect(way.maxOctets?.()).toBeUndefined();
  server.set({ size: 10_000_000 });
  await way.deliver(transaction(), never);
  expect(way.maxOctets?.()).toBe(10_000_000);
  server.set({ size: 20_000_000 });
  await way.deliver(transaction(), never);
  expect(way.maxOctets?.()).toBe(20_000_000);
  server.set({ size: undefined });
  await way.deliver(transaction(), never);
  expect(way.maxOctets?.()).toBeUndefined();
});
