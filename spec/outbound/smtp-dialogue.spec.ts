/** What a well-behaved client hears, command by command. */
import { describe, expect, it } from "vitest";
import { LineClient } from "../demo/line-client.ts";
import { addressed, listen, no, send } from "./smtp-support.ts";

describe("greeting and hello", () => {
  it("greets with its name, and EHLO offers what there is", async () => {
    const { greeted, receiver } = await listen();
    receiver.limit = 12_345;
    const client = await greeted();
    client.write("EHLO ex1.firma.example\r\n");
    expect(await client.lines()).toEqual([
      "250-gate.firma.example",
      "250-PIPELINING",
      "250-SIZE 12345",
      "250-8BITMIME",
      "250-SMTPUTF8",
      "250-DSN",
      "250-ENHANCEDSTATUSCODES",
      "250-CHUNKING",
      "250 AUTH PLAIN LOGIN",
    ]);
  });

  it("asks the receiver for SIZE at each EHLO, and the gatekeeper for AUTH", async () => {
    const { hello, receiver, gatekeeper } = await listen();
    const client = await hello();
    receiver.limit = 99;
    gatekeeper.mayLogIn = () => false;
    client.write("EHLO again\r\n");
    const offers = (await client.lines()).map((line) => line.slice(4));
    expect(offers).toContain("SIZE 99");
    expect(offers.join()).not.toContain("AUTH");
  });

  it("takes HELO in place of EHLO", async () => {
    const { greeted, receiver } = await listen();
    const client = await greeted();
    client.write("HELO old-device\r\n");
    expect(await client.lines()).toEqual(["250 gate.firma.example"]);
    expect(await send(client, "Hi\r\n.\r\n")).toMatch(/^250 2\.0\.0 queued as /u);
    expect(receiver.taken[0]?.client).toMatchObject({ helo: "old-device", esmtp: false, address: "127.0.0.1" });
  });

  it.each(["EHLO", "HELO", "EHLO two names", "HELO "])("refuses %j", async (line) => {
    const { greeted } = await listen();
    const client = await greeted();
    expect(await client.say(line)).toBe("501 5.5.4");
    expect(await client.say("MAIL FROM:<a@firma.example>")).toBe("503 5.5.1");
  });

  it("knows the client's real address and the one it came in on", async () => {
    const { hello, gatekeeper, port } = await listen();
    await hello();
    expect(gatekeeper.admitted).toEqual([
      { address: "127.0.0.1", listener: `127.0.0.1:${port}`, helo: "", esmtp: false, tls: undefined, user: undefined },
    ]);
  });
});

describe("small commands", () => {
  it.each([
    ["NOOP", "250 2.0.0"],
    ["NOOP with words", "250 2.0.0"],
    ["RSET", "250 2.0.0"],
    ["VRFY somebody", "252 2.0.0"],
    ["VRFY", "501 5.5.4"],
    ["EXPN list", "502 5.5.1"],
    ["HELP", "214 2.0.0"],
    ["STARTTLS", "502 5.5.1"],
    ["DATA now", "501 5.5.4"],
    ["ETRN x", "500 5.5.1"],
    ["XCLIENT ADDR=192.0.2.1", "500 5.5.1"],
    ["XFORWARD ADDR=192.0.2.1", "500 5.5.1"],
    ["WIZ please", "500 5.5.1"],
    ["constructor", "500 5.5.1"],
    ["", "500 5.5.1"],
    ["QUIT", "221 2.0.0"],
  ])("%j is answered %s", async (line, reply) => {
    const { hello } = await listen();
    expect(await (await hello()).say(line)).toBe(reply);
  });

  it("says goodbye and closes", async () => {
    const { hello } = await listen();
    const client = await hello();
    client.write("quit  \r\n");
    expect(await client.reply()).toBe("221 2.0.0 Goodbye");
    expect(await client.reply()).toBe("closed");
  });
});

describe("the mail transaction", () => {
  it("hands the envelope and the text to the receiver, and its answer to the client", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client, "x@kunde.example", "y@kunde.example");
    expect(await client.say("DATA")).toBe("354");
    client.write("Subject: x\r\n\r\nHello\r\n..dot\r\n.\r\n");
    expect(await client.reply()).toBe("250 2.0.0 queued as 00000000000001");
    expect(receiver.taken[0]).toMatchObject({
      request: { reversePath: { kind: "address", address: "a@firma.example" }, size: undefined, smtpUtf8: false },
      recipients: [{ address: "x@kunde.example" }, { address: "y@kunde.example" }],
      body: "Subject: x\r\n\r\nHello\r\n.dot\r\n",
    });
  });

  it("takes one message after another, and each envelope is its own", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    for (const text of ["one", "two", "three"]) await send(client, `${text}\r\n.\r\n`);
    expect(receiver.bodies).toEqual(["one\r\n", "two\r\n", "three\r\n"]);
    expect(receiver.taken.map(({ recipients }) => recipients.length)).toEqual([1, 1, 1]);
  });

  it("answers a whole pipelined group, one reply for each command", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    const recipients = Array.from({ length: 500 }, (_, i) => `RCPT TO:<u${i}@kunde.example>\r\n`).join("");
    client.write(`MAIL FROM:<a@firma.example>\r\n${recipients}DATA\r\n`);
    expect(await client.reply()).toMatch(/^250 2\.1\.0/u);
    for (let i = 0; i < 500; i++) expect(await client.reply()).toMatch(/^250 2\.1\.5/u);
    expect(await client.reply()).toMatch(/^354 /u);
    client.write("Hi\r\n.\r\nMAIL FROM:<b@firma.example>\r\nQUIT\r\n");
    expect([await client.reply(), await client.reply(), await client.reply()]).toEqual([
      expect.stringMatching(/^250 2\.0\.0 queued/u),
      expect.stringMatching(/^250 2\.1\.0/u),
      expect.stringMatching(/^221/u),
    ]);
    expect(receiver.taken[0]?.recipients).toHaveLength(500);
  });

  it.each([
    ["RCPT before MAIL", ["RCPT TO:<x@y.example>"], "503 5.5.1"],
    ["DATA before MAIL", ["DATA"], "503 5.5.1"],
    ["DATA before RCPT", ["MAIL FROM:<a@b.example>", "DATA"], "503 5.5.1"],
    ["MAIL twice", ["MAIL FROM:<a@b.example>", "MAIL FROM:<a@b.example>"], "503 5.5.1"],
    ["DATA after a reset", ["MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>", "RSET", "DATA"], "503 5.5.1"],
    ["RCPT after a second EHLO", ["MAIL FROM:<a@b.example>", "EHLO me", "RCPT TO:<x@y.example>"], "503 5.5.1"],
    ["DATA after refused recipients only", ["MAIL FROM:<a@b.example>", "RCPT TO:<x>", "DATA"], "554 5.5.1"],
  ])("%s", async (_, lines, reply) => {
    const { hello } = await listen();
    const client = await hello();
    const replies = [];
    for (const line of lines) replies.push(await client.say(line));
    expect(replies.at(-1)).toBe(reply);
  });

  it("gives one who is named twice the message once, with the later wishes", async () => {
    const { hello, receiver } = await listen();
    const client = await hello();
    await addressed(client, "x@kunde.example", "y@kunde.example");
    expect(await client.say("RCPT TO:<x@KUNDE.example> NOTIFY=NEVER")).toBe("250 2.1.5");
    await client.say("DATA");
    client.write(".\r\n");
    await client.reply();
    expect(receiver.taken[0]?.recipients).toEqual([
      { address: "x@kunde.example", dsn: { notify: ["NEVER"], orcpt: undefined } },
      { address: "y@kunde.example", dsn: undefined },
    ]);
  });

  it("refuses by SIZE what would be too large", async () => {
    const { hello, receiver, events } = await listen();
    receiver.limit = 1000;
    const client = await hello();
    client.write("MAIL FROM:<a@b.example> SIZE=1001\r\n");
    expect(await client.reply()).toBe("552 5.3.4 The message is too large, at most 1000 octets are taken");
    expect(await client.say("MAIL FROM:<a@b.example> SIZE=1000")).toBe("250 2.1.0");
    expect(events.of("client-refused")).toMatchObject([{ client: "127.0.0.1", stage: "mail" }]);
  });

  it("refuses what becomes too large, after it has been read away", async () => {
    const { hello, receiver } = await listen();
    receiver.limit = 10_000;
    const client = await hello();
    expect(await send(client, `${"0123456789abcdef\r\n".repeat(10_000)}.\r\n`)).toMatch(/^552 5\.3\.4 /u);
    expect(receiver.taken).toHaveLength(0);
    expect(receiver.broken).toHaveLength(1);
    expect(receiver.octets).toBeLessThanOrEqual(10_000);
    expect(await send(client, "small\r\n.\r\n")).toMatch(/^250 2\.0\.0/u);
  });

  it("asks permission first, then about pressure", async () => {
    const { hello, receiver, gatekeeper, events } = await listen();
    receiver.pressureVerdict = no(452, "4.3.1", "Disk is full");
    const client = await hello();
    client.write("MAIL FROM:<a@b.example>\r\n");
    expect(await client.reply()).toBe("452 4.3.1 Disk is full");
    gatekeeper.mail = () => no(530, "5.7.0");
    expect(await client.say("MAIL FROM:<a@b.example>")).toBe("530 5.7.0");
    expect(events.of("client-refused").map(({ reply }) => reply)).toEqual(["452 4.3.1 Disk is full", "530 5.7.0 No"]);
  });

  it("writes the gatekeeper's verdicts as they are, and ends the connection when that is wished", async () => {
    const { hello, gatekeeper } = await listen();
    gatekeeper.recipient = (address, text, count) =>
      address.startsWith("z") ? no(421, "4.7.0", "Enough", true) : no(550, "5.1.2", `${text} ${count}`);
    const client = await hello();
    await client.say("MAIL FROM:<a@b.example>");
    client.write('RCPT TO:<"X Y"@Kunde.Example>\r\n');
    expect(await client.reply()).toBe('550 5.1.2 "X Y"@Kunde.Example 0');
    client.write("RCPT TO:<z@kunde.example>\r\n");
    expect(await client.reply()).toBe("421 4.7.0 Enough");
    expect(await client.reply()).toBe("closed");
  });

  it("turns away at connect whom the gatekeeper does not want", async () => {
    const { port, gatekeeper, events } = await listen();
    gatekeeper.onAdmit = () => no(554, "5.7.1", "Strangers are not served", true);
    using client = await LineClient.open(port);
    expect(await client.reply()).toBe("554 5.7.1 Strangers are not served");
    expect(await client.reply()).toBe("closed");
    expect(events.of("client-refused")).toMatchObject([{ stage: "connect" }]);
    expect(gatekeeper.open).toBe(0);
  });

  it("answers as the receiver says, also when that is known before the message has ended", async () => {
    const { hello, receiver } = await listen();
    receiver.before = () => Promise.resolve(no(451, "4.3.0", "Not now"));
    const client = await hello();
    expect(await send(client, `${"x".repeat(500_000)}\r\n.\r\n`)).toBe("451 4.3.0 Not now");
    receiver.before = () => Promise.resolve(undefined);
    receiver.commit = () => Promise.resolve(no(554, "5.4.6", "A loop", true));
    expect(await send(client, "Hi\r\n.\r\n")).toBe("554 5.4.6 A loop");
    expect(await client.reply()).toBe("closed");
  });

  it("answers 451 when the receiver fails, tells of it, and goes on", async () => {
    const { hello, receiver, events } = await listen();
    receiver.commit = () => Promise.reject(new Error("the disk is on fire"));
    const client = await hello();
    expect(await send(client, "Hi\r\n.\r\n")).toMatch(/^451 4\.3\.0 /u);
    expect(events.of("internal-error")).toMatchObject([{ where: "receiver", detail: "Error: the disk is on fire" }]);
    receiver.commit = () => Promise.resolve(undefined);
    expect(await send(client, "Hi\r\n.\r\n")).toMatch(/^250 2\.0\.0/u);
  });

  it("answers 451 when the gatekeeper fails, and goes on", async () => {
    const { hello, gatekeeper, events } = await listen();
    const client = await hello();
    gatekeeper.mail = () => {
      throw new Error("oh");
    };
    expect(await client.say("MAIL FROM:<a@b.example>")).toBe("451 4.3.0");
    gatekeeper.mail = () => ({ kind: "ok" });
    expect(await send(client, "Hi\r\n.\r\n")).toMatch(/^250/u);
    expect(events.of("internal-error")).toHaveLength(1);
  });
});
