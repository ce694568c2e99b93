/** The outbound half as a process: Exchange submits, the provider's server takes or refuses, reports come back to Exchange. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startSmtpStandIn, type SmtpStandIn } from "../../src/demo/smtp-stand-in.ts";
import { submit } from "../../src/demo/submit.ts";
import { configText, popgate, startDaemon, type Daemon } from "../fakes/popgate-process.ts";

let dir: string;
let config: string;
let exchange: SmtpStandIn;
let first: SmtpStandIn;
let second: SmtpStandIn;
let port: number;
const deadline = (): AbortSignal => AbortSignal.timeout(30_000);

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "popgate-outbound-"));
  config = path.join(dir, "popgate.toml");
  exchange = await startSmtpStandIn();
  first = await startSmtpStandIn();
  second = await startSmtpStandIn();
  port = await freePort();
  await writeConfig();
});

afterEach(async () => {
  for (const server of [exchange, first, second]) await server.close();
  await rm(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function relay(name: string, { port: to }: SmtpStandIn, more = ""): string {
  return `[[relay]]\nname = "${name}"\nhost = "127.0.0.1"\nport = ${to}\ntls = "off"\n${more}\n`;
}

async function writeConfig(relays = relay("first", first) + relay("second", second), listener = ""): Promise<void> {
  const accounts = `[listener]\nlisten = ["127.0.0.1:${port}"]\nallow = ["127.0.0.1"]\n${listener}\n${relays}\n[report]\nlanguage = "en"\n`;
  await writeFile(config, configText({ dir, exchangePort: exchange.port, accounts }));
}

async function running(): Promise<Daemon> {
  const daemon = startDaemon(config);
  await daemon.until("listening");
  return daemon;
}

function mail(id: string, more = ""): Buffer {
  return Buffer.from(
    `From: Chef <chef@firma.example>\r\nTo: kunde@else.example\r\n${more}Subject: ${id}\r\nDate: Tue, 3 Nov 2026 10:00:00 +0100\r\nMessage-ID: <${id}@firma.example>\r\n\r\n${id}\r\n.\r\nend\r\n`,
  );
}

async function send(id: string, rcpt: readonly string[], more = "", from = "chef@firma.example"): Promise<void> {
  await submit(port, { from, rcpt, raw: mail(id, more) }, deadline());
}

test("what Exchange hands over goes out by the relay, octet for octet under our Received field, without Bcc", async () => {
  await using daemon = await running();
  await send("m1", ["kunde@else.example", "blind@else.example"], "Bcc: blind@else.example\r\n");
  await first.received(1, deadline());
  const [taken] = first.messages;
  expect(taken).toMatchObject({
    reversePath: "chef@firma.example",
    recipients: ["kunde@else.example", "blind@else.example"],
  });
  const text = taken?.raw.toString() ?? "";
  const [received = "", rest = ""] = text.split(/(?<=\r\n)(?=From: )/u);
  expect(received).toMatch(
    /^Received: from sender\.example \(\[127\.0\.0\.1\]\)\r\n\tby popgate\.firma\.example \(popgate\) with ESMTP id \w+;\r\n\t.+\r\n$/u,
  );
  expect(rest).toBe(mail("m1").toString());
  await daemon.until("ended");
  expect(second.messages).toHaveLength(0);
  expect(await daemon.stop()).toBe(0);
});

test("a refused recipient bounces once into Exchange, with the relay's words; the others have the mail once", async () => {
  first.set({ atRcpt: { "nobody@else.example": { do: "reply", line: "550 5.1.1 No such user here" } } });
  await using daemon = await running();
  await send("m2", ["a@else.example", "nobody@else.example", "b@else.example"]);
  await exchange.received(1, deadline());
  expect(first.messages.map(({ recipients }) => recipients)).toEqual([["a@else.example", "b@else.example"]]);
  const [report] = exchange.messages;
  expect(report).toMatchObject({ reversePath: "", recipients: ["chef@firma.example"] });
  const text = report?.raw.toString() ?? "";
  expect(text).toContain("report-type=delivery-status");
  expect(text).toContain("nobody@else.example");
  expect(text).toContain("No such user here");
  expect(text).toMatch(/^Action: failed\r$/mu);
  expect(text).not.toContain("a@else.example\r\nAction");
  expect(await daemon.stop()).toBe(0);
  expect(exchange.messages).toHaveLength(1);
});

test("a relay that refuses the sender is not asked again for it, the next one takes the mail, and nothing bounces", async () => {
  const line = "553 5.7.1 Sender address rejected: not owned by user";
  first.set({ at: { mail: () => ({ do: "reply", line }) } });
  await using daemon = await running();
  await send("m3", ["a@else.example"]);
  await second.received(1, deadline());
  await send("m4", ["a@else.example"]);
  await second.received(2, deadline());
  expect(daemon.events().filter((event) => event["event"] === "relay-paused")).toHaveLength(1);
  expect(exchange.messages.filter(({ raw }) => raw.includes("delivery-status"))).toHaveLength(0);
  expect(first.messages).toHaveLength(0);
});

test("mail for the own domains goes to Exchange, or to the relay where that is set", async () => {
  {
    await using daemon = await running();
    await send("m5", ["anna@firma.example", "kunde@else.example"]);
    await exchange.received(1, deadline());
    await first.received(1, deadline());
    expect(exchange.messages[0]?.recipients).toEqual(["anna@firma.example"]);
    expect(first.messages[0]?.recipients).toEqual(["kunde@else.example"]);
    await daemon.stop();
  }
  await writeConfig(relay("first", first), 'at_provider = ["anna@firma.example"]');
  await using daemon = await running();
  await send("m6", ["anna@firma.example", "bernd@firma.example"]);
  await exchange.received(2, deadline());
  await first.received(2, deadline());
  expect(exchange.messages[1]?.recipients).toEqual(["bernd@firma.example"]);
  expect(first.messages[1]?.recipients).toEqual(["anna@firma.example"]);
  await daemon.stop();
});

test("a provider that is changed takes the backlog of the old one", async () => {
  await writeConfig(relay("first", first));
  first.set({ at: { connect: () => ({ do: "reply", line: "554 5.3.2 closed for ever", close: true }) } });
  await using daemon = await running();
  await send("m7", ["a@else.example"]);
  await send("m8", ["b@else.example"]);
  await daemon.until("destination-down");
  await writeConfig(relay("second", second));
  daemon.signal("SIGHUP");
  await second.received(2, deadline());
  expect(await daemon.stop()).toBe(0);
  expect(exchange.messages).toHaveLength(0);
});

test("a reload keeps the listener open: a client in the midst of its mail does not notice", async () => {
  await using daemon = await running();
  const before = daemon.events().filter((event) => event["event"] === "listening").length;
  daemon.signal("SIGHUP");
  const sending = Array.from({ length: 20 }, async (_, index) => send(`r${index}`, ["a@else.example"]));
  await Promise.all(sending);
  await daemon.until("reloaded");
  await first.received(20, deadline());
  expect(daemon.events().filter((event) => event["event"] === "listening")).toHaveLength(before);
});

test("run --once sends what was left, and says what is left then", async () => {
  first.set({ at: { connect: () => ({ do: "reply", line: "421 4.3.2 not now", close: true }) } });
  await writeConfig(relay("first", first));
  {
    await using daemon = await running();
    await send("m9", ["a@else.example"]);
    await daemon.until("destination-down");
    await daemon.stop();
  }
  const late = await popgate(["run", "--once", "--config", config]);
  expect(late.code).toBe(4);
  first.set({ at: {} });
  const done = await popgate(["run", "--once", "--config", config]);
  expect(done.code, done.stderr).toBe(0);
  expect(first.messages).toHaveLength(1);
});

test("killed during a burst: what was answered 250 goes out, nothing is lost", async () => {
  const total = 200;
  const answered = new Set<string>();
  const failed = new Set<string>();
  {
    await using daemon = await running();
    // As many connections as Exchange opens.
    const connections = Array.from({ length: 20 }, async (_, first) => {
      for (let index = first; index < total; index += 20) {
        const id = `k${index}`;
        try {
          await send(id, ["a@else.example"]);
          answered.add(id);
          if (answered.size === total / 2) await daemon.kill();
        } catch {
          failed.add(id);
        }
      }
    });
    await Promise.all(connections);
  }
  expect(answered.size).toBeGreaterThanOrEqual(total / 2);
  expect(failed.size).toBeGreaterThan(0);
  const rest = await popgate(["run", "--once", "--config", config]);
  expect(rest.code, rest.stderr).toBe(0);
  const ids = first.messages.map(({ raw }) => /^Message-ID: <(.+?)@/mu.exec(raw.toString())?.[1] ?? "");
  expect([...answered].filter((id) => !ids.includes(id))).toEqual([]);
  // Handed over when the kill came, and not yet written down: at most one for each connection.
  const doubled = ids.length - new Set(ids).size;
  expect(doubled).toBeLessThanOrEqual(2);
});
