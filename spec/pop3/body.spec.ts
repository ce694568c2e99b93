/** A message between socket and reader, and what is kept of a short reply: ends, failures, and memory given back. */
import { describe, expect, it } from "vitest";
import { MessageBody, ReplyCollector } from "../../src/pop3/body.ts";
import { Pop3Error } from "../../src/pop3/port.ts";

const broken = new Pop3Error("connection", "the connection broke");

async function text(body: MessageBody): Promise<string> {
  let all = "";
  for await (const slice of body) all += slice.toString("latin1");
  return all;
}

describe("a message on its way", () => {
  it("stays whole when the connection breaks behind its end", async () => {
    let queued = 0;
    const body = new MessageBody((change) => (queued += change));
    body.write(Buffer.from("a\r\n"));
    body.end();
    body.fail(broken);
    expect(queued).toBeGreaterThan(3);
    expect(await text(body)).toBe("a\r\n");
    expect(queued).toBe(0);
  });

  it("is none when it breaks before its end, and takes up no memory then", async () => {
    let queued = 0;
    const body = new MessageBody((change) => (queued += change));
    body.write(Buffer.from("a\r\n"));
    const reading = text(body);
    body.fail(broken);
    await expect(reading).rejects.toBe(broken);
    expect(queued).toBe(0);
  });

  it("is read once", async () => {
    const body = new MessageBody(() => undefined);
    body.end();
    expect(await text(body)).toBe("");
    await expect(text(body)).rejects.toThrow("once only");
  });

  it("is let through, and costs nothing, when its reader has left", async () => {
    let queued = 0;
    const body = new MessageBody((change) => (queued += change));
    body.write(Buffer.from("a"));
    body.write(Buffer.from("b"));
    for await (const slice of body) {
      expect(slice.toString()).toBe("a");
      break;
    }
    expect(queued).toBe(0);
    body.write(Buffer.from("c"));
    body.end();
    expect(queued).toBe(0);
  });
});

describe("a reply that is kept", () => {
  it("is cut at what is wanted of it", async () => {
    const collector = new ReplyCollector(4);
    const packet = Buffer.from("abc");
    collector.write(packet);
    packet.fill("x");
    collector.write(Buffer.from("def"));
    collector.write(Buffer.from("ghi"));
    collector.end();
    expect((await collector.content).toString()).toBe("abcd");
  });

  it("fails with the session", async () => {
    const collector = new ReplyCollector(4);
    collector.fail(broken);
    await expect(collector.content).rejects.toBe(broken);
  });
});
