/** popgate show, explain and raw, over a real socket. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Explanation, MessageDetail } from "../../src/admin/schemas.ts";
import { fakeOperations, openInterface, someId, someMessage, type Interface } from "../admin/interface.ts";
import { typed } from "./console.ts";

const morning = new Date(2026, 10, 24, 8, 12, 33).getTime();

const detail: MessageDetail = {
  ...someMessage,
  state: "held",
  receivedAt: morning,
  size: 12_345,
  reason: "refused",
  digest: "00",
  hold: { reason: "loop", detail: "Seen before.", meaning: "It was here.", remedy: "Find out.", since: morning + 1000 },
  recipients: [],
  details: [
    {
      address: "anna@firma.example",
      state: "held",
      attempts: 2,
      at: morning + 60_000,
      detail: "refused: rcpt: 550 5.1.1 User unknown",
      unconfirmed: 1,
    },
    {
      address: "bernd@firma.example",
      state: "delivered",
      attempts: 0,
      at: morning,
      detail: "250 2.0.0 ok",
      unconfirmed: 0,
    },
  ],
  attempts: [
    {
      at: morning + 2000,
      destination: "exchange",
      recipients: ["anna@firma.example"],
      text: "rcpt: 550 5.1.1 User unknown",
    },
    { at: morning + 3000, destination: "", recipients: [], text: "held by local:otto" },
  ],
  headers: "Subject: Hello\r\n\tthere\u001B[2J\r\nX: y\r\n\r\n",
  removed: ["Envelope-To", "Return-Path"],
};

const explanation: Explanation = {
  message: { ...someMessage, subject: "Rechnung" },
  summary: "delivered to anna@firma.example: 250 2.0.0 ok",
  steps: [
    { kind: "received", at: morning, text: "fetched from box" },
    { kind: "field", good: true, text: "recipients read from Envelope-To" },
    { kind: "attempt", at: morning + 1000, good: false, text: "451 4.7.1 later" },
  ],
};

let daemon: Interface;
let body: AsyncIterable<Buffer> | undefined;
let rendered: boolean | undefined;
let explanations: Explanation[];

beforeEach(async () => {
  body = undefined;
  rendered = undefined;
  explanations = [];
  daemon = await openInterface({
    message: async (id) => (id === someId ? detail : undefined),
    explain: async (query) => (query === "anna+x@firma.example" ? explanations : []),
    raw: async (id, isRendered) => {
      rendered = isRendered;
      return id === someId ? body : undefined;
    },
  });
});
afterEach(async () => daemon[Symbol.asyncDispose]());

const ask = async (...args: string[]) => typed([...args, "--socket", daemon.socket]);

describe("popgate show", () => {
  test("recipients, attempts and header, in plain words", async () => {
    const { code, stdout } = await ask("show", someId);
    expect(code).toBe(0);
    expect(stdout.replace(/\(.* ago\)/u, "(AGE)")).toBe(`${someId}  inbound, held
received    2026-11-24 08:12:33 (AGE) from box, 12.3 kB
sender      a@b.example
from        A <a@b.example>
subject     Hello
message-id  <1@b.example>
left out    Envelope-To, Return-Path

held since 2026-11-24 08:12:34: loop
  Seen before.
  It was here.
  → Find out.

Recipients
  anna@firma.example  held, 2026-11-24 08:13:33, 2 attempts, possibly had it already (1 without an answer)
    refused: rcpt: 550 5.1.1 User unknown
  bernd@firma.example  delivered, 2026-11-24 08:12:33
    250 2.0.0 ok

Attempts and acts
  2026-11-24 08:12:35 exchange
    for anna@firma.example
    rcpt: 550 5.1.1 User unknown
  2026-11-24 08:12:36 -
    held by local:otto

Header
  Subject: Hello
      there\uFFFD[2J
  X: y
`);
  });

  test("--json is the interface's own", async () => {
    const { stdout } = await ask("show", someId, "--json");
    expect(JSON.parse(stdout)).toEqual(detail);
  });

  test("no such message: status 3; a name with a slash asks for nothing else", async () => {
    const { code, stderr } = await ask("show", "00000000000000");
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: "popgate: there is no message 00000000000000, neither in the queue nor in the history\n",
    });
    expect(await ask("show", "../status")).toMatchObject({ code: 3, stdout: "" });
  });
});

describe("popgate explain", () => {
  test("the sentence first, then the steps", async () => {
    explanations = [explanation, { ...explanation, steps: [] }];
    const { code, stdout } = await ask("explain", "anna+x@firma.example");
    expect(code).toBe(0);
    expect(stdout).toBe(`${someId}  A <a@b.example>: Rechnung
  delivered to anna@firma.example: 250 2.0.0 ok
  2026-11-24 08:12:33 · fetched from box
                      ✓ recipients read from Envelope-To
  2026-11-24 08:12:34 ✗ 451 4.7.1 later

${someId}  A <a@b.example>: Rechnung
  delivered to anna@firma.example: 250 2.0.0 ok
`);
  });

  test("nothing is known: status 3 with words, in JSON an empty list", async () => {
    const { code, stdout, stderr } = await ask("explain", "niemand@firma.example");
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toContain("nothing is known of niemand@firma.example");
    expect(await ask("explain", "niemand@firma.example", "--json")).toMatchObject({ code: 3, stdout: "[]\n" });
  });
});

describe("popgate raw", () => {
  const octets = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  // oxlint-disable-next-line typescript/require-await -- the interface is asynchronous
  const large = async function* (): AsyncGenerator<Buffer> {
    for (let index = 0; index < 400; index++) yield Buffer.alloc(64 * 1024, index);
  };

  test("every octet, as stored or as handed over", async () => {
    body = (async function* () {
      yield octets;
    })();
    const { code, octets: written } = await ask("raw", someId);
    expect(code).toBe(0);
    expect(written.equals(octets)).toBe(true);
    expect(rendered).toBe(false);
    body = large();
    expect((await ask("raw", someId, "--rendered")).octets).toHaveLength(400 * 64 * 1024);
    expect(rendered).toBe(true);
  });

  test("never to a terminal without being forced", async () => {
    body = large();
    const refused = await typed(["raw", someId, "--socket", daemon.socket], { columns: 80 });
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toContain("--force");
    expect(rendered).toBeUndefined();
    const forced = await typed(["raw", someId, "--force", "--socket", daemon.socket], { columns: 80 });
    expect(forced).toMatchObject({ code: 0, stderr: "" });
    expect(forced.octets).toHaveLength(400 * 64 * 1024);
  });

  test("a message that breaks off is said to have done so", async () => {
    body = (async function* () {
      yield Buffer.alloc(100_000);
      throw new Error("the disk");
    })();
    const { code, stderr } = await ask("raw", someId);
    expect(code).toBe(1);
    expect(stderr).toContain("has not come whole");
  });

  test("no such message: status 3, and no octet", async () => {
    expect(await ask("raw", someId)).toMatchObject({ code: 3, stdout: "" });
  });
});

test("who asks is told to the daemon", async () => {
  await ask("pause", "nothing");
  const by = daemon.events.of("admin").map((event) => event.by);
  expect(by[0]).toMatch(/^local:[!-~]+$/u);
});

test("an answer of another version is told as that", async () => {
  await using other = await openInterface({
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a later version might say
    status: async () => ({ ...(await fakeOperations().status()), moon: "full" }) as never,
  });
  const { code, stderr } = await typed(["status", "--socket", other.socket]);
  expect(code).toBe(1);
  expect(stderr).toContain("is of another version");
});
