/**
 * What nodemailer's SMTP connection has been seen to do in older versions, tried on the one in use: each is gone, or
 * fenced by `smtp-session.ts`. What the fence leans on (fields that the types keep private) is shown to be there.
 */
import { once } from "node:events";
import { Readable } from "node:stream";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";

let server: SmtpStandIn;
beforeEach(async () => {
  server = await startSmtpStandIn();
});
afterEach(async () => server.close());

async function connect(): Promise<SMTPConnection> {
  const connection = new SMTPConnection({
    host: "127.0.0.1",
    port: server.port,
    ignoreTLS: true,
    socketCloseTimeout: 0,
  });
  connection.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error === undefined ? resolve() : reject(error)));
  });
  return connection;
}

const envelope = { from: "a@else.example", to: ["b@firma.example", "c@firma.example"] };

async function send(connection: SMTPConnection, body: Readable | Buffer): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    connection.send(envelope, body, (error, info) =>
      resolve({ ...(error ?? info), failed: error !== null && error !== undefined }),
    );
  });
}

test("the private fields that tell SIZE, extensions and refused recipients", async () => {
  const connection = await connect();
  expect(Reflect.get(connection, "_supportedExtensions")).toEqual(expect.arrayContaining(["8BITMIME", "SMTPUTF8"]));
  expect(Reflect.get(connection, "_maxAllowedSize")).toBe(50 * 1024 * 1024);
  await send(connection, Buffer.from("Subject: x\r\n\r\nx\r\n"));
  expect(Reflect.get(connection, "_envelope")).toMatchObject({ rejectedErrors: [] });
  connection.close();
});

describe("a connection that is lost", () => {
  test.each(["mail", "rcpt", "data", "dot"] as const)(
    "in phase %s: the callback of send is called, once",
    async (phase) => {
      server.set({ at: { [phase]: { do: "drop" } } });
      const connection = await connect();
      expect(await send(connection, Buffer.from("Subject: x\r\n\r\nx\r\n"))).toMatchObject({ failed: true });
    },
  );

  test("after the dot it is reported as before it: only our phase tells them apart", async () => {
    server.set({ at: { dot: { do: "drop", taken: true } } });
    const connection = await connect();
    const result = await send(connection, Buffer.from("Subject: x\r\n\r\nx\r\n"));
    expect(result).toMatchObject({ failed: true, code: "ECONNECTION", command: "CONN" });
    expect(server.messages).toHaveLength(1);
  });
});

test("a source that fails in mid-body: no final dot, and the connection is of no use (we destroy it)", async () => {
  const connection = await connect();
  const result = await send(
    connection,
    Readable.from(
      (async function* () {
        yield Buffer.from("Subject: x\r\n\r\n");
        throw new Error("damaged");
      })(),
    ),
  );
  expect(result).toMatchObject({ failed: true, code: "ESTREAM" });
  connection.close();
  expect(server.messages).toHaveLength(0);
});

test("all recipients refused: the error's own code is one of them, the recipients' stand beside it", async () => {
  server.set({
    atRcpt: {
      "b@firma.example": { do: "reply", line: "550 5.1.1 no" },
      "c@firma.example": { do: "reply", line: "451 4.2.0 later" },
    },
  });
  const connection = await connect();
  const { rejectedErrors } = await send(connection, Buffer.from("Subject: x\r\n\r\nx\r\n"));
  expect(rejectedErrors).toMatchObject([
    { recipient: "b@firma.example", responseCode: 550 },
    { recipient: "c@firma.example", responseCode: 451 },
  ]);
  connection.close();
});

test("a refusal in mid-body, with the connection closed behind it, is not lost", async () => {
  server.set({ at: { body: { do: "reply", line: "552 5.3.4 too big", close: true } } });
  const connection = await connect();
  expect(await send(connection, Buffer.alloc(100_000, "x\r\n"))).toMatchObject({ failed: true, responseCode: 552 });
});

test("bare CR and LF become CRLF, and a lone dot between them ends nothing", async () => {
  const connection = await connect();
  await send(connection, Buffer.from("Subject: x\r\n\r\na\n.\nb\r.\rc\r\n.\r\nd\r\n"));
  expect(server.messages.map(({ raw }) => raw.toString())).toEqual([
    "Subject: x\r\n\r\na\r\n.\r\nb\r\n.\r\nc\r\n.\r\nd\r\n",
  ]);
  connection.close();
});

test("an address cannot carry a command", async () => {
  const connection = await connect();
  const forged = { from: "a@else.example", to: ["b@firma.example>\r\nRCPT TO:<victim@firma.example"] };
  const result = await new Promise<unknown>((resolve) => {
    connection.send(forged, Buffer.from("x"), (error) => resolve(error));
  });
  expect(result).toMatchObject({ code: "EENVELOPE" });
  expect(server.transcript.join("\n")).not.toContain("victim");
  connection.close();
});

test("quit ends the conversation with QUIT", async () => {
  const connection = await connect();
  const ended = once(connection, "end");
  connection.quit();
  await ended;
  expect(server.transcript.at(-2)).toBe("1 C: QUIT");
});
