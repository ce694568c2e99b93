/**
 * Trouble at real providers: greylisting, a sender that the account may not use, a wrong password, a line that breaks in
 * the middle of a message, a server that is away, a second relay. Nothing bounces, nothing is lost, nothing arrives twice.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, onTestFailed, test } from "vitest";
import { startDaemon, type Daemon } from "../fakes/popgate-process.ts";
import { startPostfixCompany } from "./support/company-postfix.ts";
import { startCuttingProxy } from "./support/cutting-proxy.ts";
import { sendAll, testId, type TestMail } from "./support/mail.ts";
import { writeOutboundConfig, type RelayText } from "./support/outbound-config.ts";
import { headerOf, isSame, openOutboundPlace, relayPassword, type OutboundPlace } from "./support/outbound-place.ts";
import { eventually, freePorts } from "./support/program.ts";

function mail(id: string, from: string, more: Partial<TestMail> = {}): TestMail {
  const to = "kunde@else.example";
  const header = [`From: ${from}@firma.example`, `To: ${to}`, "Date: Tue, 24 Nov 2026 09:00:00 +0100"];
  return {
    id,
    from: `${from}@firma.example`,
    rcpt: [to],
    header: [...header, `Message-ID: <${id}@x.example>`],
    ...more,
  };
}

async function configure(place: OutboundPlace, relays: readonly RelayText[]): Promise<string> {
  const { dir, certificates, company, listen, who } = place;
  return writeOutboundConfig({ dir, certificates, exchangePort: company.port, listen, who, relays });
}

const account = { tls: "required", user: "m123", password: "password" } as const;

async function has(place: OutboundPlace, who: string, ids: readonly string[]): Promise<void> {
  await eventually(`${ids.join(", ")} for ${who}`, async () => {
    const there = new Set((await place.outside(who)).map(testId));
    return ids.every((id) => there.has(id));
  });
}

/** Everybody outside has each once, and nobody inside has any report. */
async function checkOnce(place: OutboundPlace, ids: readonly string[]): Promise<void> {
  expect((await place.outside("kunde")).map(testId).toSorted()).toEqual(ids.toSorted());
  for (const who of ["anna", "bernd", "chef"]) expect(await place.inside(who), `reports for ${who}`).toEqual([]);
}

function said(daemon: Daemon, kind: string): readonly string[] {
  return heard(daemon, kind).map(({ msg }) => String(msg));
}

async function tells(daemon: Daemon, kind: string): Promise<void> {
  await eventually(kind, async () => heard(daemon, kind).length > 0);
}

/** Starts popgate, and waits until it listens. A failed test shows what it has said. */
async function startListening(config: string): Promise<Daemon> {
  const daemon = startDaemon(config);
  onTestFailed(() => {
    const words = daemon.events().map((line) => `${String(line["time"])} ${String(line["msg"] ?? line["text"])}`);
    process.stdout.write(`${words.slice(-60).join("\n")}\n`);
  });
  await daemon.until("listening");
  return daemon;
}

function heard(daemon: Daemon, kind: string): readonly Record<string, unknown>[] {
  return daemon.events().filter(({ event }) => event === kind);
}

describe.each(["postfix", "exim"] as const)("%s as the provider", (kind) => {
  test("greylisting; a sender it does not allow; a wrong password; each put right, and all arrives once", async () => {
    await using place = await openOutboundPlace(kind, startPostfixCompany, false);
    const { policy, senderPolicy } = place;
    const provider = await place.provider(kind);
    const config = await configure(place, [{ name: "eins", port: provider.port, ...account }]);
    await using daemon = await startListening(config);

    policy.rule = (_, asked) => (asked < 2 ? "450 4.7.1 Greylisted, try again" : undefined);
    await sendAll(place.listen, [mail("grey", "anna")]);
    await has(place, "kunde", ["grey"]);
    expect(heard(daemon, "deferred").length).toBe(2);
    expect(policy.requests.length).toBe(3);

    policy.rule = () => undefined;
    senderPolicy.rule = ({ sender }) => (sender.startsWith("chef@") ? "553 5.7.1 not owned by user m123" : undefined);
    await sendAll(place.listen, [mail("refused-sender", "chef"), mail("other-sender", "anna")]);
    await tells(daemon, "relay-paused");
    await has(place, "kunde", ["other-sender"]);
    expect(said(daemon, "relay-paused")).toEqual([expect.stringContaining("paused for chef@firma.example (sender)")]);
    senderPolicy.rule = () => undefined;
    daemon.signal("SIGHUP");
    await has(place, "kunde", ["refused-sender"]);

    await writeFile(path.join(place.dir, "password"), "falsch\n", { mode: 0o600 });
    daemon.signal("SIGHUP");
    await eventually("the second reload", async () => heard(daemon, "reloaded").length >= 2);
    await sendAll(place.listen, [mail("wrong-password", "anna"), mail("wrong-password-too", "bernd")]);
    await eventually("the account is paused", async () =>
      said(daemon, "relay-paused").some((words) => words.includes("paused (auth)")),
    );
    expect((await place.outside("kunde")).map(testId)).not.toContain("wrong-password");
    await writeFile(path.join(place.dir, "password"), `${relayPassword}\n`, { mode: 0o600 });
    daemon.signal("SIGHUP");
    await has(place, "kunde", ["wrong-password", "wrong-password-too"]);

    await checkOnce(place, ["grey", "other-sender", "refused-sender", "wrong-password", "wrong-password-too"]);
    expect(heard(daemon, "refused")).toEqual([]);
    expect(JSON.stringify(daemon.events())).not.toMatch(/geheim|falsch/u);
  });
});

test("a line that breaks at many places on the way to the provider: the message arrives once", async () => {
  await using place = await openOutboundPlace("cut", startPostfixCompany, false);
  const provider = await place.provider("exim");
  // In the handshake, and ever further on in a message; never behind a final dot.
  const cuts = [900, 20_000, 300_000, 900_000, 2_500_000];
  await using proxy = await startCuttingProxy(provider.port, cuts, "client");
  const relay = { name: "eins", port: proxy.port, ...account, extra: "connections = 1" };
  await using daemon = await startListening(await configure(place, [relay]));
  // Much more than sockets and proxy can hold, so that the last dot is far away at every cut.
  const large = mail("large", "anna", { body: `${"x".repeat(70)}\r\n`.repeat(250_000) });
  await sendAll(place.listen, [large]);
  await has(place, "kunde", ["large"]);
  await checkOnce(place, ["large"]);
  const [raw = Buffer.alloc(0)] = await place.outside("kunde");
  expect(isSame(raw, large)).toBe(true);
  expect(proxy.cut).toBe(cuts.length);
  expect(heard(daemon, "unconfirmed")).toEqual([]);
});

test("a provider that is away for a while, with a second relay for some: the others wait and then go", async () => {
  await using place = await openOutboundPlace("away", startPostfixCompany, false);
  const [port = 0, tlsPort = 0] = await freePorts(2);
  const second = await place.provider("exim");
  const config = await configure(place, [
    { name: "eins", port, ...account, extra: 'senders = ["anna@firma.example", "bernd@firma.example"]' },
    { name: "zwei", port: second.port, ...account, extra: 'senders = ["anna@firma.example"]' },
  ]);
  await using daemon = await startListening(config);
  await sendAll(place.listen, [mail("second-relay", "anna"), mail("waits", "bernd")]);
  await has(place, "kunde", ["second-relay"]);
  await tells(daemon, "destination-down");
  expect((await place.outside("kunde")).map(testId)).toEqual(["second-relay"]);

  await place.provider("postfix", { ports: [port, tlsPort] });
  await has(place, "kunde", ["waits"]);
  await tells(daemon, "destination-up");
  await sendAll(place.listen, [mail("first-relay", "anna")]);
  await has(place, "kunde", ["first-relay"]);
  await checkOnce(place, ["second-relay", "waits", "first-relay"]);
  const by = new Map((await place.outside("kunde")).map((raw) => [testId(raw), headerOf(raw)]));
  expect(by.get("second-relay")).toContain("by exim.provider.example");
  expect(by.get("waits")).toContain("by postfix.provider.example");
  expect(by.get("first-relay")).toContain("by postfix.provider.example");
});
