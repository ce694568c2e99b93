/** Outbound mail is signed as it is sent: judged by mailauth, which shares no code with what signs. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { dkimVerify } from "mailauth";
import DKIM from "nodemailer/lib/dkim";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PopgateEvent } from "../../src/core/events.ts";
import { createSigner, type Signer, type SigningKey } from "../../src/delivery/smtp-dkim.ts";
import { createSmtpTransport } from "../../src/delivery/smtp-transport.ts";
import type { Transport } from "../../src/delivery/transport.ts";
import { startSmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { render } from "../../src/message/render.ts";
import { SpoolError } from "../../src/spool/port.ts";
import { ManualClock } from "../fakes/manual-clock.ts";
import { kinds, never, plain, transaction } from "./smtp-fixtures.ts";

/** DNS: the name of a key's record to the record. */
const dns = new Map<string, string>();

interface KeyInHand extends SigningKey {
  /** What `read` gives, or throws. */
  pem: string | Error;
  reads: number;
}

function makeKey(selector: string, more: Partial<SigningKey> & { readonly type?: "rsa" | "ed25519" } = {}): KeyInHand {
  const { type = "rsa", domain = "firma.example", activeFrom = 0 } = more;
  const { privateKey, publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: 1024 }) : generateKeyPairSync("ed25519");
  const spki = publicKey.export({ type: "spki", format: "der" });
  // RFC 8463 §4.2: the record of an Ed25519 key holds the bare 32 octets.
  const shown = type === "rsa" ? spki : spki.subarray(-32);
  dns.set(`${selector}._domainkey.${domain}`, `v=DKIM1; k=${type}; p=${shown.toString("base64")}`);
  const key: KeyInHand = {
    domain,
    selector,
    activeFrom,
    pem: pemOf(privateKey),
    reads: 0,
    key: {
      read: async () => {
        key.reads += 1;
        if (key.pem instanceof Error) throw key.pem;
        return key.pem;
      },
    },
  };
  return key;
}

/** Verdicts by selector. */
async function verdicts(message: Buffer | Readable): Promise<Record<string, string | undefined>> {
  const resolver = async (name: string): Promise<string[][]> => {
    const record = dns.get(name);
    if (record === undefined) throw Object.assign(new Error("no record"), { code: "ENOTFOUND" });
    return [[record]];
  };
  const { results } = await dkimVerify(message, { resolver, minBitLength: 1024 });
  const found: Record<string, string | undefined> = {};
  for (const { selector, status } of results) found[String(selector)] = status.result;
  return found;
}

let clock: ManualClock;
let events: PopgateEvent[];
beforeEach(() => {
  clock = new ManualClock();
  events = [];
});
afterEach(() => dns.clear());

function signerOf(...keys: readonly SigningKey[]): Signer {
  return createSigner(keys, { clock, events: { emit: (event) => void events.push(event) } });
}

function octetsOf(text: string, step = 7): () => AsyncIterable<Buffer> {
  const octets = Buffer.from(text, "latin1");
  return () =>
    render(
      (async function* () {
        for (let begin = 0; begin < octets.length; begin += step) yield octets.subarray(begin, begin + step);
      })(),
      { prepend: "", cuts: [] },
    );
}

async function collect(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The message with the field before it. */
async function signed(signer: Signer, text: string, step?: number): Promise<Buffer> {
  const body = octetsOf(text, step);
  const result = await signer.sign(body, never);
  if (result.kind === "failed") throw new Error(result.message);
  const field = result.kind === "signed" ? result.field : "";
  return Buffer.concat([Buffer.from(field), await collect(body())]);
}

const header =
  "Received: from exchange by popgate; Tue, 24 Nov 2026 08:00:00 +0100\r\n" +
  "From: Chef <chef@firma.example>\r\nTo: kunde@else.example\r\nSubject: Angebot\r\n" +
  "Date: Tue, 24 Nov 2026 08:00:00 +0100\r\nMessage-ID: <1@firma.example>\r\nMIME-Version: 1.0\r\n";

describe("what verifies", () => {
  test.each([
    ["plain", `${header}\r\nHello\r\n`],
    ["8-bit body and header", `${header}X: \xe4\r\nReply-To: J\xfcrgen <j@firma.example>\r\n\r\nGr\xfc\xdfe\r\n`],
    ["empty body", `${header}\r\n`],
    ["no blank line, no body", header],
    ["empty lines only", `${header}\r\n\r\n\r\n\r\n`],
    ["no final line end", `${header}\r\nHello`],
    ["bare LF and CR as stored", `${header}\r\nHello\nworld\rend\r\r\n`.replaceAll("\r\nTo", "\nTo")],
    ["white space everywhere", `${header}\r\n \t a \t b \r\n\r\n  \r\n\t\r\n`],
    ["lines of dots", `${header}\r\n.\r\n..\r\n...\r\n`],
    [
      "odd folding",
      `from \t:\r\n\t"a,\r\n b"\r\n\t <chef@FIRMA.example>\r\nSUBJECT:\r\n \r\n  x\r\n\t\r\n y\r\n\r\nx\r\n`,
    ],
    ["long fields", `${header}To: ${"a@else.example,\r\n ".repeat(5000)}z@else.example\r\n\r\nx\r\n`],
    ["repeated fields", `To: a@x.example\r\nSubject: 1\r\n${header}Subject: 2\r\nTo: b@x.example\r\n\r\nx\r\n`],
  ])("%s", async (_, text) => {
    const message = await signed(signerOf(makeKey("s")), text);
    expect(message.toString("latin1")).toMatch(
      /^DKIM-Signature: v=1; a=rsa-sha256; c=relaxed\/relaxed; d=firma\.example;/u,
    );
    expect(await verdicts(message)).toEqual({ s: "pass" });
    // The check can fail.
    expect(await verdicts(Buffer.concat([message, Buffer.from("x\r\n")]))).not.toEqual({ s: "pass" });
  });

  test("any message, in any chunks", async () => {
    const signer = signerOf(makeKey("s"));
    const piece = fc.constantFrom("a", "Z", ".", " ", "\t", "\r\n", "\n", "\r", "\xe4", ":", "\r\n ", "=");
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
    const value = text.map((raw) => raw.replace(/[\r\n]+(?![ \t])/gu, "\r\n ").replace(/\r\n\s*$/u, ""));
    await fc.assert(
      fc.asyncProperty(value, text, fc.integer({ min: 1, max: 50 }), async (subject, body, step) => {
        const mail = `From: chef@firma.example\r\nSubject: x${subject}x\r\nTo: a@else.example\r\n\r\n${body}`;
        expect(await verdicts(await signed(signer, mail, step))).toEqual({ s: "pass" });
      }),
      { numRuns: 150 },
    );
  });

  test("the lines of the field are short, also with many fields", async () => {
    const many = Array.from({ length: 40 }, (_, index) => `Resent-To: r${index}@else.example\r\n`).join("");
    const message = await signed(signerOf(makeKey("s")), `${many}${header}\r\nx\r\n`);
    const field = message.toString("latin1").split("Resent-To: r0")[0] ?? "";
    expect(Math.max(...field.split("\r\n").map((line) => line.length))).toBeLessThan(100);
    expect(await verdicts(message)).toEqual({ s: "pass" });
  });

  test("an Ed25519 key, and an RSA key of the same time beside it", async () => {
    const message = await signed(signerOf(makeKey("e", { type: "ed25519" }), makeKey("r")), `${header}\r\nx\r\n`);
    expect(await verdicts(message)).toEqual({ e: "pass", r: "pass" });
  });

  test("a signature that is there already stays good, and ours too", async () => {
    const other = makeKey("o", { domain: "kunde.example" });
    const first = new DKIM({ domainName: "kunde.example", keySelector: "o", privateKey: String(other.pem) });
    const stream = first.sign(Buffer.from(`${header}\r\nx\r\n`));
    const text = (await collect(stream)).toString("latin1");
    expect(await verdicts(await signed(signerOf(makeKey("s")), text))).toEqual({ o: "pass", s: "pass" });
  });
});

describe("what nobody can add", () => {
  test.each(["From: Bank <x@firma.example>", "Subject: else", "To: x@else.example", "Content-Type: text/html"])(
    "%s on top breaks the signature",
    async (line) => {
      const text = `${header}Content-Type: text/plain\r\n\r\nx\r\n`;
      const message = await signed(signerOf(makeKey("s")), text);
      expect((await verdicts(Buffer.concat([Buffer.from(`${line}\r\n`), message])))["s"]).not.toBe("pass");
    },
  );

  test("what relays add does not", async () => {
    const message = await signed(signerOf(makeKey("s")), `${header}\r\nx\r\n`);
    const added =
      "Received: by relay\r\nReturn-Path: <chef@firma.example>\r\nX-Spam: no\r\nSender: a@firma.example\r\n";
    expect(await verdicts(Buffer.concat([Buffer.from(added), message]))).toEqual({ s: "pass" });
  });
});

describe("whose mail is signed", () => {
  const key = (): SigningKey => makeKey("s");
  test.each([
    ["another domain", "From: a@else.example\r\n"],
    ["a subdomain", "From: a@sub.firma.example\r\n"],
    ["the domain in the display name only", 'From: "chef@firma.example" <a@else.example>\r\n'],
    ["two From fields", "From: chef@firma.example\r\nFrom: a@else.example\r\n"],
    ["no From field", "Sender: chef@firma.example\r\n"],
    ["a From field in the body", "Subject: x\r\n\r\nFrom: chef@firma.example\r\n"],
    ["an unreadable From field", "From: chef at firma.example\r\n"],
  ])("not: %s", async (_, text) => {
    expect(await signerOf(key()).sign(octetsOf(`${text}\r\nx\r\n`), never)).toEqual({ kind: "unsigned" });
  });

  test("one of several authors, in any spelling of the domain; IDN as UTF-8", async () => {
    const signer = signerOf(key(), makeKey("i", { domain: "xn--jrg-sna.example" }));
    expect(await verdicts(await signed(signer, "From: a@else.example, b@FIRMA.Example\r\n\r\nx\r\n"))).toEqual({
      s: "pass",
    });
    const idn = Buffer.from("From: a@jörg.example\r\n\r\nx\r\n").toString("latin1");
    const message = await signed(signer, idn);
    expect(message.toString("latin1")).toContain("d=xn--jrg-sna.example;");
  });

  test("of what is not signed no more is read than its header, and without a key nothing", async () => {
    let chunks = 0;
    const body = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from("From: a@else.example\r\n\r\n");
      for (; chunks < 10_000; chunks++) yield Buffer.alloc(65_536, "x");
    };
    expect(await signerOf(key()).sign(body, never)).toEqual({ kind: "unsigned" });
    expect(chunks).toBeLessThan(20);
    const unread = (): AsyncIterable<Buffer> => {
      throw new Error("read");
    };
    expect(await signerOf().sign(unread, never)).toEqual({ kind: "unsigned" });
  });

  test("a header without end is not kept in memory", async () => {
    let octets = 0;
    const body = async function* (): AsyncGenerator<Buffer> {
      for (; octets < 50_000_000; octets += 65_536) yield Buffer.alloc(65_536, "X: y\r\n");
    };
    expect(await signerOf(key()).sign(body, never)).toEqual({ kind: "unsigned" });
    expect(octets).toBeLessThan(3_000_000);
  });
});

test("rotation: the latest key that has come into force signs", async () => {
  const now = clock.now();
  const keys = [
    makeKey("next", { activeFrom: now + 1000 }),
    makeKey("first"),
    makeKey("second", { activeFrom: now }),
  ] as const;
  const signer = signerOf(...keys);
  expect(await verdicts(await signed(signer, `${header}\r\nx\r\n`))).toEqual({ second: "pass" });
  await clock.advance(1000);
  expect(await verdicts(await signed(signer, `${header}\r\nx\r\n`))).toEqual({ next: "pass" });
  expect(keys[1].reads).toBe(0);
  expect(await signerOf(makeKey("later", { activeFrom: clock.now() + 1 })).sign(octetsOf(header), never)).toEqual({
    kind: "unsigned",
  });
});

describe("a key that cannot be used", () => {
  test("is told once, the one before it signs, and it is used again when it can be", async () => {
    const old = makeKey("old");
    const fresh = makeKey("fresh", { activeFrom: 1 });
    const good = fresh.pem;
    fresh.pem = new Error("dkim[1].key: the file /etc/popgate/dkim does not exist");
    const signer = signerOf(old, fresh);
    for (let round = 0; round < 2; round++)
      expect(await verdicts(await signed(signer, `${header}\r\nx\r\n`))).toEqual({ old: "pass" });
    expect(events).toEqual([
      {
        kind: "dkim-failed",
        domain: "firma.example",
        selector: "fresh",
        detail: "dkim[1].key: the file /etc/popgate/dkim does not exist",
      },
    ]);
    fresh.pem = good;
    expect(await verdicts(await signed(signer, `${header}\r\nx\r\n`))).toEqual({ fresh: "pass" });
    fresh.pem = new Error("gone again");
    await signed(signer, `${header}\r\nx\r\n`);
    expect(events).toHaveLength(2);
  });

  test.each([
    ["no key at all", "not a key"],
    ["a short RSA key", pemOf(generateKeyPairSync("rsa", { modulusLength: 512 }).privateKey)],
    ["a key that cannot sign mail", pemOf(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey)],
  ])("%s: failed, with the key's name and without its text", async (_, pem) => {
    const key = makeKey("s");
    key.pem = pem;
    const result = await signerOf(key).sign(octetsOf(`${header}\r\nx\r\n`), never);
    expect(result).toMatchObject({ kind: "failed" });
    expect(JSON.stringify(result)).toContain("key s of firma.example");
    expect(JSON.stringify([result, events])).not.toContain(pem.slice(0, 60));
  });

  test("base64 on one line is a key, too", async () => {
    const key = makeKey("s");
    key.pem = String(key.pem).replaceAll(/-----[^-]+-----|\s/gu, "");
    expect(await verdicts(await signed(signerOf(key), `${header}\r\nx\r\n`))).toEqual({ s: "pass" });
  });
});

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

describe("on the way", () => {
  function transportTo(port: number, signer: Signer): Transport {
    return createSmtpTransport(
      {
        name: "relay",
        host: "127.0.0.1",
        port,
        tls: plain,
        hostname: "popgate.firma.example",
        credentials: undefined,
        maxMessagesPerConnection: 20,
        idleMs: 60_000,
        maxAgeMs: 480_000,
        eightBit: "send",
      },
      { clock, signer },
    );
  }

  test("what the relay is given verifies, dots and 8-bit included, and its size is what was said", async () => {
    await using server = await startSmtpStandIn();
    await using way = transportTo(server.port, signerOf(makeKey("s")));
    const body = octetsOf(`${header}\r\n.\r\n..\r\nGr\xfc\xdfe\r\n`);
    const size = (await collect(body())).length;
    expect(kinds(await way.deliver(transaction({ body, size }), never))).toEqual(["delivered"]);
    const [message] = server.messages;
    expect(await verdicts(message?.raw ?? Buffer.alloc(0))).toEqual({ s: "pass" });
    expect(message?.mailParameters).toContain(`SIZE=${message?.size ?? 0}`);
  });

  test("without a usable key the mail waits, as for trouble of our own, and nothing is said to the relay", async () => {
    await using server = await startSmtpStandIn();
    const key = makeKey("s");
    const good = key.pem;
    key.pem = new Error("no such file");
    await using way = transportTo(server.port, signerOf(key));
    const mail = transaction({ body: octetsOf(`${header}\r\nx\r\n`) });
    const result = await way.deliver(mail, never);
    expect(result.outcomes[0]?.outcome).toEqual({
      kind: "deferred",
      cause: {
        kind: "internal",
        message: "the message cannot be signed: key s of firma.example: no such file",
      },
    });
    expect(result.destination.kind).toBe("unasked");
    expect(server.connections.total).toBe(0);
    key.pem = good;
    expect(kinds(await way.deliver(mail, never))).toEqual(["delivered"]);
  });

  test("a message that cannot be read is known as one; a stop ends the reading", async () => {
    await using server = await startSmtpStandIn();
    await using way = transportTo(server.port, signerOf(makeKey("s")));
    const damaged = new SpoolError("SPOOL_DAMAGED", "the digest does not agree");
    const stop = new AbortController();
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(`${header}\r\n`);
      throw damaged;
    };
    const result = await way.deliver(transaction({ body: broken }), never);
    expect(result.bodyError).toBe(damaged);
    expect(kinds(result)).toEqual(["deferred"]);
    const endless = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from(`${header}\r\n`);
      for (let index = 0; ; index++) {
        if (index === 5) stop.abort(new Error("stopping"));
        yield Buffer.from("x\r\n");
      }
    };
    await expect(way.deliver(transaction({ body: endless }), stop.signal)).rejects.toThrow("stopping");
    expect(server.connections.total).toBe(0);
  });

  test("150 MB in bounded memory", async () => {
    const chunk = Buffer.from(`${"0123456789 ".repeat(6)}\r\n`.repeat(900));
    // What is garbage is not held: only what is left after a collection counts.
    setFlagsFromString("--expose-gc");
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the flag makes
    const collectGarbage = runInNewContext("gc") as () => void;
    const held = (): number => {
      collectGarbage();
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      return arrayBuffers + heapUsed;
    };
    let most = 0;
    const body = async function* (watched: boolean): AsyncGenerator<Buffer> {
      yield Buffer.from(`${header}\r\n`);
      for (let octets = 0, number = 0; octets < 150_000_000; octets += chunk.length, number++) {
        if (watched && number % 100 === 0) most = Math.max(most, held());
        yield chunk;
      }
    };
    const before = held();
    const result = await signerOf(makeKey("s")).sign(() => body(true), never);
    expect(most).toBeGreaterThan(0);
    expect(most - before).toBeLessThan(30_000_000);
    const field = Buffer.from(result.kind === "signed" ? result.field : "");
    const whole = async function* (): AsyncGenerator<Buffer> {
      yield field;
      yield* body(false);
    };
    expect(await verdicts(Readable.from(whole(), { objectMode: false }))).toEqual({ s: "pass" });
  }, 180_000);
});
